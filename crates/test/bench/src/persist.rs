//! The persist stage: how soon a change is seen, one at a time, and how fast many are.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use syncrepl_testing::slapd::Slapd;

use crate::files;
use crate::measure::{Running, quantile};
use crate::peers::{Peer, Programs};
use crate::people;
use crate::writer::Writer;

const PATIENCE: Duration = Duration::from_secs(300);

/// A consumer that follows: it says when it has seen, and stored, a change of a title.
struct Follower {
    running: Running,
    seen: Receiver<(String, Instant)>,
    reader: JoinHandle<()>,
}

impl Follower {
    fn start(peer: Peer, programs: &Programs, server: &Slapd, folder: &Path) -> Follower {
        let data = folder.join("followed");
        files::clear(&data);
        let command = programs.command(peer, server, &data, true, None);
        let mut running = Running::start(&command, None, folder, server.pid());
        let (sender, seen) = channel();
        let mut lines = BufReader::with_capacity(1 << 20, running.stdout());
        let reader = std::thread::spawn(move || {
            let (mut line, mut waiting) = (Vec::new(), Vec::new());
            while lines
                .read_until(b'\n', &mut line)
                .is_ok_and(|count| count > 0)
            {
                let text = String::from_utf8_lossy(&line);
                if let Some(mark) = mark_in(&text) {
                    waiting.push(mark);
                }
                // syncrepl prints a change and then a commit. The others print a change when they are
                // done with it.
                let done = match peer {
                    Peer::Syncrepl => text.starts_with(r#"{"op":"commit""#),
                    _ => true,
                };
                if done && !waiting.is_empty() {
                    let now = Instant::now();
                    for mark in waiting.drain(..) {
                        // The receiver may be gone.
                        let _ = sender.send((mark, now));
                    }
                }
                line.clear();
            }
        });
        Follower {
            running,
            seen,
            reader,
        }
    }

    fn wait_for(&self, mark: &str) -> Instant {
        self.wait(mark, PATIENCE).expect("the change is seen")
    }

    fn sees(&self, mark: &str, patience: Duration) -> bool {
        self.wait(mark, patience).is_some()
    }

    fn wait(&self, mark: &str, patience: Duration) -> Option<Instant> {
        let deadline = Instant::now() + patience;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let (seen, at) = self.seen.recv_timeout(left).ok()?;
            if seen == mark {
                return Some(at);
            }
        }
    }

    fn end(self) -> crate::measure::Cost {
        self.running.stop();
        let cost = self.running.end(true);
        drop(self.seen);
        self.reader.join().expect("the reader");
        cost
    }
}

/// The mark in a line that tells of a title.
fn mark_in(line: &str) -> Option<String> {
    let rest = match line.rfind(r#""title":["#) {
        Some(at) => line.get(at + 10..)?.split('"').next()?,
        None => line.strip_prefix("title: ")?.trim_end(),
    };
    rest.starts_with("mark").then(|| rest.to_owned())
}

/// The figures of a persist stage: seconds from the answer to a change, and from sending it, to its
/// being seen; changes a second; the consumer's CPU time, its start included.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stage {
    pub(crate) p50: f64,
    pub(crate) sent_p50: f64,
    pub(crate) sent_p99: f64,
    pub(crate) rate: f64,
    pub(crate) cpu: f64,
}

/// A title that was there before would be no change, and no consumer would see it.
fn fresh() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A thousand changes one at a time, then five thousand of which many are under way.
pub(crate) fn stage(
    peer: Peer,
    programs: &Programs,
    server: &Slapd,
    people: usize,
    folder: &Path,
) -> Stage {
    let follower = Follower::start(peer, programs, server, folder);
    let mut writer = Writer::connect(server.port());
    settle(&follower, &mut writer);
    let run = fresh();
    let (mut answered, mut since_sent) = (Vec::new(), Vec::new());
    for number in 0..1000 {
        let mark = format!("mark{run}-{number}");
        let dn = people::dn(number * 7919 % people);
        let (sent, answer) = writer.replace(&dn, "title", &mark);
        let seen = follower.wait_for(&mark);
        answered.push(seen.saturating_duration_since(answer).as_secs_f64());
        since_sent.push(seen.duration_since(sent).as_secs_f64());
    }
    answered.sort_by(f64::total_cmp);
    since_sent.sort_by(f64::total_cmp);
    let rate = pipelined(&follower, &mut writer, people);
    Stage {
        p50: quantile(&answered, 0.5),
        sent_p50: quantile(&since_sent, 0.5),
        sent_p99: quantile(&since_sent, 0.99),
        rate,
        cpu: follower.end().cpu,
    }
}

fn pipelined(follower: &Follower, writer: &mut Writer, people: usize) -> f64 {
    const CHANGES: usize = 5000;
    let run = fresh();
    let all: Vec<(String, String)> = (0..CHANGES)
        .map(|number| {
            (
                people::dn(number * 7919 % people),
                format!("mark{run}-{number}"),
            )
        })
        .collect();
    let began = writer.pipeline(&all, "title");
    // A provider works on several at a time: the last one sent need not be the last one done.
    let mut left: BTreeSet<&str> = all.iter().map(|(_, mark)| mark.as_str()).collect();
    let mut seen = began;
    while !left.is_empty() {
        let (mark, at) = follower.seen.recv_timeout(PATIENCE).expect("all are seen");
        left.remove(mark.as_str());
        seen = at;
    }
    CHANGES as f64 / seen.duration_since(began).as_secs_f64()
}

fn settle(follower: &Follower, writer: &mut Writer) {
    let run = fresh();
    let mut rounds = 0;
    // A change that is made before the consumer follows may never be told as a change.
    for number in 0.. {
        let mark = format!("mark{run}-warm{number}");
        writer.replace(&people::dn(0), "title", &mark);
        rounds += u32::from(follower.sees(&mark, Duration::from_millis(100)));
        if rounds == 50 {
            return;
        }
        assert!(number < 5000, "it does not follow");
    }
}
