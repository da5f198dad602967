//! Random changes: add, modify, delete, delete and re-create, rename, move of a leaf or a subtree,
//! swap of two names. They run with every phase, in every mode, with change logs of several
//! lengths.

use std::collections::HashMap;

use syncrepl_client::SyncreplMode::RefreshAndPersist;
use syncrepl_provider::{Modification, Provider, RefreshStyle};

use super::{BASE, Copy, PERSON, SOON, company, directory, ways};

struct Hand {
    random: fastrand::Rng,
    names: u32,
}

impl Hand {
    fn new(seed: u64) -> Hand {
        Hand {
            random: fastrand::Rng::with_seed(seed),
            names: 0,
        }
    }

    /// The DN of a random entry below the base.
    fn any(&mut self, provider: &Provider) -> String {
        let entries = provider.entries();
        let at = 1 + self.random.usize(..entries.len() - 1);
        entries[at].dn().to_owned()
    }

    fn name(&mut self) -> String {
        self.names += 1;
        // Few names, so that they repeat and collide.
        match self.random.u8(..3) {
            0 => format!("cn=n{}", self.random.u8(..6)),
            1 => format!("cn=N\\2c {}", self.names),
            _ => format!("cn=Łukasz {}", self.names),
        }
    }

    /// Makes one change. A refused change, because of a taken name or a child, has no effect.
    fn change(&mut self, provider: &Provider) {
        let dn = self.any(provider);
        let value = format!("v{}", self.random.u8(..4));
        let _ = match self.random.u8(..9) {
            0 | 1 => {
                let parent = if self.random.bool() {
                    BASE
                } else {
                    dn.as_str()
                };
                let name = format!("{},{parent}", self.name());
                provider
                    .add(&name, [PERSON, ("description", &value)])
                    .map(drop)
            }
            2 => provider.modify(&dn, [Modification::replace("description", [value])]),
            3 => provider.modify(&dn, [Modification::add("cn;lang-de", [value])]),
            4 => provider.modify(&dn, [Modification::remove("description")]),
            5 => provider.delete(&dn),
            6 => provider.delete(&dn).and_then(|()| {
                provider
                    .add(&dn, [PERSON, ("description", &value)])
                    .map(drop)
            }),
            7 => {
                let superior = self.any(provider);
                let (name, delete) = (self.name(), self.random.bool());
                provider.rename(&dn, &name, delete, Some(&superior))
            }
            _ => self.swap(provider, &dn),
        };
    }

    /// Swaps the names of two entries below one parent.
    fn swap(&mut self, provider: &Provider, dn: &str) -> Result<(), syncrepl_provider::Refusal> {
        let other = self.any(provider);
        let (Some((one, parent)), Some((two, parent_of_other))) =
            (dn.split_once(','), other.split_once(','))
        else {
            return Ok(());
        };
        if parent != parent_of_other || one == two || dn.contains('\\') || other.contains('\\') {
            return Ok(());
        }
        provider.rename(dn, "cn=swap", true, None)?;
        provider.rename(&other, one, true, None)?;
        provider.rename(&format!("cn=swap,{parent}"), two, true, None)
    }
}

#[test]
fn refreshes_after_random_changes() {
    for (style, mode) in ways() {
        for (log, seed) in [(1000, 1), (20, 2), (0, 3)] {
            let builder = company().refresh_style(style).change_log(log).seed(seed);
            let provider = builder.start().expect("it starts");
            let mut hand = Hand::new(seed);
            let mut copy = Copy::new();
            for round in 0..12 {
                (0..hand.random.u8(..40)).for_each(|_| hand.change(&provider));
                copy.refresh(&provider, mode)
                    .unwrap_or_else(|error| panic!("round {round} of seed {seed}: {error}"));
                copy.assert_equals(&provider);
            }
        }
    }
}

#[test]
fn random_changes_while_following() {
    for seed in 0..4 {
        let builder = company()
            .refresh_style(RefreshStyle::DeletePhase)
            .seed(seed);
        let provider = builder.start().expect("it starts");
        let mut hand = Hand::new(seed);
        let mut copy = Copy::new();
        let mut rounds = 0;
        copy.run(&provider, RefreshAndPersist, |told, provider| {
            let marker = format!("cn=round {rounds},{BASE}");
            if rounds > 0 && !told.map.committed().contains_key(&marker) {
                return false;
            }
            if rounds == 0 {
                assert!(provider.wait_persisting(1, SOON));
            } else {
                let expected: HashMap<_, _> = directory(provider).into_values().collect();
                let told: HashMap<_, _> = told.map.committed().clone().into_iter().collect();
                assert_eq!(told, expected, "round {rounds} of seed {seed}");
                provider.delete(&marker).expect("a delete");
            }
            rounds += 1;
            (0..hand.random.u8(..60)).for_each(|_| hand.change(provider));
            // The provider tells of this entry last. When it has come, the others have.
            let marker = format!("cn=round {rounds},{BASE}");
            provider.add(&marker, [PERSON]).expect("an add");
            rounds > 15
        })
        .unwrap_or_else(|error| panic!("round {rounds} of seed {seed}: {error}"));
        copy.refresh(&provider, RefreshAndPersist)
            .expect("a refresh");
        copy.assert_equals(&provider);
    }
}
