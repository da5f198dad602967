//! One seed: what the world does between the consumer's lives, what each life is like, and in the
//! end peace, in which the copy has to become equal.

use std::path::{Path, PathBuf};
use std::time::Duration;

use fastrand::Rng;
use syncrepl_client::{Builder, Error, ErrorKind, MaxDelete, Syncrepl, SyncreplMode};

use crate::checker::{Checker, Reader};
use crate::digest::{Counts, Digest};
use crate::network::Model;
use crate::world::{Facts, LOST, Options, World};

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

/// What is not drawn from the seed.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Entries may be shown below one that the filter hides.
    pub hidden_containers: bool,
    /// The directory changes while it is read.
    pub concurrent: bool,
    /// Some providers do not let entryUUID be searched.
    pub unsearchable: bool,
    /// What happens is written down.
    pub traced: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            hidden_containers: false,
            concurrent: true,
            unsearchable: true,
            traced: false,
        }
    }
}

/// How many changes of a backup are kept, at most.
const MOST_BACKUPS: usize = 3;
/// How often the persist stage is polled in one life, at most.
const MOST_POLLS: u32 = 400;

/// Runs one seed with its files in `folder`, which has to exist and is left with whatever is in it.
pub fn simulate(seed: u64, folder: &Path, settings: Settings) -> Outcome {
    let mut rng = Rng::with_seed(seed);
    let options = Options::draw(&mut rng, settings);
    let world = World::new(options, rng.fork(), settings.traced);
    let model = Model::new(world);
    model.world().log(format_args!(
        "seed {seed} {options:?} {}",
        options.search.url()
    ));
    let mut run = Run {
        checker: Checker::new(model.clone()),
        model,
        rng,
        options,
        folder: folder.to_path_buf(),
        backups: Vec::new(),
        outcome: Outcome::default(),
    };
    run.remove_store();
    run.live_through();
    let mut world = run.model.world();
    run.outcome.digest = run.checker.digest;
    run.outcome.counts.told = run.checker.told;
    run.outcome.counts.renames = run.checker.renames;
    run.outcome.counts.searches = world.searches;
    Outcome {
        findings: std::mem::take(&mut world.findings),
        trace: world.take_trace(),
        ..run.outcome
    }
}

struct Run {
    model: Model,
    checker: Checker,
    rng: Rng,
    options: Options,
    folder: PathBuf,
    backups: Vec<Backup>,
    outcome: Outcome,
}

/// A copy of the store.
#[derive(Clone)]
struct Backup {
    path: PathBuf,
    reader: Reader,
    owed: Option<&'static str>,
    /// The newest version of which the consumer may have heard.
    told: usize,
}

/// What one life is like.
#[derive(Debug, Clone, Copy)]
struct Life {
    /// Anything may fail.
    trouble: bool,
    /// How many changes come meanwhile.
    budget: u32,
    /// How often the directory is changed while the consumer waits in the persist stage.
    turns: u8,
    reconcile: bool,
    max_delete: MaxDelete,
}

impl Run {
    fn data(&self) -> PathBuf {
        self.folder.join("copy.db")
    }

    fn live_through(&mut self) {
        for _ in 0..self.rng.usize(0..9) {
            self.model.world().change();
        }
        let troubled = self.rng.u8(0..4) > 0;
        let busy = self.rng.u8(0..3) > 0 && self.options.concurrent;
        for round in 1..=self.rng.u32(1..7) {
            self.model.world().log(format_args!("round {round}"));
            for _ in 0..self.rng.usize(0..7) {
                self.model.world().change();
            }
            if troubled {
                self.strike();
            }
            let life = Life {
                trouble: troubled && self.rng.bool(),
                budget: if busy { self.rng.u32(0..8) } else { 0 },
                turns: self.rng.u8(0..5),
                reconcile: self.rng.u8(0..12) == 0,
                max_delete: match self.rng.u8(0..8) {
                    0 => MaxDelete::NotEverything,
                    _ => MaxDelete::Percent(100),
                },
            };
            if life.trouble && self.rng.u8(0..4) == 0 {
                self.checker.fail_in = Some(self.rng.u32(1..20));
            }
            self.live(life);
            self.checker.fail_in = None;
            if !self.model.world().findings.is_empty() {
                return;
            }
            self.keep_backup();
        }
        self.find_peace();
    }

