//! The pages of a `run`: what Prometheus, probes and people see of the sinks, and what nobody may see there.

#[path = "../common/mod.rs"]
mod common;

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;

use syncrepl_provider::Provider;
use syncrepl_testing::process::Run;
use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};
use syncrepl_testing::wait_until;
use tempfile::TempDir;

use crate::common::PATIENCE;
use crate::common::outcome::command;

/// A value that must not be on any page.
const CANARY: &str = "canary-of-the-page";

fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").to_string()
}

/// Starts a run with these lines of `[http]` and this sink beside a copy in `folder`.
fn run(folder: &Path, url: &str, base: &str, http: &str, sink: &str) -> Run {
    let config = format!(
        "[ldap]\nurl = \"{url}\"\nbase = \"{base}\"\nheartbeat = \"100ms\"\nlongest_wait = \"50ms\"\n\
         [store]\npath = \"{}\"\n[http]\n{http}\n[sink.lines]\n{sink}\n",
        folder.join("copy.db").display()
    );
    let path = folder.join("run.toml");
    fs::write(&path, config).expect("a configuration");
    Run::command(&mut command(&["run", &path.display().to_string()]))
}

fn file_sink(folder: &Path) -> String {
    format!("to = \"file:{}\"", folder.join("events.jsonl").display())
}

/// Asks a server, which names itself `host`, and reads its answer to the end.
fn ask(mut client: impl Read + Write, host: &str, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let mut answer = String::new();
    let asked = client.write_all(request.as_bytes());
    let _ = asked.and_then(|()| client.read_to_string(&mut answer));
    answer
}

fn get(address: &str, path: &str) -> String {
    match TcpStream::connect(address) {
        Ok(client) => ask(client, address, path),
        Err(_) => String::new(),
    }
}

/// Waits until the page has this text, and gives the page.
#[track_caller]
fn wait_for(get: impl Fn() -> String, text: &str) -> String {
    let mut page = String::new();
    wait_until(PATIENCE, || {
        page = get();
        page.contains(text)
    });
    page
}

#[track_caller]
fn stop(mut run: Run) {
    run.signal("TERM");
    assert!(run.wait_exit(PATIENCE).success(), "{}", run.stderr());
}

/// A page of the web may give its own name our address (DNS rebinding).
fn assert_only_own_hosts_are_served(address: &str) {
    for (host, code) in [
        ("evil.example", "421"),
        ("localhost", "200"),
        ("[::1]:80", "200"),
    ] {
        let client = TcpStream::connect(address).expect("it connects");
        let answer = ask(client, host, "/");
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {code} ")),
            "{host}: {answer}"
        );
    }
}

fn assert_all_metrics_are_there(metrics: &str) {
    for line in [
        "\nsyncrepl_sink_sent_total{sink=\"lines\",type=\"added\"} 1\n",
        "\nsyncrepl_sink_dead{sink=\"lines\"} 0\n",
        "\nsyncrepl_sink_rewound_total{sink=\"lines\"} 0\n",
        "\nsyncrepl_sink_age_seconds{sink=\"lines\"} ",
        "\nsyncrepl_sink_send_seconds_count{sink=\"lines\"} ",
        "\nsyncrepl_journal_rows ",
        "\nsyncrepl_journal_folded 0\n",
    ] {
        assert!(metrics.contains(line), "no {line:?} in {metrics}");
    }
}

#[test]
fn sink_is_on_metrics_and_page_without_any_value() {
    let server = Slapd::start(Variant::Plain);
    let (folder, address) = (TempDir::new().expect("a folder"), free_address());
    let listen = format!("listen = \"{address}\"");
    let run = run(
        folder.path(),
        &server.url(),
        SUFFIX,
        &listen,
        &file_sink(folder.path()),
    );
    wait_for(|| get(&address, "/readyz"), "200 OK");
    let dn = format!("cn=x\\3Cscript\\3E{CANARY}&,{SUFFIX}");
    let ldif = format!(
        "dn: {dn}\nchangetype: add\nobjectClass: person\ncn: x<script>{CANARY}&\nsn: {CANARY}\n\n\
         dn: {dn}\nchangetype: modify\nreplace: description\ndescription: {CANARY}\n"
    );
    server.ldapmodify(&ldif).expect("the server takes it");
    let sent = "syncrepl_sink_sent_total{sink=\"lines\",type=\"changed\"} 1\n";
    wait_for(|| get(&address, "/metrics"), sent);
    // The status of the copy may be a second older than that of the sinks.
    let metrics = wait_for(|| get(&address, "/metrics"), "\nsyncrepl_entries 2\n");
    assert_all_metrics_are_there(&metrics);
    wait_for(
        || get(&address, "/metrics"),
        "syncrepl_sink_state{sink=\"lines\",state=\"up_to_date\"} 1\n",
    );
    wait_for(
        || get(&address, "/metrics"),
        "syncrepl_sink_behind_seconds{sink=\"lines\"} 0\n",
    );
    let page = wait_for(|| get(&address, "/"), "description");
    for part in [
        "Content-Type: text/html",
        "default-src 'none'; style-src 'unsafe-inline'",
        ">lines</span>",
        ">up to date</span>",
        ">has all</span>",
        ">changed</span>",
    ] {
        assert!(page.contains(part), "no {part:?} in {page}");
    }
    assert!(!page.contains("<script"), "{page}");
    let verbose = get(&address, "/readyz?verbose");
    assert!(
        verbose.contains("[+] sink lines: up to date\n"),
        "{verbose}"
    );
    let lines = fs::read_to_string(folder.path().join("events.jsonl")).expect("events");
    assert!(lines.contains(CANARY), "the sink has the values");
    for path in ["/", "/metrics", "/readyz?verbose", "/livez"] {
        assert!(!get(&address, path).contains(CANARY), "{path}");
    }
    assert_only_own_hosts_are_served(&address);
    stop(run);
}

