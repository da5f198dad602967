//! One seed: what the world does between the consumer's lives, and in the end peace, in which the
//! copy has to become equal.

use std::path::{Path, PathBuf};

use fastrand::Rng;
use syncrepl_client::{MaxDelete, Rule};

use crate::chance::{Chance, Purpose};
use crate::checker::Checker;
use crate::digest::{Counts, Digest};
use crate::life::Life;
use crate::network::Model;
use crate::options::Options;
use crate::strikes::Backup;
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

/// What is not drawn from the seed.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Entries may be shown below one that the filter hides.
    pub hidden_containers: bool,
    /// The directory changes while it is read.
    pub concurrent: bool,
    /// Some providers do not let entryUUID be searched.
    pub unsearchable: bool,
    /// Some entries are shown to nobody, though what lies below them is.
    pub denied: bool,
    /// There are subentries.
    pub subentries: bool,
    /// The persist stage does not send all values that a search shows.
    pub computed: bool,
    /// Names that differ in case only are those of two entries.
    pub alike: bool,
    /// A rule of the change logic that is taken out.
    pub without: Option<Rule>,
    /// What happens is written down.
    pub traced: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            hidden_containers: false,
            concurrent: true,
            unsearchable: true,
            denied: false,
            subentries: false,
            computed: false,
            alike: false,
            without: None,
            traced: false,
        }
    }
}

/// Runs one seed with its files in `folder`, which has to exist and is left with whatever is in it.
pub fn simulate(seed: u64, folder: &Path, settings: Settings) -> Outcome {
    let mut chance = Chance::new(seed);
    let options = Options::draw(&mut chance, settings);
    let mut run = Run::new(World::new(options, chance, settings.traced), folder);
    run.model.world().log(format_args!(
        "seed {seed} {options:?} {}",
        options.search.url()
    ));
    run.live_through();
    run.outcome()
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

    pub fn draw<T>(&self, purpose: Purpose, draw: impl FnOnce(&mut Rng) -> T) -> T {
        self.model.draw(purpose, draw)
    }

    fn live_through(&mut self) {
        self.change_up_to(8);
        let troubled = self.draw(Purpose::Lives, |rng| rng.u8(0..4) > 0);
        let concurrent = self.model.world().options.concurrent;
        let busy = self.draw(Purpose::Lives, |rng| rng.u8(0..3) > 0) && concurrent;
        for round in 1..=self.draw(Purpose::Lives, |rng| rng.u32(1..7)) {
            self.model.world().log(format_args!("round {round}"));
            self.change_up_to(6);
            if troubled {
                self.strike();
            }
            let (life, fail_in) = self.draw(Purpose::Lives, |rng| Life::draw(rng, troubled, busy));
            self.checker.fail_in = fail_in;
            self.live(life);
            self.checker.fail_in = None;
            if !self.model.world().findings.is_empty() {
                return;
            }
            self.keep_backup();
        }
        self.find_peace();
    }

    fn change_up_to(&self, most: usize) {
        for _ in 0..self.draw(Purpose::Lives, |rng| rng.usize(0..=most)) {
            self.model.world().change();
        }
    }

    /// Nothing fails and nothing changes any more.
    fn find_peace(&mut self) {
        self.model.world().half_loaded = false;
        self.model.world().log("peace");
        let mut life = Life {
            max_delete: MaxDelete::NotEverything,
            ..Life::peaceful()
        };
        if !self.live(life) {
            life.max_delete = MaxDelete::Percent(100);
            if !self.live(life) {
                self.finding("a provider at peace is refused twice");
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
            self.finding("a reconcile did not reconcile");
        }
        self.checker.check_equal("at peace");
        let told = self.checker.counts.told;
        let well = self.model.world().findings.is_empty();
        if well && self.live(life) && self.checker.counts.told > told {
            self.finding("something was told although nothing had changed");
        }
    }

    pub fn finding(&self, what: &str) {
        self.model.world().finding(what);
    }
}
