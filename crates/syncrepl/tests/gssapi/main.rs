//! SASL GSSAPI in a real Kerberos realm: real tickets, every security layer, and failures. It needs the
//! feature `gssapi`; `./test` switches that on.

mod attack;
#[path = "../common/mod.rs"]
mod common;

use std::process::Command;

use common::outcome::{Data, Outcome, command, people};
use common::{PATIENCE, proxy::Proxy};
use syncrepl_testing::Kdc;
use syncrepl_testing::judge::{self, Directory};
use syncrepl_testing::process::Run;
use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};
use syncrepl_testing::tls::Certificates;

const ANN: &str = "dn:uid=ann,ou=people,dc=example,dc=com";

/// A server in the realm, with some people in it. Any bound identity may read.
fn server(kdc: &Kdc, secprops: &str) -> Slapd {
    let builder = Slapd::builder(Variant::Plain).extra_database("access to * by users read");
    let server = kdc.serve(builder, secprops).start();
    server.load(&people(40));
    server
}

/// The URL by the name `localhost`, because the service is `ldap/localhost`.
fn by_name(url: &str) -> String {
    url.replace("127.0.0.1", "localhost")
}

fn words(subcommand: &str, data: &Data, url: &str, more: &[&str]) -> Vec<String> {
    let path = data.path();
    let fixed = [
        subcommand, "--data", &path, "--format", "json", "-b", SUFFIX, "-H", url, "-Y", "GSSAPI",
    ];
    fixed
        .iter()
        .chain(more)
        .map(|&word| word.to_owned())
        .collect()
}

fn in_realm(kdc: &Kdc, cache: &str, words: &[String]) -> Command {
    let mut command = command(words);
    command.envs(kdc.client(cache));
    command
}

fn refresh(kdc: &Kdc, cache: &str, data: &Data, url: &str, more: &[&str]) -> Outcome {
    Outcome::of(&mut in_realm(
        kdc,
        cache,
        &words("refresh", data, url, more),
    ))
}

#[track_caller]
fn assert_copy(data: &Data, server: &Slapd) -> Directory {
    let shown = server.search(SUFFIX, "(objectClass=*)", &[]);
    judge::assert_same(
        "dump",
        &judge::from_dump_json(&data.dump()),
        "search",
        &shown,
    );
    shown
}

fn set_description(server: &Slapd, text: &str) {
    server
        .ldapmodify(&format!(
            "dn: uid=p1,ou=people,{SUFFIX}\nchangetype: modify\nreplace: description\ndescription: {text}\n"
        ))
        .expect("a change");
}

/// The sealed and the merely signed tokens of RFC 4121 §4.2.6.2 differ in a flag; the acceptor sets
/// another one, and mostly a third.
fn has_token(proxy: &Proxy, sealed: bool) -> bool {
    let flags: &[u8] = if sealed { &[3, 7] } else { &[1, 5] };
    flags
        .iter()
        .any(|&flags| proxy.answered(&[5, 4, flags, 0xff]))
}

/// No layer, integrity, confidentiality: the server allows one of them, and the bytes on the wire show it.
#[test]
fn every_security_layer() {
    let kdc = Kdc::start();
    kdc.kinit("ann", "1h");
    for (secprops, readable, sealed) in [
        ("maxssf=0", true, false),
        ("minssf=1,maxssf=1", true, false),
        ("minssf=128", false, true),
    ] {
        let server = server(&kdc, secprops);
        let proxy = Proxy::to(&server);
        let url = by_name(&proxy.url());
        let data = Data::new();
        let outcome = refresh(&kdc, "ann", &data, &url, &[]);
        assert!(outcome.assert_done().stdout.contains(ANN), "{secprops}");
        assert_eq!(assert_copy(&data, &server).len(), 42);
        assert_eq!(proxy.answered(b"Number 17"), readable, "{secprops}");
        // Requests are protected as answers are.
        assert_eq!(proxy.asked(SUFFIX.as_bytes()), readable, "{secprops}");
        assert_eq!(has_token(&proxy, true), sealed, "{secprops}");
        // Both agree on the layer in a signed token, whatever it is.
        assert!(has_token(&proxy, false), "{secprops}");

        // The command asks before an implied delete, on a second connection that binds in the same way.
        let gone = format!("dn: uid=p3,ou=people,{SUFFIX}\nchangetype: delete\n");
        server.ldapmodify(&gone).expect("a delete");
        let before = proxy.connections();
        refresh(&kdc, "ann", &data, &url, &[]).assert_done();
        assert_eq!(assert_copy(&data, &server).len(), 41);
        assert_eq!(proxy.connections() - before, 2);
    }
}

