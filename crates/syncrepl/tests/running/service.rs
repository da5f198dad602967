//! sd_notify(3), with a socket of ours in place of systemd's.

use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use syncrepl_testing::process::Run;
use syncrepl_testing::slapd::{Slapd, Variant};
use syncrepl_testing::wait_until;

use crate::common::PATIENCE;
use crate::common::outcome::{Data, command, is_in_a_write, people};
use crate::describe;

/// A service manager that listens, with the watchdog on.
struct Manager {
    socket: UnixDatagram,
    heard: Vec<String>,
}

const LIMIT: Duration = Duration::from_millis(800);

impl Manager {
    fn new(data: &Data) -> Manager {
        let socket = UnixDatagram::bind(data.folder.path().join("notify")).expect("a socket");
        socket
            .set_read_timeout(Some(Duration::from_millis(20)))
            .expect("a time limit");
        Manager {
            socket,
            heard: Vec::new(),
        }
    }

    fn command(&self, data: &Data, url: &str) -> std::process::Command {
        let mut command = command(&data.sync("follow", url));
        command
            .env("NOTIFY_SOCKET", data.folder.path().join("notify"))
            .env("WATCHDOG_USEC", LIMIT.as_micros().to_string())
            .args(["--longest-wait", "5s"]);
        command
    }

    fn start(&self, data: &Data, url: &str) -> Run {
        Run::command(&mut self.command(data, url))
    }

    /// Takes what has arrived.
    fn listen(&mut self) {
        let mut space = [0; 8192];
        while let Ok(length) = self.socket.recv(&mut space) {
            let text = String::from_utf8_lossy(&space[..length]);
            self.heard.extend(text.lines().map(str::to_owned));
        }
    }

    #[track_caller]
    fn wait_for(&mut self, wanted: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.heard.iter().any(|line| line.contains(wanted)) {
            assert!(Instant::now() < deadline, "no {wanted}: {:?}", self.heard);
            self.listen();
        }
    }

    /// The signs of life within this time.
    fn beats(&mut self, time: Duration) -> usize {
        self.listen();
        self.heard.clear();
        let until = Instant::now() + time;
        while Instant::now() < until {
            self.listen();
        }
        self.heard
            .iter()
            .filter(|line| *line == "WATCHDOG=1")
            .count()
    }
}

/// A server that is down at boot is no failed start.
#[test]
fn ready_before_the_server_is_there() {
    let server = Slapd::start(Variant::Plain);
    server.stop();
    let data = Data::new();
    let mut manager = Manager::new(&data);
    let mut run = manager.start(&data, &server.url());
    manager.wait_for("READY=1");
    manager.wait_for(&format!("STATUS=waiting for {}", server.url()));
    assert!(
        manager.beats(2 * LIMIT) >= 3,
        "no sign of life while it waits"
    );
    server.start_again();
    manager.wait_for(&format!("STATUS=following {}", server.url()));
    assert!(
        manager.beats(2 * LIMIT) >= 3,
        "no sign of life while it is idle"
    );
    describe(&server, "changed");
    run.wait_for_line(|line| line.contains("changed"), PATIENCE);
    run.signal("TERM");
    manager.wait_for("STOPPING=1");
    assert_eq!(run.wait_exit(PATIENCE).code(), Some(0));
}

#[test]
fn never_ready_with_a_wrong_configuration() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::of(&server);
    let mut manager = Manager::new(&data);
    let mut other = manager.command(&data, &server.url());
    let mut run = Run::command(other.arg("(cn=another search)"));
    assert_eq!(run.wait_exit(PATIENCE).code(), Some(5));
    manager.listen();
    assert_eq!(manager.heard, [] as [&str; 0]);
}

/// The sign of life comes from the loop that does the work: one that hangs gives none.
#[test]
fn no_sign_of_life_from_one_that_hangs() {
    let server = Slapd::start(Variant::Plain);
    server.load(&people(2000));
    let data = Data::new();
    let mut manager = Manager::new(&data);
    let mut run = Run::unread(&mut manager.command(&data, &server.url()));
    wait_until(PATIENCE, || is_in_a_write(&run));
    assert_eq!(manager.beats(2 * LIMIT), 0);
    run.read();
    manager.wait_for("STATUS=following");
    assert!(manager.beats(2 * LIMIT) >= 3);
    run.signal("TERM");
    assert_eq!(run.wait_exit(PATIENCE).code(), Some(0));
}