#[test]
fn hostile_names_come_out_escaped_on_a_socket_for_this_user() {
    let provider = Provider::builder().start().expect("a provider");
    let hostile = "cn=<script>alert(1)</script>\u{1b}[2J\u{202e},dc=example,dc=com";
    provider
        .add(
            hostile,
            [("objectClass", "person"), ("description", CANARY)],
        )
        .expect("an entry");
    let folder = TempDir::new().expect("a folder");
    let socket = folder.path().join("page.sock");
    let listen = format!("listen = \"unix:{}\"", socket.display());
    let url = provider.url();
    let run = run(
        folder.path(),
        &url,
        "dc=example,dc=com",
        &listen,
        &file_sink(folder.path()),
    );
    let get = |path: &str| match UnixStream::connect(&socket) {
        Ok(client) => ask(client, "anything", path),
        Err(_) => String::new(),
    };
    let page = wait_for(
        || get("/"),
        "&lt;script&gt;alert(1)&lt;/script&gt;\\u{1b}[2J\\u{202e}",
    );
    let wild = |c: char| c != '\n' && c != '\r' && !syncrepl_proto::text::is_printable(c);
    assert_eq!(page.chars().find(|&c| wild(c)), None, "{page}");
    assert!(
        !page.contains("<script") && !page.contains(CANARY),
        "{page}"
    );
    let mode = fs::metadata(&socket)
        .expect("a socket")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    stop(run);
    assert!(!socket.exists(), "it is removed at the end");
}

#[test]
fn sink_that_needs_a_person_makes_the_run_not_ready() {
    let server = Slapd::start(Variant::Plain);
    let (folder, address) = (TempDir::new().expect("a folder"), free_address());
    let listen = format!("listen = \"{address}\"");
    let url = server.url();
    let first = run(
        folder.path(),
        &url,
        SUFFIX,
        &listen,
        &file_sink(folder.path()),
    );
    wait_for(
        || get(&address, "/readyz?verbose"),
        "[+] sink lines: up to date",
    );
    stop(first);
    // The shape of the sink's events changes: a person has to ask for a pass over everything.
    let (sink, address) = (
        file_sink(folder.path()) + "\nmask = [\"cn\"]",
        free_address(),
    );
    let listen = format!("listen = \"{address}\"");
    let second = run(folder.path(), &url, SUFFIX, &listen, &sink);
    let ready = wait_for(
        || get(&address, "/readyz?verbose"),
        "[-] sink lines: needs a person: ",
    );
    assert!(ready.starts_with("HTTP/1.1 503 "), "{ready}");
    assert!(ready.contains("syncrepl sink resync lines"), "{ready}");
    wait_for(|| get(&address, "/readyz?verbose"), "[+] following");
    assert!(get(&address, "/livez").starts_with("HTTP/1.1 200 "));
    let page = wait_for(|| get(&address, "/"), ">needs a person</span>");
    assert!(page.contains("syncrepl sink resync lines"), "{page}");
    stop(second);
}

#[test]
fn dead_letters_come_with_the_command_to_run_and_without_what_the_receiver_said() {
    let server = Slapd::start(Variant::Plain);
    let (folder, address) = (TempDir::new().expect("a folder"), free_address());
    let program = folder.path().join("refuse");
    let text = format!(
        "#!/usr/bin/env python3\nimport json, sys\nfor line in sys.stdin:\n    event = json.loads(line)\n    \
         word = 'refused' if event['type'].endswith('added.v1') else 'ok'\n    \
         print(json.dumps({{word: event['id'], 'why': '{CANARY}'}}), flush=True)\n"
    );
    fs::write(&program, text).expect("a program");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).expect("it can be run");
    let sink = format!("to = \"exec:{}\"", program.display());
    let listen = format!("listen = \"{address}\"");
    let run = run(folder.path(), &server.url(), SUFFIX, &listen, &sink);
    wait_for(
        || get(&address, "/readyz?verbose"),
        "[+] sink lines: up to date",
    );
    let ldif =
        format!("dn: cn=Ann,{SUFFIX}\nchangetype: add\nobjectClass: person\ncn: Ann\nsn: A\n");
    server.ldapmodify(&ldif).expect("the server takes it");
    wait_for(
        || get(&address, "/metrics"),
        "\nsyncrepl_sink_dead{sink=\"lines\"} 1\n",
    );
    let page = wait_for(|| get(&address, "/"), "Dead letters");
    let retry = format!(
        "syncrepl dead retry --sink lines --data {}",
        folder.path().join("copy.db").display()
    );
    assert!(page.contains(&retry), "{page}");
    assert!(!page.contains(CANARY) && !page.contains("cn=Ann"), "{page}");
    stop(run);
}
