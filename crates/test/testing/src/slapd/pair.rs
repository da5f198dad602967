//! Two nodes that replicate from each other and both take writes: OpenLDAP's multi-provider mode.

use std::collections::BTreeSet;
use std::time::Duration;

use super::config::Variant;
use super::names::{ADMIN, PASSWORD, SUFFIX};
use super::server::Slapd;
use crate::daemon::Ports;
use crate::judge::{self, Directory};
use crate::ports::free_port;
use crate::wait::wait_until;

/// A node that comes back looks for the other once a second, and then both have to catch up.
const PATIENCE: Duration = Duration::from_secs(60);

/// The two nodes. Each is a [`Slapd`] of its own: stop, pause or kill one, write on either.
#[derive(Debug)]
pub struct Pair {
    /// `serverID 1`.
    pub a: Slapd,
    /// `serverID 2`.
    pub b: Slapd,
}

impl Pair {
    /// Both up, the suffix entry on both.
    pub fn start(variant: Variant) -> Pair {
        for _ in 0..20 {
            // Each has to know the other's port before it runs.
            let ports = [free_port(), free_port()];
            let node = |id: usize| node(variant, id, ports);
            let pair = Pair {
                a: node(0),
                b: node(1),
            };
            if pair.a.try_launch() && pair.b.try_launch() {
                pair.a.add_base();
                pair.wait_equal();
                return pair;
            }
        }
        panic!("no two slapd start");
    }

    /// Node 0 or 1.
    pub fn node(&self, number: usize) -> &Slapd {
        [&self.a, &self.b][number]
    }

    /// Waits until both hold the same, by their own words and by what a search shows.
    ///
    /// # Panics
    /// When that takes longer than a minute, with what differs.
    pub fn wait_equal(&self) {
        let mut last = None;
        let deadline = std::time::Instant::now() + PATIENCE;
        loop {
            let (a, b) = (State::of(&self.a), State::of(&self.b));
            if let (Some(a), Some(b)) = (a, b) {
                if a.csns == b.csns && a.directory == b.directory {
                    return;
                }
                last = Some((a, b));
            }
            if std::time::Instant::now() > deadline {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let (a, b) = last.expect("one of the nodes answers no search");
        assert_eq!(a.csns, b.csns, "the contextCSN of the two nodes");
        judge::assert_same("node 1", &a.directory, "node 2", &b.directory);
    }

    /// Waits until a node shows an entry with that value, as after a write on the other.
    pub fn wait_for(node: &Slapd, filter: &str) {
        wait_until(PATIENCE, || {
            let found = judge::try_search(
                &node.url(),
                ADMIN,
                PASSWORD,
                SUFFIX,
                "sub",
                filter,
                &["1.1"],
            );
            found.is_ok_and(|found| !found.is_empty())
        });
    }
}

/// The changes that a node has heard of, and the entries that it shows.
struct State {
    csns: BTreeSet<Vec<u8>>,
    directory: Directory,
}

impl State {
    fn of(node: &Slapd) -> Option<State> {
        let search = |scope, attrs: &[&str]| {
            judge::try_search(
                &node.url(),
                ADMIN,
                PASSWORD,
                SUFFIX,
                scope,
                "(objectClass=*)",
                attrs,
            )
            .ok()
        };
        let csns = csns_in(&search("base", &["contextCSN"])?);
        let directory = search("sub", &[])?;
        Some(State { csns, directory })
    }
}

/// The contextCSN of a node: the newest change it knows of each server.
pub fn context_csns(node: &Slapd) -> BTreeSet<Vec<u8>> {
    csns_in(&judge::search(
        &node.url(),
        ADMIN,
        PASSWORD,
        SUFFIX,
        "base",
        "(objectClass=*)",
        &["contextCSN"],
    ))
}

fn csns_in(directory: &Directory) -> BTreeSet<Vec<u8>> {
    let suffix = directory.entries.values().next();
    suffix
        .and_then(|entry| entry.attrs.get("contextcsn").cloned())
        .unwrap_or_default()
}

fn node(variant: Variant, number: usize, ports: [u16; 2]) -> Slapd {
    let (own, other) = (ports[number], ports[1 - number]);
    let server_id = number + 1;
    // Writes that come in from the other node and from outside go through the same database.
    let consumer = format!(
        "syncrepl rid=00{server_id} provider=ldap://127.0.0.1:{other} searchbase={SUFFIX} \
         bindmethod=simple binddn={ADMIN} credentials={PASSWORD} \
         type=refreshAndPersist retry=\"1 +\"\n\
         mirrormode on"
    );
    let node = Slapd::builder(variant)
        .extra_global(&format!("serverID {server_id}"))
        .extra_database(&consumer)
        .prepare();
    node.set_ports(Ports { ldap: own, tls: 0 });
    node
}
