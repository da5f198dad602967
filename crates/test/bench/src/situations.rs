//! The situations that are measured. Each is made anew, and every peer goes through it in turn,
//! several times.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use syncrepl_testing::slapd::{SUFFIX, Slapd, context_csns};

use crate::consumer::Consumer;
use crate::files::{clear, files_of};
use crate::measure::{self, Cost, Spread};
use crate::peers::{Peer, Programs};
use crate::people;
use crate::writer::Writer;

/// The costs of a peer in a situation, over all runs.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) costs: Vec<Cost>,
    /// Bytes on disk after a clean end, for each entry.
    pub(crate) disk: Option<f64>,
    /// Bytes that the provider sent, for each entry.
    pub(crate) sent: Option<f64>,
}

impl Figures {
    pub(crate) fn spread(&self, of: impl Fn(&Cost) -> f64) -> Spread {
        Spread::of(self.costs.iter().map(of))
    }
}

/// By name of who it is.
pub(crate) type Table = BTreeMap<(usize, &'static str), Figures>;

pub(crate) struct Bench<'a> {
    pub(crate) programs: &'a Programs,
    pub(crate) folder: &'a Path,
    pub(crate) runs: usize,
}

impl Bench<'_> {
    fn data(&self, peer: Peer) -> PathBuf {
        self.folder.join(format!("copy-{}", peer as usize))
    }

    fn peers(&self, wanted: &[Peer]) -> Vec<Peer> {
        let mut peers = wanted.to_vec();
        peers.retain(|&peer| self.programs.has(peer));
        peers
    }

    fn copy(&self, peer: Peer, server: &Slapd, cookie: Option<&str>) -> Cost {
        let command = self
            .programs
            .command(peer, server, &self.data(peer), false, cookie);
        let output = self.folder.join("output");
        measure::run(&command, &output, self.folder, server.pid())
    }

    /// The number that was printed last.
    fn printed(&self) -> f64 {
        let text = std::fs::read_to_string(self.folder.join("output")).expect("the output");
        text.trim().parse().expect("a number")
    }

    /// The copy from the disk alone.
    pub(crate) fn opened(&self) -> Table {
        let mut table = Table::new();
        let data = self.data(Peer::Syncrepl).display().to_string();
        let program = self.programs.syncrepl.display().to_string();
        for _ in 0..self.runs {
            for (index, name) in ["status", "dump"].into_iter().enumerate() {
                let command = [&program, name, "--data", &data, "--format", "json"];
                let command = command.map(str::to_owned);
                let cost = measure::run(&command, &self.folder.join("output"), self.folder, None);
                let figures = table.entry((index, name)).or_default();
                figures.costs.push(cost);
            }
        }
        table
    }

    /// From nothing, the consumer of OpenLDAP too if wanted.
    pub(crate) fn first(
        &self,
        server: &Slapd,
        entries: usize,
        who: &[Peer],
        openldap: bool,
    ) -> Table {
        let mut table = Table::new();
        for run in 0..=self.runs {
            for peer in self.peers(who) {
                if is_slow(&table, peer) {
                    continue;
                }
                clear(&self.data(peer));
                let cost = self.copy(peer, server, None);
                let figures = table.entry((peer as usize, peer.name())).or_default();
                // The first round makes everything warm.
                if run > 0 || self.runs == 1 || cost.wall > SLOW {
                    figures.costs.push(cost);
                }
                let disk = bytes_of(&self.data(peer)) / entries as f64;
                figures.disk = (disk > 0.0).then_some(disk);
                if peer == Peer::Receiver {
                    figures.sent = Some(self.printed() / entries as f64);
                }
            }
        }
        for _ in 0..if openldap { self.runs.min(2) } else { 0 } {
            let before = measure::cpu_so_far(server.pid().expect("it runs"));
            let consumer = Consumer::start(server);
            let mut cost = consumer.caught_up(server);
            cost.provider = measure::cpu_so_far(server.pid().expect("it runs")) - before;
            let figures = table.entry((90, "OpenLDAP's consumer")).or_default();
            figures.costs.push(cost);
            figures.disk = Some(consumer.disk() / entries as f64);
        }
        table
    }

    /// Again, after `change` was done to the directory. The copies are there already unless they are
    /// to be made first.
    pub(crate) fn again(
        &self,
        server: &Slapd,
        who: &[Peer],
        made: Copies,
        mut change: impl FnMut(&mut Writer, usize),
    ) -> Table {
        let mut table = Table::new();
        let mut who = self.peers(who);
        who.retain(|&peer| peer != Peer::Receiver);
        if made == Copies::ToBeMade {
            for &peer in &who {
                clear(&self.data(peer));
                self.copy(peer, server, None);
            }
        }
        for run in 0..self.runs {
            let before = cookie(server);
            change(&mut Writer::connect(server.port()), run);
            for &peer in &who {
                if is_slow(&table, peer) {
                    continue;
                }
                let cost = self.copy(peer, server, Some(&before));
                let figures = table.entry((peer as usize, peer.name())).or_default();
                figures.costs.push(cost);
            }
        }
        table
    }
}

/// Whether every peer has a copy of the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Copies {
    ToBeMade,
    There,
}

/// A peer that takes longer than so many seconds is measured once.
const SLOW: f64 = 5.0;

fn is_slow(table: &Table, peer: Peer) -> bool {
    let figures = table.get(&(peer as usize, peer.name()));
    let compared = [Peer::Syncrepl, Peer::Ldapsearch].contains(&peer);
    !compared && figures.is_some_and(|figures| figures.costs.iter().any(|cost| cost.wall > SLOW))
}

/// The cookie that stands for the directory as it is now, for ldapsearch, which keeps none.
fn cookie(server: &Slapd) -> String {
    let csn = context_csns(server)
        .into_iter()
        .next()
        .expect("a contextCSN");
    format!("rid=000,csn={}", String::from_utf8_lossy(&csn))
}

fn bytes_of(data: &Path) -> f64 {
    files_of(data)
        .iter()
        .filter_map(|file| std::fs::metadata(file).ok())
        .map(|file| file.len() as f64)
        .sum()
}

/// Gives one person in a hundred another title.
pub(crate) fn modify(writer: &mut Writer, people: usize, run: usize) {
    let changes: Vec<(String, String)> = (0..people / 100)
        .map(|number| (people::dn(number * 100), format!("promoted {run}")))
        .collect();
    writer.pipeline(&changes, "title");
}

/// Deletes one person in a hundred.
pub(crate) fn delete(writer: &mut Writer, people: usize, run: usize) {
    for number in 0..people / 100 {
        writer.delete(&people::dn(number * 100 + run + 1));
    }
}

/// The group that everyone is in.
pub(crate) fn group_dn() -> String {
    format!("cn=everyone,{SUFFIX}")
}

/// A group of so many members, as content.
pub(crate) fn group(members: usize) -> String {
    let mut ldif = format!(
        "dn: {}\nobjectClass: groupOfNames\ncn: everyone\n",
        group_dn()
    );
    for number in 0..members {
        ldif += &format!("member: {}\n", people::dn(number));
    }
    ldif
}
