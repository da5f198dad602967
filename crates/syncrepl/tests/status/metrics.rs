//! `follow --metrics`: what Prometheus and probes are told, and what hostile clients can do.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use syncrepl_testing::process::Run;
use syncrepl_testing::slapd::{Slapd, Variant};
use syncrepl_testing::wait_until;

use crate::common::PATIENCE;
use crate::common::outcome::{Data, Outcome, command};
use crate::{QUICK, wait_for_state};

const RULES: &str = include_str!("../../../../packaging/prometheus/syncrepl.rules.yml");
const DASHBOARD: &str = include_str!("../../../../packaging/grafana/syncrepl.json");

fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").to_string()
}

fn follow_at(data: &Data, url: &str, address: &str) -> Run {
    let mut arguments = data.sync("follow", url);
    arguments.extend(QUICK.map(str::to_owned));
    arguments.extend(["--metrics", address].map(str::to_owned));
    Run::command(&mut command(&arguments))
}

/// Sends bytes and reads the answer to its end.
fn send(address: &str, bytes: &[u8]) -> std::io::Result<String> {
    let mut client = TcpStream::connect(address)?;
    client.set_read_timeout(Some(PATIENCE))?;
    client.write_all(bytes)?;
    let mut answer = String::new();
    client.read_to_string(&mut answer)?;
    Ok(answer)
}

fn get(address: &str, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    send(address, request.as_bytes()).unwrap_or_default()
}

/// The value of a metric.
fn metric(address: &str, name: &str) -> Option<f64> {
    let page = get(address, "/metrics");
    let line = page
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{name} ")));
    line.map(|value| value.parse().expect("a number"))
}

