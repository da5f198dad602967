//! The DNS names the servers of a domain: `-H ldap:///dc=example,dc=com`.

use syncrepl_testing::process::Run;
use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};
use syncrepl_testing::tls::Certificates;
use syncrepl_testing::wait_until;
use tempfile::TempDir;

use crate::common::PATIENCE;
use crate::common::outcome::{Data, Outcome, command, people};
use crate::common::proxy::Proxy;
use crate::name_server::NameServer;
use crate::{assert_is_seen_by, setting};

const DOMAIN: &str = "ldap:///dc=example,dc=com";

fn port(url: &str) -> u16 {
    let port = url.rsplit(':').next().expect("a port");
    port.parse().expect("a number")
}

/// The words of a subcommand that asks this name server.
fn asking(names: &NameServer, subcommand: &str, data: &Data, more: &[&str]) -> Vec<String> {
    let (path, address) = (data.path(), names.address.to_string());
    let words = [subcommand, "--data", &path, "--name-server", &address];
    words
        .iter()
        .chain(more)
        .map(|&word| word.to_owned())
        .collect()
}

fn refresh(names: &NameServer, data: &Data, more: &[&str]) -> Outcome {
    Outcome::run(&asking(names, "refresh", data, more))
}

fn server() -> Slapd {
    let server = Slapd::start(Variant::SessionLog);
    server.load(&people(3));
    server
}

#[test]
fn server_is_found_and_remembered() {
    let server = server();
    let names = NameServer::of("example.com", &[(0, 0, server.port(), "localhost")]);
    for url in [
        DOMAIN,
        "ldap:///dc%3Dexample%2Cdc%3Dcom",
        "LDAP:///DC=Example,%20domainComponent=com",
    ] {
        let data = Data::new();
        // All below the domain's own DN, unless -b or the URL says something else.
        refresh(&names, &data, &["-H", url]).assert_done();
        assert_is_seen_by(&data, &server, "", "");
        let remembered = setting(&data, "syncrepl_servers").expect("it is remembered");
        assert!(remembered.eq_ignore_ascii_case(DOMAIN), "{remembered}");
        let before = names.asked();
        refresh(&names, &data, &[]).assert_done();
        refresh(&names, &data, &["-b", SUFFIX, "(objectClass=*)"]).assert_done();
        assert_eq!(
            names.asked()[0],
            before[0] + 2,
            "asked for anew by each run"
        );
        refresh(&names, &data, &["-H", url, "-b", SUFFIX]).assert_done();
    }
    let data = Data::new();
    let base = format!("ou=people,{SUFFIX}");
    refresh(
        &names,
        &data,
        &["-H", DOMAIN, "-b", &base, "-s", "one", "cn=*", "cn"],
    )
    .assert_done();
    refresh(&names, &data, &["-H", DOMAIN]).assert_done();
    let other = format!("{DOMAIN}??base");
    refresh(&names, &data, &["-H", &other]).assert_failed(5, &["scope"]);
    assert_eq!(data.dump().lines().count(), 1 + 3);
}

/// A URL that names a search, as a word of its own, means this machine (RFC 4516).
#[test]
fn whole_url_means_this_machine() {
    let names = NameServer::of("example.com", &[(0, 0, 1, "localhost")]);
    let data = Data::new();
    let outcome = refresh(&names, &data, &["ldap:///dc=example,dc=com??sub"]);
    outcome.assert_failed(4, &["ldap://localhost:389"]);
    assert_eq!(names.asked(), [0, 0]);
}

#[test]
fn priority_decides() {
    let server = server();
    let [first, second] = [Proxy::to(&server), Proxy::to(&server)];
    let [one, two] = [port(&first.url()), port(&second.url())];
    let names = NameServer::of(
        "example.com",
        &[(20, 65535, two, "localhost"), (10, 0, one, "localhost")],
    );
    let data = Data::new();
    refresh(&names, &data, &["-H", DOMAIN]).assert_done();
    assert!(first.connections() > 0 && second.connections() == 0);
    names.set(&[(20, 0, one, "localhost"), (10, 0, two, "LOCALHOST.")]);
    let before = first.connections();
    refresh(&names, &data, &[]).assert_done();
    assert!(first.connections() == before && second.connections() > 0);
    // The best one is down, and a server of the list comes before the domain.
    names.set(&[(10, 0, 1, "localhost"), (20, 0, two, "localhost")]);
    let list = format!("ldap://127.0.0.1:1,{DOMAIN}");
    refresh(&names, &data, &["-H", &list]).assert_done();
    refresh(&names, &data, &[]).assert_done();
}

