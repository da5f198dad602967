//! The receiver of the documentation.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::json;
use syncrepl_relay::Trouble;

use crate::support::{accepted, events, large_event, owner, python_of, send, sink};

struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn receiver_of_the_documentation_checks_signatures_and_knows_events_again() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("hook.secret");
    std::fs::write(&secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
    // The same, at a free port, which it tells.
    let last = "http.server.HTTPServer((\"127.0.0.1\", 8000), Hook).serve_forever()";
    let free = "server = http.server.HTTPServer((\"127.0.0.1\", 0), Hook)\n\
                print(server.server_port, flush=True)\nserver.serve_forever()";
    let text = python_of("webhook.md");
    assert!(text.contains(last));
    let mut receiver = Ended(
        Command::new("python3")
            .args(["-c", &text.replace(last, free)])
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("python3: apt-get install python3"),
    );
    let mut lines = BufReader::new(receiver.0.stdout.take().unwrap()).lines();
    let mut next = || lines.next().unwrap().unwrap();
    let url = format!("http://127.0.0.1:{}/ldap", next());

    let keys = [("secret_file", json!(secret)), ("batch", json!(50))];
    let mut signed = sink(&url, &keys);
    signed.open(&owner("hook")).unwrap();
    for range in [1..=3, 1..=3, 2..=4] {
        let events = events(range);
        assert_eq!(send(&mut *signed, &events).unwrap(), accepted(events.len()));
    }
    let mut parts = [large_event(5, 10), large_event(5, 10)];
    for (part, number) in parts.iter_mut().zip(1..) {
        part.part = Some(syncrepl_relay::Part { number, of: 2 });
    }
    assert_eq!(send(&mut *signed, &parts).unwrap(), accepted(2));
    for number in [1, 2, 3, 4, 5, 5] {
        let wanted = format!("io.syncrepl.entry.added.v1 cn=entry {number},dc=example,dc=com");
        assert_eq!(next(), wanted);
    }
    // Its connection keeps the receiver, which serves one at a time.
    signed.close();

    let other = folder.path().join("other");
    std::fs::write(&other, "whsec_AAAA").unwrap();
    let mut wrong = sink(&url, &[("secret_file", json!(other)), ("batch", json!(50))]);
    wrong.open(&owner("hook")).unwrap();
    let error = send(&mut *wrong, &events(6..=6)).unwrap_err();
    assert_eq!(
        (error.trouble(), error.reason()),
        (Trouble::Manual, "credentials"),
        "{error}"
    );
}
