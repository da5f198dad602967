//! A server that never falls silent: what may be wrong in the copy is asked for all the same.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use syncrepl_client::Store;
use syncrepl_testing::judge;
use syncrepl_testing::process::Run;
use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};
use syncrepl_testing::target::Target;
use syncrepl_testing::wait_until;

use crate::common::outcome::is_in_a_write;
use crate::common::{Copied, PATIENCE};
use crate::{add, unit};

/// An open question waits no longer than this for a silence.
const AT_MOST: Duration = Duration::from_secs(15);
/// The most time that a question and its answer may take on a busy machine.
const MARGIN: Duration = Duration::from_secs(5);
/// Together more than the sockets of both ends hold, so that the search comes to a stand.
const FILLERS: usize = 400;
const FILLER_SIZE: usize = 64 * 1024;

fn renamed(from: &str, to: &str) -> String {
    format!("dn: ou={from},{SUFFIX}\nchangetype: modrdn\nnewrdn: ou={to}\ndeleteoldrdn: 1\n\n")
}

fn load(server: &Slapd) {
    for name in ["a", "b", "busy"] {
        add(server, name);
    }
    let text = "x".repeat(FILLER_SIZE);
    for few in (0..FILLERS).collect::<Vec<_>>().chunks(50) {
        let ldif: String = few
            .iter()
            .map(|number| {
                let filler = unit(&format!("filler{number}"));
                format!("{}\ndescription: {text}\n\n", filler.trim_end())
            })
            .collect();
        server.ldapmodify(&ldif).expect("fillers");
    }
    let child =
        format!("dn: ou=c,ou=a,{SUFFIX}\nchangetype: add\nobjectClass: organizationalUnit\n");
    server.ldapmodify(&child).expect("the child");
}

/// A write every 0.4 s, until it is told to end.
fn write_on(server: &Slapd, end: &AtomicBool) {
    for number in 0.. {
        if end.load(Ordering::Relaxed) {
            return;
        }
        let ldif = format!(
            "dn: ou=busy,{SUFFIX}\nchangetype: modify\nreplace: description\ndescription: {number}\n"
        );
        server.ldapmodify(&ldif).expect("a write");
        // This is the load: a pause of its length between the writes.
        thread::sleep(Duration::from_millis(400));
    }
}

fn held(copy: &Copied<'_>) -> BTreeSet<String> {
    let mut dns = BTreeSet::new();
    let store = Store::open(copy.data()).expect("the store opens");
    store
        .records(|record| {
            dns.insert(record.dn().to_owned());
            Ok(ControlFlow::Continue(()))
        })
        .expect("records");
    dns
}

fn shown(server: &Slapd) -> BTreeSet<String> {
    let filter = "(objectClass=*)";
    let found = judge::search(&server.url(), "", "", SUFFIX, "sub", filter, &["1.1"]);
    found.entries.into_values().map(|entry| entry.dn).collect()
}

/// Two units swap their names in the middle of a refresh. It shows the units before that, and the
/// child `c` of the first one after it: in the copy, `c` is below the second one. Then the provider
/// tells the second unit's rename, and the copy moves `c` along to a name that `c` never bore there.
#[test]
fn a_question_is_asked_while_the_server_is_never_silent() {
    let server = Slapd::start(Variant::SessionLog);
    load(&server);
    let copy = Copied::suffix(&server);
    let mut run = Run::unread(&mut copy.command("follow"));
    wait_until(PATIENCE, || is_in_a_write(&run));
    let swap = [renamed("a", "t"), renamed("b", "a"), renamed("t", "b")];
    server.ldapmodify(&swap.concat()).expect("a swap");
    let end = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| write_on(&server, &end));
        let ended = End(&end);
        run.read();
        let done = run.wait_for_line(|line| line.contains(r#""op":"refresh_done""#), PATIENCE);
        let refreshed = Instant::now();
        let wrong = |line: &str| line.contains(r#""op":"rename""#) && line.contains("ou=c,ou=a,");
        let told = run.wait_for_line_from(done, wrong, PATIENCE);
        // Until then the copy is the one of the refresh, with the same names.
        run.wait_for_line_from(told, |line| line.contains(r#""op":"commit""#), PATIENCE);
        wait_until(PATIENCE, || held(&copy) == shown(&server));
        let took = refreshed.elapsed();
        // On a slow machine the writes may leave a silence. Then the question is put earlier.
        println!("right after {took:?}");
        assert!(took < AT_MOST + MARGIN, "{took:?}");
        drop(ended);
    });
    run.signal("TERM");
    assert!(run.wait_exit(PATIENCE).success(), "{}", run.stderr());
}

/// Ends the writes, also when a test panics.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
