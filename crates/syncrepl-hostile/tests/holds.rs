//! The properties, over the seeds, over every input in which something was found before, and over
//! a few thousand mutations of the seeds.

use syncrepl_hostile::{holds, seeds};

#[test]
fn every_property_holds_for_what_was_found_before() {
    for (name, property) in holds::ALL {
        for (file, bytes) in seeds::findings(name) {
            println!("{name}: {file}");
            property(&bytes);
        }
    }
}

#[test]
fn every_property_holds_for_what_servers_sent() {
    for (name, property) in holds::ALL {
        let seeds = seeds::seeds(name);
        assert!(seeds.len() > 5, "{name} has {} seeds", seeds.len());
        seeds.iter().for_each(|bytes| property(bytes));
    }
}
