//! Random changes to a directory, the same for the same seed.
//!
//! A workload keeps its own model of the tree, so that it makes only changes that the server must
//! accept. A refusal is an error of the test and panics with the seed; `send` knows the one exception.

mod names;
mod operations;
mod send;
mod tree;
mod values;

use std::sync::atomic::{AtomicBool, Ordering};

use crate::ldif;
use crate::target::Target;
use names::Names;
use tree::{Id, Kind, Node, Rdn, Tree, Values};

/// The kinds of change that a workload may make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Rename, move and swap entries that have children.
    pub parent_renames: bool,
    /// A value of 3 MB now and then: in the first round, then in every third.
    pub big_value: bool,
    /// Referral objects.
    pub referrals: bool,
    /// Names in which much has to be escaped, and DNs whose escapes are spelled in many ways.
    pub hard_names: bool,
}

impl Options {
    /// Everything.
    pub const ALL: Options = Options {
        parent_renames: true,
        big_value: true,
        referrals: true,
        hard_names: true,
    };
}

/// A directory that keeps changing. One workload, one server, from its suffix entry on.
#[derive(Debug)]
pub struct Workload {
    seed: u64,
    options: Options,
    rounds: usize,
    tree: Tree,
    names: Names,
    /// The change records not sent yet,
    ldif: String,
    /// and where each of them begins.
    starts: Vec<usize>,
    log: Vec<String>,
}

/// With so many people slapd is stopped, and loaded with `slapadd`.
const MANY: usize = 3000;

impl Workload {
    /// A workload with that seed, which it prints.
    pub fn new(seed: u64, options: Options) -> Workload {
        println!("workload: seed {seed}, {options:?}");
        Workload {
            seed,
            options,
            rounds: 0,
            tree: Tree::new(),
            names: Names::new(seed, options.hard_names),
            ldif: String::new(),
            starts: Vec::new(),
            log: Vec::new(),
        }
    }

    /// How many entries there are, referral objects and the suffix entry included.
    pub fn len(&self) -> usize {
        self.tree.ids(|_, _| true).len()
    }

    /// Whether there is nothing but the suffix entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 1
    }

    /// Units three deep, people in and below them, a group and, if allowed, a referral object.
    pub fn populate(&mut self, server: &dyn Target, people: usize) {
        let everyone = self.unit(0, "people");
        let groups = self.unit(0, "groups");
        let mut units = vec![everyone];
        for branch in ["north", "south, \"far\"", "Öst"] {
            let top = self.unit(0, branch);
            for name in ["sales", "research + development"] {
                let middle = self.unit(top, name);
                units.extend([top, middle, self.unit(middle, "#1 team")]);
            }
        }
        let mut members = Vec::new();
        for number in 0..people {
            let parent = if number % 2 == 0 {
                everyone
            } else {
                units[number / 2 % units.len()]
            };
            // A few people have people below them.
            let person = self.person(parent);
            if number < MANY && self.names.one_in(12) {
                self.person(person);
            }
            if members.len() < 5 {
                members.push(self.tree.dn(person, 0).into_bytes());
            }
        }
        members.push(b"cn=nobody,dc=example,dc=com".to_vec());
        let values = [
            ("objectClass", vec![b"groupOfNames".to_vec()]),
            ("cn", vec![b"all of us".to_vec()]),
            ("member", members),
        ];
        let values = values
            .map(|(name, values)| (name.to_owned(), values))
            .into();
        let rdn = vec![("cn".to_owned(), "all of us".to_owned())];
        let node = Node {
            kind: Kind::Group,
            parent: groups,
            rdn,
            values,
        };
        self.announce(node);
        if self.options.referrals {
            let parent = self.tree.ids(|_, node| node.kind == Kind::Unit)[0];
            self.referral(parent);
        }
        self.log.clear();
        if people < MANY {
            self.send(server);
        } else {
            server.load(&self.ldif.replace("changetype: add\n", ""));
            self.ldif.clear();
            self.starts.clear();
        }
    }

    /// Makes that many changes, sends them in one go, and tells what they were.
    pub fn round(&mut self, server: &dyn Target, changes: usize) -> Vec<String> {
        self.rounds += 1;
        let mut left = changes;
        if self.options.big_value && self.rounds % 3 == 1 && left > 0 && self.big_value() {
            left -= 1;
        }
        while left > 0 {
            if self.one_change() {
                left -= 1;
            }
        }
        self.send(server);
        std::mem::take(&mut self.log)
    }
}

/// Entries into the model, and into the LDIF.
impl Workload {
    fn unit(&mut self, parent: Id, name: &str) -> Id {
        let rdn: Rdn = vec![("ou".to_owned(), name.to_owned())];
        let mut values = Values::from([(
            "objectClass".to_owned(),
            vec![b"organizationalUnit".to_vec()],
        )]);
        values.insert("ou".to_owned(), vec![name.as_bytes().to_vec()]);
        self.announce(Node {
            kind: Kind::Unit,
            parent,
            rdn,
            values,
        })
    }

    fn person(&mut self, parent: Id) -> Id {
        let rdn = self.names.person_rdn();
        let values = self.names.person(&rdn);
        self.announce(Node {
            kind: Kind::Person,
            parent,
            rdn,
            values,
        })
    }

    fn referral(&mut self, parent: Id) -> Id {
        let name = format!("elsewhere {}", self.names.number());
        let mut values = Values::new();
        let classes = [b"referral".to_vec(), b"extensibleObject".to_vec()];
        values.insert("objectClass".to_owned(), classes.into());
        values.insert("ref".to_owned(), vec![self.elsewhere()]);
        values.insert("cn".to_owned(), vec![name.clone().into_bytes()]);
        let rdn = vec![("cn".to_owned(), name)];
        self.announce(Node {
            kind: Kind::Referral,
            parent,
            rdn,
            values,
        })
    }

    fn elsewhere(&mut self) -> Vec<u8> {
        format!("ldap://127.0.0.1:1/dc=elsewhere{}", self.names.number()).into_bytes()
    }

    fn announce(&mut self, node: Node) -> Id {
        let id = self.tree.insert(node);
        let dn = self.begin(id, "add");
        for (name, values) in &self.tree.get(id).values {
            for value in values {
                self.ldif += &ldif::line(name, value);
            }
        }
        self.log.push(format!("add {dn}"));
        id
    }

    /// Begins a change record. The spelling of the DN's escapes varies.
    fn begin(&mut self, id: Id, change: &str) -> String {
        let dn = self.tree.dn(id, self.names.style());
        self.starts.push(self.ldif.len());
        self.ldif += &format!("\n{}changetype: {change}\n", ldif::line("dn", &dn));
        dn
    }
}

/// Changes the server for as long as `act` runs.
pub fn while_changing(server: &(impl Target + Sync), workload: &mut Workload, act: impl FnOnce()) {
    let quiet = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !quiet.load(Ordering::Relaxed) {
                workload.round(server, 10);
            }
        });
        // A guard, so that the scope ends also when `act` panics.
        struct Quiet<'a>(&'a AtomicBool);
        impl Drop for Quiet<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let _quiet = Quiet(&quiet);
        act();
    });
}
