//! Writes on both nodes at once.

use syncrepl_testing::environment::{number, seed};
use syncrepl_testing::slapd::{Pair, SUFFIX, Slapd, Variant};

use crate::common::Copied;
use crate::write;

/// Two writers change both nodes at once, each in its own part of the tree. One copy follows one node and
/// then the other; a second copy is refreshed from both in turn.
///
/// The writers make no change that slapd's own replication gets wrong. After two entries swap names, or a
/// rename keeps the old value, its two nodes stay different.
fn concurrent(variant: Variant, rounds: usize) {
    let seed = seed();
    let pair = Pair::start(variant);
    let mut writers = ["alpha", "beta"].map(|name| Writer::new(name, seed));
    for writer in &writers {
        writer.begin(&pair.a);
    }
    pair.wait_equal();
    let mut copies = [0, 1].map(|number| {
        let mut copy = Copied::suffix(pair.node(number));
        copy.refresh();
        copy
    });
    for round in 0..rounds {
        copies[0].server = pair.node((round / 2) % 2);
        copies[0].follow();
        std::thread::scope(|scope| {
            let pair = &pair;
            let running = writers.iter_mut().enumerate().map(|(number, writer)| {
                scope.spawn(move || writer.round(pair.node((number + round) % 2), 60))
            });
            let running: Vec<_> = running.collect();
            for number in (0..2).cycle() {
                copies[1].server = pair.node(number);
                copies[1].refresh();
                if running.iter().all(|writer| writer.is_finished()) {
                    break;
                }
            }
            for writer in running {
                let changes = writer.join().expect("the changes apply");
                println!("round {round}:\n{}", changes.join("\n"));
            }
        });
        pair.wait_equal();
        copies[0].wait_equal();
        copies[0].stop();
        for copy in &mut copies {
            copy.refresh();
            copy.assert_equal();
            copy.assert_quiet();
        }
    }
}

#[test]
fn writes_on_both_nodes_at_once() {
    concurrent(Variant::SessionLog, rounds());
}

#[test]
fn writes_on_both_nodes_at_once_on_plain() {
    concurrent(Variant::Plain, rounds());
}

/// `SYNCREPL_ROUNDS=100` runs more rounds.
fn rounds() -> usize {
    number("SYNCREPL_ROUNDS").unwrap_or(4) as usize
}

/// Changes people in a unit of its own, and renames the unit too.
struct Writer {
    name: &'static str,
    rng: fastrand::Rng,
    unit: usize,
    people: Vec<usize>,
    next: usize,
}

impl Writer {
    fn new(name: &'static str, seed: u64) -> Writer {
        Writer {
            name,
            rng: fastrand::Rng::with_seed(seed ^ name.len() as u64),
            unit: 0,
            people: Vec::new(),
            next: 0,
        }
    }

    fn begin(&self, node: &Slapd) {
        let name = self.name;
        let unit = format!("dn: ou={name}0,{SUFFIX}\nchangetype: add\n");
        write(
            node,
            &(unit + &format!("objectClass: organizationalUnit\nou: {name}0\n")),
        );
    }

    fn round(&mut self, node: &Slapd, changes: usize) -> Vec<String> {
        let changes: Vec<_> = (0..changes).map(|_| self.change()).collect();
        write(node, &changes.join("\n"));
        changes
    }

    fn change(&mut self) -> String {
        self.next += 1;
        let (name, next) = (self.name, self.next);
        let unit = format!("ou={name}{},{SUFFIX}", self.unit);
        let someone = match self.people.len() {
            0 => None,
            count => Some(self.rng.usize(..count)),
        };
        match (self.rng.u8(..20), someone) {
            (0, _) => {
                self.unit = next;
                format!(
                    "dn: {unit}\nchangetype: modrdn\nnewrdn: ou={name}{next}\ndeleteoldrdn: 1\n"
                )
            }
            (1..=8, Some(index)) => {
                let uid = self.people[index];
                format!(
                    "dn: uid={name}{uid},{unit}\nchangetype: modify\nreplace: description\n\
                     description: {next}\n-\n"
                )
            }
            (9..=11, Some(index)) => {
                let uid = self.people.swap_remove(index);
                format!("dn: uid={name}{uid},{unit}\nchangetype: delete\n")
            }
            (12..=13, Some(index)) => {
                let uid = std::mem::replace(&mut self.people[index], next);
                format!(
                    "dn: uid={name}{uid},{unit}\nchangetype: modrdn\nnewrdn: uid={name}{next}\n\
                     deleteoldrdn: 1\n"
                )
            }
            _ => {
                self.people.push(next);
                format!(
                    "dn: uid={name}{next},{unit}\nchangetype: add\nobjectClass: inetOrgPerson\n\
                     uid: {name}{next}\ncn: {name}\nsn: {name}\n"
                )
            }
        }
    }
}
