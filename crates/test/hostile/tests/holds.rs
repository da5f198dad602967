//! The properties, over the seeds, over every earlier finding, and over a few thousand mutations of
//! the seeds.

use fastrand::Rng;
use syncrepl_hostile::mutate::mutate;
use syncrepl_hostile::{holds, recorded, seeds};
use syncrepl_proto::message::Message;
use syncrepl_testing::environment::number;

/// No test would try the findings below another name.
#[test]
fn each_folder_of_findings_has_the_name_of_a_property() {
    let folders = seeds::folders_of_findings();
    assert!(folders.contains(&"message".to_owned()), "{folders:?}");
    for folder in folders {
        let is_known = holds::ALL.iter().any(|(name, _)| *name == folder);
        assert!(is_known, "findings/{folder} belongs to no property");
    }
}

#[test]
fn every_property_holds_for_earlier_findings() {
    for (name, property) in holds::ALL {
        for (file, bytes) in seeds::findings(name) {
            println!("{name}: {file}");
            property(&bytes);
        }
    }
}

#[test]
fn every_property_holds_for_recordings() {
    for (name, property) in holds::ALL {
        let seeds = seeds::seeds(name);
        assert!(seeds.len() > 5, "{name} has {} seeds", seeds.len());
        seeds.iter().for_each(|bytes| property(bytes));
    }
}

/// The session passes over the messages of other requests, so the property would see nothing of them.
#[test]
fn seeds_of_the_session_answer_its_search() {
    for seed in seeds::seeds("session") {
        let stream = &seed[2..];
        let first = recorded::messages(stream)[0];
        let message = Message::decode(first).expect("what was recorded");
        assert_eq!(message.id, holds::SEARCH);
    }
}

/// `SYNCREPL_SEED` begins with that seed.
#[test]
fn every_property_holds_for_mutations() {
    let first = number("SYNCREPL_SEED").unwrap_or_else(|| fastrand::u64(..1 << 48));
    for (name, property) in holds::ALL {
        let seeds = seeds::seeds(name);
        for seed in first..first + 300 {
            let mut random = Rng::with_seed(seed);
            let bytes = &seeds[random.usize(0..seeds.len())];
            let bytes = mutate(bytes, &seeds, &mut random);
            let _name = OnPanic(name, seed);
            property(&bytes);
        }
    }
}

struct OnPanic(&'static str, u64);

impl Drop for OnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{} fails: SYNCREPL_SEED={}", self.0, self.1);
        }
    }
}
