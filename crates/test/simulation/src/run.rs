//! The parts of a run: a world, the consumer's files, and the checker. `seed` and `history` order
//! what happens in it.

use std::path::{Path, PathBuf};

use fastrand::Rng;

use crate::chance::Purpose;
use crate::checker::Checker;
use crate::delivery::{self, Delivery};
use crate::digest::{Counts, Digest};
use crate::held::Reader;
use crate::network::Model;
use crate::world::World;

/// The result of a run.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The faults that the run found; empty if all is well.
    pub findings: Vec<String>,
    /// All that happened, line by line, if the caller asked for a trace.
    pub trace: Vec<String>,
    /// Everything that the consumer told, and stored at each commit.
    pub digest: Digest,
    /// How often each kind of thing happened.
    pub counts: Counts,
}

/// A backup of the consumer's store.
#[derive(Clone)]
pub(crate) struct Backup {
    pub path: PathBuf,
    /// A reader of the output as of this backup.
    pub reader: Reader,
    /// Why a consumer with this store may differ until a refresh without a cookie.
    pub owed: Option<&'static str>,
    /// The newest version of which the consumer may have heard.
    pub told: usize,
}

/// A world, the consumer's files in it, and the checker that judges.
pub(crate) struct Run {
    pub model: Model,
    pub checker: Checker,
    pub folder: PathBuf,
    pub backups: Vec<Backup>,
    pub counts: Counts,
    pub delivery: Option<Delivery>,
}

impl Run {
    pub fn new(world: World, folder: &Path) -> Self {
        let model = Model::new(world);
        let delivery = Delivery::draw(&model);
        let mut checker = Checker::new(model.clone());
        if delivery.is_some() {
            // The writer hears of the relays instead.
            checker.readers = None;
        }
        let run = Run {
            delivery,
            checker,
            model,
            folder: folder.to_path_buf(),
            backups: Vec::new(),
            counts: Counts::default(),
        };
        run.remove_store();
        delivery::remove(&syncrepl_relay::Delivery::path_of(&run.data()));
        delivery::remove(&run.data().with_extension("delivery-backup"));
        run
    }

    /// Ends the run.
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

    /// The file of the consumer's store.
    pub fn data(&self) -> PathBuf {
        self.folder.join("copy.db")
    }

    pub fn remove_store(&self) {
        for suffix in ["", "-wal", "-shm", ".lock", ".status"] {
            // A store that was closed has no journal, and a lost one has no file at all.
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
