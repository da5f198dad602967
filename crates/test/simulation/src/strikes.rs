//! Strikes between the consumer's lives. The server restarts, or somebody restores an old backup of
//! it; the store is lost, or somebody restores an old backup of that.

use crate::chance::Purpose;
use crate::held::Reader;
use crate::run::{Backup, Run};
use crate::world::{LOST, MOVED_IN};

/// How many backups of the store a run keeps, at most.
const MOST_BACKUPS: usize = 3;

impl Run {
    /// Draws a strike, most often none.
    pub fn strike(&mut self) {
        match self.draw(Purpose::Strikes, |rng| rng.u8(0..14)) {
            0 => self.model.world().restart_server(),
            1 => self.restore_server(),
            2 => {
                let mut world = self.model.world();
                world.half_loaded = true;
                world.log("  the server is half loaded");
            }
            3 => {
                self.model.world().log("  the store is lost");
                self.remove_store();
                self.checker.reset(Reader::default());
                self.model.world().facts.owed = None;
            }
            4..=5 => {
                let backup = self.draw(Purpose::Strikes, |rng| rng.choice(&self.backups).cloned());
                if let Some(backup) = backup {
                    self.restore_store(backup);
                }
            }
            _ => {}
        }
    }

    fn restore_server(&mut self) {
        let mut world = self.model.world();
        world.restore_server();
        let as_of = world.lineage[world.lineage.len() - 1];
        for backup in &mut self.backups {
            if backup.told > as_of {
                backup.owed = Some(LOST);
            }
        }
    }

    fn restore_store(&mut self, backup: Backup) {
        let Backup {
            path,
            reader,
            owed,
            told,
        } = backup;
        self.remove_store();
        // The numbers of the journal follow the clock: nobody restores a backup within a millisecond.
        std::thread::sleep(std::time::Duration::from_millis(2));
        let copied = std::fs::copy(path, self.data());
        let mut world = self.model.world();
        if let Err(error) = copied {
            world.finding(format_args!("a backup cannot be restored: {error}"));
        }
        world.log(format_args!(
            "  the store is restored as of commit {}",
            reader.commit
        ));
        let moved_in = world.moved_in > Some(told);
        world.facts.owed = owed.or(moved_in.then_some(MOVED_IN));
        drop(world);
        self.checker.reset(reader);
    }

    pub fn keep_backup(&mut self) {
        let full = !self.data().exists() || self.backups.len() >= MOST_BACKUPS;
        if full || self.draw(Purpose::Strikes, |rng| rng.bool()) {
            return;
        }
        let path = self
            .folder
            .join(format!("backup-{}.db", self.backups.len()));
        let world = self.model.world();
        let (owed, told) = (world.facts.owed, world.told);
        if std::fs::copy(self.data(), &path).is_ok() {
            self.backups.push(Backup {
                path,
                reader: self.checker.committed.clone(),
                owed,
                told,
            });
        }
    }
}
