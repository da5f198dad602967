//! The order of events in one seed: lives of the consumer, with changes and strikes between them.
//! The seed ends in peace, in which the copy has to become equal to the search result.

use std::path::Path;

use syncrepl_client::MaxDelete;

use crate::chance::{Chance, Purpose};
use crate::life::Life;
use crate::options::{Options, Settings};
use crate::run::{Outcome, Run};
use crate::world::World;

/// Runs one seed. `folder` has to exist; the run leaves the consumer's files in it.
pub fn simulate(seed: u64, folder: &Path, settings: Settings) -> Outcome {
    let mut chance = Chance::new(seed);
    // The waits of relays between two tries.
    fastrand::seed(seed);
    let options = Options::draw(&mut chance, settings);
    let mut run = Run::new(World::new(options, chance, settings.traced), folder);
    run.model.world().log(format_args!(
        "seed {seed} {options:?} {}",
        options.search.url()
    ));
    run.live_through();
    run.outcome()
}

impl Run {
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
                self.strike_delivery();
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

    fn strike_delivery(&mut self) {
        let data = self.data();
        if let Some(delivery) = &mut self.delivery {
            delivery.strike(&data, &self.model);
        }
    }

    fn change_up_to(&self, most: usize) {
        for _ in 0..self.draw(Purpose::Lives, |rng| rng.usize(0..=most)) {
            self.model.world().change();
        }
    }

    /// Lets the consumer live once more without faults and changes. Then no excuse is left for a
    /// copy that differs.
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
}