/// Inside TLS there is no security layer.
#[test]
fn inside_of_tls() {
    let kdc = Kdc::start();
    kdc.kinit("ann", "1h");
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let certificates = Certificates::make(folder.path());
    let pair = &certificates.server;
    let builder = Slapd::builder(Variant::Plain).tls(&certificates.ca, &pair.cert, &pair.key);
    let server = kdc.serve(builder, "none").start();
    let ca = certificates.ca.display().to_string();
    for (url, starttls) in [(server.ldaps_url(), None), (server.url(), Some("-ZZ"))] {
        let data = Data::new();
        let mut more = vec!["--ca-file", &ca, "-vv"];
        more.extend(starttls);
        let outcome = refresh(&kdc, "ann", &data, &by_name(&url), &more);
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        assert!(
            outcome.stderr.contains("security layer: none"),
            "{}",
            outcome.stderr
        );
        assert!(outcome.stdout.contains(ANN));
    }
}

/// Entries and requests are larger than a buffer of the layer.
#[test]
fn entries_larger_than_a_buffer() {
    let kdc = Kdc::start();
    kdc.kinit("ann", "1h");
    let server = server(&kdc, "minssf=128,maxbufsize=4096");
    set_description(&server, &"long ".repeat(300_000));
    let data = Data::new();
    let filter = format!("(|(objectClass=*)(description={}))", "x".repeat(20_000));
    refresh(&kdc, "ann", &data, &by_name(&server.url()), &[&filter]).assert_done();
    assert_copy(&data, &server);
}

/// `follow` binds again after a restart of the server, and tells what changed in between.
#[test]
fn follow_comes_back() {
    let kdc = Kdc::start();
    kdc.kinit("ann", "1h");
    let server = server(&kdc, "minssf=128");
    let data = Data::new();
    let url = by_name(&server.url());
    let mut run = Run::command(&mut in_realm(
        &kdc,
        "ann",
        &words("follow", &data, &url, &[]),
    ));
    let mark = run.wait_for_line(|line| line.contains("refresh_done"), PATIENCE);
    set_description(&server, "first");
    let mark = run.wait_for_line_from(mark, |line| line.contains("first"), PATIENCE);
    server.stop();
    server.start_again();
    set_description(&server, "second");
    run.wait_for_line_from(mark, |line| line.contains("second"), PATIENCE);
    run.wait_for_line_from(mark, |line| line.contains(ANN), PATIENCE);
    run.signal("TERM");
    assert!(run.wait_exit(PATIENCE).success(), "{}", run.stderr());
    assert_copy(&data, &server);
}

/// A service has a keytab in place of a ticket. Expired tickets are replaced.
#[test]
fn client_keytab() {
    let kdc = Kdc::start();
    let server = server(&kdc, "minssf=128");
    let data = Data::new();
    let words = words("refresh", &data, &by_name(&server.url()), &[]);
    let mut command = in_realm(&kdc, "none-yet", &words);
    command.env("KRB5_CLIENT_KTNAME", kdc.client_keytab());
    assert!(Outcome::of(&mut command).assert_done().stdout.contains(ANN));
    assert_copy(&data, &server);
}

#[test]
fn in_the_url_and_by_principal() {
    let kdc = Kdc::start();
    kdc.kinit("ann", "1h");
    let server = server(&kdc, "none");
    let url = by_name(&server.url());
    let data = Data::new();
    let path = data.path();
    let whole = format!("{url}/{SUFFIX}??sub??bindname=GSSAPI");
    let words = ["refresh", "--data", &path, "--format", "json", &whole].map(str::to_owned);
    let outcome = Outcome::of(&mut in_realm(&kdc, "ann", &words));
    assert!(outcome.assert_done().stdout.contains(ANN));

    let named = ["-U", "ann", "-R", "EXAMPLE.COM"];
    refresh(&kdc, "ann", &data, &url, &named).assert_done();
    let wrong = ["-U", "ann", "-R", "ELSEWHERE.ORG"];
    refresh(&kdc, "ann", &data, &url, &wrong).assert_failed(
        3,
        &["GSSAPI", "no Kerberos ticket", "ann@ELSEWHERE.ORG", "kinit"],
    );
    // This server lets no identity act as another.
    refresh(&kdc, "ann", &data, &url, &["-X", "u:bob"])
        .assert_failed(3, &["SASL GSSAPI bind", "-X"]);
    refresh(&kdc, "ann", &data, &url, &["-w", "secret"]).assert_failed(2, &["no password"]);
}