#[test]
fn server_that_goes_and_comes_back() {
    let server = Slapd::start(Variant::SessionLog);
    server.stop();
    let (data, address) = (Data::new(), free_address());
    let mut run = follow_at(&data, &server.url(), &address);
    // Alive before there is a copy, but not ready.
    wait_until(PATIENCE, || {
        get(&address, "/livez").starts_with("HTTP/1.1 200 OK\r\n")
    });
    wait_until(PATIENCE, || {
        get(&address, "/readyz").contains("never confirmed current")
    });
    assert!(get(&address, "/readyz").starts_with("HTTP/1.1 503 "));
    wait_until(PATIENCE, || {
        metric(&address, r#"syncrepl_state{state="waiting"}"#) == Some(1.0)
    });
    assert_eq!(
        metric(&address, "syncrepl_confirmed_timestamp_seconds"),
        Some(0.0)
    );
    server.start_again();
    wait_until(PATIENCE, || {
        get(&address, "/readyz").starts_with("HTTP/1.1 200 OK\r\n")
    });
    wait_until(PATIENCE, || {
        metric(&address, r#"syncrepl_state{state="following"}"#) == Some(1.0)
    });
    assert_eq!(metric(&address, "syncrepl_entries"), Some(1.0));
    assert!(metric(&address, "syncrepl_failures_total") > Some(0.0));
    wait_until(PATIENCE, || {
        metric(&address, "syncrepl_lag_seconds") == Some(0.0)
    });
    // Each answer of the server confirms the copy; then it is unplugged.
    let confirmed = || metric(&address, "syncrepl_confirmed_timestamp_seconds");
    let first = confirmed();
    wait_until(PATIENCE, || confirmed() > first);
    server.stop();
    wait_until(PATIENCE, || {
        metric(&address, r#"syncrepl_state{state="waiting"}"#) == Some(1.0)
    });
    let last = confirmed();
    let failures = metric(&address, "syncrepl_failures_total");
    wait_until(PATIENCE, || {
        metric(&address, "syncrepl_failures_total") > failures
    });
    assert_eq!(confirmed(), last, "nothing confirms it");
    run.signal("TERM");
    assert!(run.wait_exit(PATIENCE).success());
}

/// The rules and the dashboard speak of metrics that there are.
#[test]
fn rules_and_dashboard_name_what_is_served() {
    let dashboard: serde_json::Value = serde_json::from_str(DASHBOARD).expect("JSON");
    assert!(
        dashboard["panels"]
            .as_array()
            .is_some_and(|panels| panels.len() > 5)
    );
    let page = include_str!("../../src/metrics/page.rs");
    let mut names = 0;
    for text in [RULES, DASHBOARD] {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        for name in words.filter(|word| word.starts_with("syncrepl_")) {
            assert!(page.contains(name), "no metric {name}");
            names += 1;
        }
    }
    assert!(names > 10, "{names}");
}

#[test]
fn hostile_clients_get_little_and_stop_nothing() {
    let server = Slapd::start(Variant::Plain);
    let (data, address) = (Data::new(), free_address());
    let mut run = follow_at(&data, &server.url(), &address);
    wait_for_state(&data, "following");
    for (request, code) in [
        (&b"POST /metrics HTTP/1.1\r\n\r\n"[..], "405"),
        (b"GET /../../etc/passwd HTTP/1.1\r\n\r\n", "404"),
        (b"GET / HTTP/1.1\r\n\r\n", "404"),
        (b"\r\n\r\n", "400"),
        (b"\xff\xfe\n\n", "400"),
        (b"HEAD /livez HTTP/1.1\r\n\r\n", "200"),
    ] {
        let answer = send(&address, request).expect("an answer");
        assert!(answer.starts_with(&format!("HTTP/1.1 {code} ")), "{answer}");
    }
    // A request without an end.
    let mut client = TcpStream::connect(&address).expect("it connects");
    let endless = vec![b'a'; 1 << 20];
    let _ = client
        .write_all(b"GET /")
        .and_then(|()| client.write_all(&endless));
    // More clients that say nothing than there are threads: the next one waits for a moment.
    let silent: Vec<_> = (0..32)
        .map(|_| TcpStream::connect(&address).expect("it connects"))
        .collect();
    let began = Instant::now();
    assert!(get(&address, "/livez").starts_with("HTTP/1.1 200 OK\r\n"));
    assert!(
        began.elapsed() < Duration::from_secs(25),
        "{:?}",
        began.elapsed()
    );
    // Meanwhile it follows.
    let unit =
        "dn: ou=a,dc=example,dc=com\nchangetype: add\nobjectClass: organizationalUnit\nou: a\n";
    server.ldapmodify(unit).expect("a unit");
    wait_until(PATIENCE, || run.output().contains("ou=a,"));
    drop((silent, client));
    run.signal("TERM");
    assert!(run.wait_exit(PATIENCE).success());
}

#[test]
fn address_has_to_be_of_this_machine_and_free() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::new();
    let with = |words: &[&str]| {
        let mut arguments = data.sync("follow", &server.url());
        arguments.extend(words.iter().map(|&word| word.to_owned()));
        Outcome::run(&arguments)
    };
    with(&["--metrics", "0.0.0.0:9142"]).assert_failed(2, &["--metrics", "--metrics-remote"]);
    with(&["--metrics", "nonsense"]).assert_failed(2, &["--metrics", "127.0.0.1:9142"]);
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address").to_string();
    with(&["--metrics", &address]).assert_failed(2, &["--metrics", "in use", "port of its own"]);
    assert!(!data.folder.path().join("copy.db").exists());
    // Off unless asked for.
    let mut run = Run::command(&mut command(&data.sync("follow", &server.url())));
    wait_for_state(&data, "following");
    let sockets =
        std::fs::read_to_string(format!("/proc/{}/net/tcp", run.pid())).unwrap_or_default();
    let inodes: Vec<String> = std::fs::read_dir(format!("/proc/{}/fd", run.pid()))
        .expect("its descriptors")
        .filter_map(|fd| std::fs::read_link(fd.ok()?.path()).ok())
        .filter_map(|link| {
            Some(
                link.to_str()?
                    .strip_prefix("socket:[")?
                    .trim_end_matches(']')
                    .to_owned(),
            )
        })
        .collect();
    let listens = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.get(3) == Some(&"0A")
            && words
                .get(9)
                .is_some_and(|inode| inodes.iter().any(|own| own == inode))
    };
    assert!(!sockets.lines().any(listens), "it listens");
    run.signal("TERM");
    assert!(run.wait_exit(PATIENCE).success());
}
