//! The server answers, but its changes do not arrive: the copy is behind, and nothing confirms it.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::SystemTime;

use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};
use syncrepl_testing::target::Target;
use syncrepl_testing::wait_until;

use crate::common::PATIENCE;
use crate::common::outcome::{Data, Outcome};
use crate::{follow, moment, status, wait_for, wait_for_state};

/// Sync State Control, Sync Info Message (RFC 4533 §2).
const SYNC: [&[u8]; 2] = [b"1.3.6.1.4.1.4203.1.9.1.2", b"1.3.6.1.4.1.4203.1.9.1.4"];

/// A proxy that holds the messages of the sync search back while it is told to, and passes all others.
struct Holding {
    url: String,
    holds: Arc<AtomicBool>,
}

impl Holding {
    fn before(server: &dyn Target) -> Holding {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("ldap://{}", listener.local_addr().expect("its address"));
        let server = server.url().trim_start_matches("ldap://").to_owned();
        let holds = Arc::new(AtomicBool::new(false));
        let held = Arc::clone(&holds);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let server = TcpStream::connect(&server).expect("the server");
                let ends = || {
                    let copy = |end: &TcpStream| end.try_clone().expect("the same end");
                    (copy(&client), copy(&server))
                };
                let ((mut from, mut to), back, held) = (ends(), ends(), Arc::clone(&held));
                thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(Shutdown::Both);
                });
                thread::spawn(move || pass_back(back.1, back.0, &held));
            }
        });
        Holding { url, holds }
    }

    fn hold(&self, hold: bool) {
        self.holds.store(hold, Ordering::Relaxed);
    }
}

/// Passes whole messages from the server to the client.
fn pass_back(mut from: TcpStream, mut to: TcpStream, holds: &AtomicBool) {
    let mut kept = Vec::new();
    while let Some(message) = message(&mut from) {
        let of_sync = SYNC
            .iter()
            .any(|oid| message.windows(oid.len()).any(|part| part == *oid));
        if of_sync && holds.load(Ordering::Relaxed) {
            kept.extend(message);
            continue;
        }
        let due = match holds.load(Ordering::Relaxed) {
            true => Vec::new(),
            false => std::mem::take(&mut kept),
        };
        let passed = to.write_all(&due);
        if passed.and_then(|()| to.write_all(&message)).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}

/// Reads one LDAPMessage.
fn message(from: &mut TcpStream) -> Option<Vec<u8>> {
    let mut message = vec![0; 2];
    from.read_exact(&mut message).ok()?;
    let length = match usize::from(message[1]) {
        short @ 0..128 => short,
        long => {
            let mut digits = vec![0; long & 127];
            from.read_exact(&mut digits).ok()?;
            message.extend(&digits);
            digits
                .iter()
                .fold(0, |length, digit| length << 8 | usize::from(*digit))
        }
    };
    let begin = message.len();
    message.resize(begin + length, 0);
    from.read_exact(&mut message[begin..]).ok()?;
    Some(message)
}

#[test]
fn changes_that_do_not_arrive_are_lag() {
    let server = Slapd::start(Variant::Plain);
    let (data, proxy) = (Data::new(), Holding::before(&server));
    let mut run = follow(&data, &proxy.url);
    wait_for_state(&data, "following");
    wait_for(&data, |told| told["lag"]["seconds"] == 0);
    proxy.hold(true);
    let change = |text: &str| {
        let ldif = format!(
            "dn: {SUFFIX}\nchangetype: modify\nreplace: description\ndescription: {text}\n"
        );
        server.ldapmodify(&ldif).expect("a change");
    };
    change("one");
    let changed = SystemTime::now();
    // Later than the copy's newest change by seconds, which a CSN tells.
    let told = wait_for(&data, |told| {
        change("more");
        told["lag"]["seconds"].as_u64() > Some(0)
    });
    assert_eq!(told["state"], "following");
    let contact = moment(&told, "last_contact");
    wait_for(&data, |told| moment(told, "last_contact") > contact);
    // It is heard, and not believed.
    wait_until(PATIENCE, || {
        let words = ["status", "--data", &data.path(), "--max-age", "1s"];
        Outcome::run(&words).code == Some(7)
    });
    let told = status(&data);
    assert!(moment(&told, "confirmed") <= changed, "{told}");
    let text = Outcome::run(&["status", "--data", &data.path()]).stdout;
    assert!(text.contains(" behind"), "{text}");
    proxy.hold(false);
    wait_for(&data, |told| {
        told["lag"]["seconds"] == 0 && moment(told, "confirmed") > contact
    });
    run.signal("TERM");
    assert!(run.wait_exit(PATIENCE).success());
}