/// Among those of one priority chance decides, by their weights.
#[test]
fn weight_decides_among_equals() {
    let server = server();
    let [light, heavy] = [Proxy::to(&server), Proxy::to(&server)];
    let names = NameServer::of(
        "example.com",
        &[
            (0, 1, port(&light.url()), "localhost"),
            (0, 60000, port(&heavy.url()), "localhost"),
        ],
    );
    let data = Data::new();
    for _ in 0..10 {
        refresh(&names, &data, &["-H", DOMAIN]).assert_done();
    }
    // The light one is first in one of 30,000 runs.
    assert_eq!(light.connections(), 0);
    assert!(heavy.connections() >= 10);
}

#[test]
fn long_answer_comes_by_tcp() {
    let server = server();
    let names = NameServer::of("example.com", &[(0, 0, server.port(), "localhost")]);
    names.truncate();
    refresh(&names, &Data::new(), &["-H", DOMAIN]).assert_done();
    assert_eq!(names.asked(), [1, 1]);
}

#[test]
fn no_server_is_named() {
    let names = NameServer::of("example.com", &[]);
    let data = Data::new();
    let name = "_ldap._tcp.example.com";
    refresh(&names, &data, &["-H", DOMAIN]).assert_failed(4, &["names no server", name]);
    let other = "ldap:///dc=example,dc=org";
    refresh(&names, &data, &["-H", other])
        .assert_failed(4, &["names no server", "_ldap._tcp.example.org"]);
    names.set(&[(0, 0, 0, ".")]);
    refresh(&names, &data, &["-H", DOMAIN]).assert_failed(4, &["example.com has no LDAP server"]);
    let doctor = Outcome::run(&[
        "doctor",
        "-H",
        DOMAIN,
        "--name-server",
        &names.address.to_string(),
    ]);
    assert_eq!(doctor.code, Some(4), "{doctor:?}");
    assert!(doctor.stdout.contains("✘ DNS: "), "{doctor:?}");
    // Nobody answers.
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
    let silent = silent.local_addr().expect("its address").to_string();
    let words = [
        "--name-server",
        &silent,
        "--connect-timeout",
        "1s",
        "-H",
        DOMAIN,
    ];
    let path = data.path();
    Outcome::run(&[&["refresh", "--data", &path], &words[..]].concat())
        .assert_failed(4, &["name servers do not tell of", name, "resolv.conf"]);
    // What a URL with a host says by extensions has to be said by options.
    let extended = format!("{DOMAIN}????!StartTLS");
    refresh(&names, &data, &["-H", &extended]).assert_failed(2, &["-ZZ"]);
}

/// The certificate has to be for the host that the record names, and not for the domain.
#[test]
fn certificate_is_checked_for_each_host() {
    let folder = TempDir::new().expect("a temporary folder");
    let made = Certificates::make(folder.path());
    let server = |pair: &syncrepl_testing::tls::Pair| {
        Slapd::builder(Variant::Plain)
            .tls(&made.ca, &pair.cert, &pair.key)
            .start()
    };
    let (good, elsewhere) = (server(&made.server), server(&made.wrong_name));
    let domain = "ldap:///dc=elsewhere,dc=example";
    let names = NameServer::of("elsewhere.example", &[(0, 0, good.port(), "localhost")]);
    let ca = made.ca.display().to_string();
    let words = ["-ZZ", "--ca-file", &ca, "-b", SUFFIX, "-H", domain];
    let data = Data::new();
    refresh(&names, &data, &words).assert_done();
    // StartTLS is remembered for them, too.
    let clear = ["-b", SUFFIX, "-H", domain];
    refresh(&names, &data, &clear).assert_done();
    names.set(&[(0, 0, elsewhere.port(), "localhost")]);
    data.unchanged(|| refresh(&names, &data, &[]))
        .assert_failed(4, &["elsewhere.example", "localhost"]);
}

/// `follow` asks for the records anew when it comes back.
#[test]
fn follow_goes_where_the_records_go() {
    let server = server();
    let [first, second] = [Proxy::to(&server), Proxy::to(&server)];
    let names = NameServer::of("example.com", &[(0, 0, port(&first.url()), "localhost")]);
    let data = Data::new();
    let words = asking(&names, "follow", &data, &["--format", "json", "-H", DOMAIN]);
    let mut follow = Run::command(&mut command(&words));
    follow.wait_for_line(|line| line.contains(r#""op":"commit""#), PATIENCE);
    names.set(&[(0, 0, port(&second.url()), "localhost")]);
    first.drop_all();
    wait_until(PATIENCE, || second.sync_searches() > 0);
    follow.signal("TERM");
    assert_eq!(follow.wait_exit(PATIENCE).code(), Some(0));
}