/// The mechanism and the principal are remembered. There is nothing else to give.
#[test]
fn again_from_the_data_file() {
    let kdc = Kdc::start();
    kdc.kinit("ann", "1h");
    let server = server(&kdc, "none");
    let url = by_name(&server.url());
    for names in [&[][..], &["-U", "ann@EXAMPLE.COM"]] {
        let data = Data::new();
        refresh(&kdc, "ann", &data, &url, names).assert_done();
        let path = data.path();
        let again = ["refresh", "--data", &path, "--format", "json"].map(str::to_owned);
        let outcome = Outcome::of(&mut in_realm(&kdc, "ann", &again));
        assert!(outcome.assert_done().stdout.contains(ANN), "{outcome:?}");
        // Without the ticket nobody takes ann's place.
        let outcome = data.unchanged(|| Outcome::of(&mut in_realm(&kdc, "nobody", &again)));
        outcome.assert_failed(3, &["no Kerberos ticket"]);
    }
}

#[test]
fn no_ticket() {
    let kdc = Kdc::start();
    let server = server(&kdc, "none");
    let url = by_name(&server.url());
    let data = Data::new();
    for subcommand in ["refresh", "follow"] {
        let words = words(subcommand, &data, &url, &[]);
        Outcome::of(&mut in_realm(&kdc, "nothing", &words))
            .assert_failed(3, &["no Kerberos ticket", "kinit", "KRB5_CLIENT_KTNAME"]);
    }
    // The provider is known in the realm by another name.
    kdc.kinit("ann", "1h");
    refresh(&kdc, "ann", &data, &server.url(), &[])
        .assert_failed(3, &["ldap/127.0.0.1", "connect by the name", "krb5.conf"]);
    // No KDC answers any more. That may pass, so `follow` would try again.
    kdc.stop();
    refresh(&kdc, "ann", &data, &url, &[])
        .assert_failed(4, &["no key distribution center answers", "krb5.conf"]);
}

/// The ticket expires while `follow` runs. The connection goes on, and the next one fails and says why. It is
/// tried again for a while: with a new ticket it succeeds, and without one the run ends.
#[test]
fn ticket_expires() {
    let kdc = Kdc::start();
    kdc.kinit("ann", "1h");
    let server = server(&kdc, "minssf=128");
    let url = by_name(&server.url());
    let data = Data::new();
    let follow = |patient| {
        let options = ["--refused-for", patient, "--longest-wait", "500ms"];
        let words = words("follow", &data, &url, &options);
        let run = Run::command(&mut in_realm(&kdc, "ann", &words));
        run.wait_for_line(|line| line.contains("refresh_done"), PATIENCE);
        run
    };
    let expires_and_is_lost = || {
        // It replaces the ticket of before, which would last too long.
        kdc.kinit("ann", "1s");
        kdc.wait_for_expiry("ann");
        server.stop();
        server.start_again();
    };
    let mut run = follow("1m");
    expires_and_is_lost();
    run.wait_for_stderr(|line| line.contains("ticket has expired"), PATIENCE);
    kdc.kinit("ann", "1h");
    set_description(&server, "with a new ticket");
    run.wait_for_line(|line| line.contains("with a new ticket"), PATIENCE);
    run.signal("TERM");
    assert_eq!(run.wait_exit(PATIENCE).code(), Some(0));

    let mut run = follow("2s");
    expires_and_is_lost();
    assert_eq!(run.wait_exit(PATIENCE).code(), Some(3));
    let stderr = run.stderr();
    let last = stderr.lines().last().unwrap_or_default();
    common::outcome::assert_message(last, &["ticket has expired", "kinit"]);
    assert_copy(&data, &server);
}

/// The provider has no key of its own, cannot read the ticket, and says so.
#[test]
fn provider_without_its_key() {
    let kdc = Kdc::start();
    kdc.kinit("ann", "1h");
    let server = Slapd::builder(Variant::Plain)
        .environment("KRB5_KTNAME", "/nonexistent")
        .extra_global("sasl-host localhost")
        .start();
    let data = Data::new();
    let outcome = refresh(&kdc, "ann", &data, &by_name(&server.url()), &[]);
    assert_eq!(outcome.code, Some(3), "{}", outcome.stderr);
    common::outcome::assert_message(&outcome.stderr, &["SASL GSSAPI bind"]);
}
