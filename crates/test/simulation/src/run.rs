//! The parts of a run: a world, the consumer's files, and the checker. `seed` and `history` order what
//! happens in it.

use std::path::{Path, PathBuf};

use fastrand::Rng;

use crate::chance::Purpose;
use crate::checker::Checker;
use crate::digest::{Counts, Digest};
use crate::held::Reader;
use crate::network::Model;
use crate::world::World;

/// What came of a seed.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What must not be; none when all is well.
    pub findings: Vec<String>,
    /// What happened, if it was asked for.
    pub trace: Vec<String>,
    /// Everything told and stored, at each commit.
    pub digest: Digest,
    /// How much of what happened.
    pub counts: Counts,
}

/// A copy of the store.
#[derive(Clone)]
pub(crate) struct Backup {
    pub path: PathBuf,
    pub reader: Reader,
    pub owed: Option<&'static str>,
    /// The newest version of which the consumer may have heard.
    pub told: usize,
}

/// A world, the consumer's files in it, and who judges.
pub(crate) struct Run {
    pub model: Model,
    pub checker: Checker,
    pub folder: PathBuf,
    pub backups: Vec<Backup>,
    pub counts: Counts,
}

impl Run {
    pub fn new(world: World, folder: &Path) -> Self {
        let model = Model::new(world);
        let run = Run {
            checker: Checker::new(model.clone()),
            model,
            folder: folder.to_path_buf(),
            backups: Vec::new(),
            counts: Counts::default(),
        };
        run.remove_store();
        run
    }

    /// What came of it.
    pub fn outcome(self) -> Outcome {
        let mut world = self.model.world();
        Outcome {
            findings: std::mem::take(&mut world.findings),
            trace: world.take_trace(),
            digest: self.checker.digest,
            counts: Counts {
                searches: world.searches,
                ..self.checker.counts + self.counts
            },
        }
    }

    pub fn data(&self) -> PathBuf {
        self.folder.join("copy.db")
    }

    pub fn remove_store(&self) {
        for suffix in ["", "-wal", "-shm", ".lock"] {
            // It may not be there.
            let _ = std::fs::remove_file(self.folder.join(format!("copy.db{suffix}")));
        }
    }

    pub fn draw<T>(&self, purpose: Purpose, draw: impl FnOnce(&mut Rng) -> T) -> T {
        self.model.draw(purpose, draw)
    }

    pub fn finding(&self, what: &str) {
        self.model.world().finding(what);
    }
}