    /// Something happens to the server, or to the store.
    fn strike(&mut self) {
        match self.rng.u8(0..14) {
            0 => self.model.world().restart_server(),
            1 => {
                let mut world = self.model.world();
                world.restore_server();
                let as_of = world.lineage[world.lineage.len() - 1];
                for backup in &mut self.backups {
                    if backup.told > as_of {
                        backup.owed = Some(LOST);
                    }
                }
            }
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
                if let Some(backup) = self.rng.choice(self.backups.clone()) {
                    let Backup { reader, owed, .. } = backup;
                    self.remove_store();
                    let copied = std::fs::copy(backup.path, self.data());
                    let mut world = self.model.world();
                    if let Err(error) = copied {
                        world.finding(format_args!("a backup cannot be restored: {error}"));
                    }
                    world.log(format_args!(
                        "  the store is restored as of commit {}",
                        reader.commit
                    ));
                    world.facts.owed = owed;
                    drop(world);
                    self.checker.reset(reader);
                }
            }
            _ => {}
        }
    }

    fn keep_backup(&mut self) {
        if !self.data().exists() || self.backups.len() >= MOST_BACKUPS || self.rng.bool() {
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

    fn remove_store(&self) {
        for suffix in ["", "-wal", "-shm", ".lock"] {
            // It may not be there.
            let _ = std::fs::remove_file(self.folder.join(format!("copy.db{suffix}")));
        }
    }

    /// Nothing fails and nothing changes any more.
    fn find_peace(&mut self) {
        self.model.world().half_loaded = false;
        self.model.world().log("peace");
        let mut life = Life {
            trouble: false,
            budget: 0,
            turns: 0,
            reconcile: false,
            max_delete: MaxDelete::NotEverything,
        };
        if !self.live(life) {
            life.max_delete = MaxDelete::Percent(100);
            if !self.live(life) {
                self.model
                    .world()
                    .finding("a provider at peace is refused twice");
            }
        }
        let owed = self.model.world().facts.owed;
        if let Some(owed) = owed {
            self.model
                .world()
                .log(format_args!("reconcile, because {owed}"));
            life.reconcile = true;
            life.max_delete = MaxDelete::Percent(100);
            self.live(life);
            life.reconcile = false;
        }
        if self.model.world().facts.owed.is_some() {
            self.model.world().finding("a reconcile did not reconcile");
        }
        self.checker.check_equal("at peace");
        let told = self.checker.told;
        let well = self.model.world().findings.is_empty();
        if well && self.live(life) && self.checker.told > told {
            self.model
                .world()
                .finding("something was told although nothing had changed");
        }
    }

    /// The consumer is started, runs, and ends in one way or another. Whether without an error.
    fn live(&mut self, life: Life) -> bool {
        let mut world = self.model.world();
        world.log(format_args!(" {life:?}"));
        world.facts = Facts {
            owed: world.facts.owed,
            ..Facts::default()
        };
        (world.trouble, world.budget) = (life.trouble, life.budget);
        drop(world);
        self.checker.forget_open();
        let builder: Builder<&mut Checker> = Syncrepl::builder(self.data(), &mut self.checker)
            .ldap_url(self.options.search.url())
            .mode(self.options.mode)
            .reconcile(life.reconcile)
            .max_delete(life.max_delete)
            .network(self.model.clone());
        let mut client = match builder.open() {
            Ok(client) => client,
            Err(error) => {
                self.model
                    .world()
                    .finding(format_args!("the store cannot be opened: {error}"));
                return false;
            }
        };
        match client.db() {
            Ok(store) => client.callback().store = Some(store),
            Err(error) => self
                .model
                .world()
                .finding(format_args!("no handle: {error}")),
        }
        client.callback().check_store("at the start");
        let before = client.commit_number();
        let (mut well, mut tries) = (false, 0);
        while !well && tries < 3 {
            tries += 1;
            let ended = follow(&mut client, &self.model, &mut self.rng, life.turns);
            match ended {
                Ok(()) => well = true,
                Err(error) => {
                    self.outcome.counts.errors += 1;
                    let kind = format!("{:?}", error.kind());
                    client.callback().digest.take("error", &[kind.as_bytes()]);
                    judge(&error, &self.model, client.callback());
                    client.callback().forget_open();
                    client.callback().check_store("after an error");
                    if !life.trouble || self.rng.bool() {
                        break;
                    }
                }
            }
        }
        self.outcome.counts.commits += client.commit_number() - before;
        if self.rng.bool() {
            // Else it is dropped as it is, like a process that is killed.
            if let Err(error) = client.unbind() {
                self.model.world().finding(format_args!("unbind: {error}"));
            }
        } else {
            drop(client);
        }
        self.checker.store = None;
        let mut world = self.model.world();
        if !world.connections.is_empty() {
            world.finding("a connection was left open");
        }
        well
    }
}

/// Connects, and polls to the end of the refresh, or for a while in the persist stage.
fn follow(
    client: &mut Syncrepl<&mut Checker>,
    model: &Model,
    rng: &mut Rng,
    mut turns: u8,
) -> Result<(), Error> {
    client.reconnect()?;
    model.world().facts.concurrent = false;
    for _ in 0..MOST_POLLS {
        if !client.poll(Duration::from_secs(3))? {
            let world = model.world();
            let refreshed = world.options.mode == SyncreplMode::RefreshOnly;
            let still = refreshed && !world.facts.concurrent;
            drop(world);
            if still {
                client.callback().check_equal("after a refresh");
            }
            return Ok(());
        }
        let world = model.world();
        let (idle, budget) = (world.is_idle(), world.budget);
        drop(world);
        if !client.in_persist_stage() || !idle || budget > 0 && rng.bool() {
            if rng.u8(0..60) == 0 && model.world().trouble {
                return Ok(());
            }
            continue;
        }
        // Suspects are asked for when nothing was said for a second, hidden parents a little later.
        let before = (client.commit_number(), model.world().versions.len());
        let (times, seconds) = match model.world().options.hidden_containers {
            true => (8, 12),
            false => (1, 3),
        };
        for _ in 0..times {
            client.poll(Duration::from_secs(seconds))?;
        }
        if (client.commit_number(), model.world().versions.len()) != before {
            continue;
        }
        client.callback().check_equal("at rest");
        if !model.world().findings.is_empty() {
            return Ok(());
        }
        if turns == 0 {
            if rng.bool() {
                client.stop_handle().please_stop();
                model.world().facts.stopped = true;
                model.world().log(" stop");
                while client.poll(Duration::from_secs(3))? {}
            }
            return Ok(());
        }
        turns -= 1;
        for _ in 0..rng.u8(1..6) {
            model.world().change();
        }
    }
    model.world().finding("it does not come to an end");
    Ok(())
}

/// Whether an error is one that the provider, the network or we gave reason to.
fn judge(error: &Error, model: &Model, checker: &Checker) {
    let mut world = model.world();
    world.log(format_args!(" error {:?}: {error}", error.kind()));
    let facts = world.facts;
    let text = error.to_string();
    let legal = match error.kind() {
        ErrorKind::Unreachable | ErrorKind::Refused | ErrorKind::Callback => facts.faulted,
        ErrorKind::NotReady => facts.not_ready,
        // The connection was lost, and it was about to connect again.
        ErrorKind::Stopped => facts.stopped,
        ErrorKind::Protocol if text.contains("no refresh came to an end") => {
            facts.refresh_required > 0 || facts.concurrent
        }
        ErrorKind::Guard if text.contains("still shows") => facts.concurrent,
        ErrorKind::Guard => {
            let shown = world.shown();
            let mut held = checker.committed.map.values();
            facts.concurrent || held.all(|held| held.id.is_none_or(|id| !shown.contains_key(&id)))
        }
        _ => false,
    };
    if !legal {
        world.finding(format_args!("an error without a reason: {error}"));
    }
}
