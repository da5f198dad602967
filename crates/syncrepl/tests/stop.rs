//! Stop requests. The command stops at once when there is nothing left to finish, cleanly when there is,
//! and at once in any case after a second request.

mod common;

use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use common::outcome::{Data, Outcome, assert_message, command, is_in_a_write, people};
use common::{PATIENCE, proxy::Proxy};
use syncrepl_testing::process::Run;
use syncrepl_testing::reader::Reader;
use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};
use syncrepl_testing::{judge, wait_until};

/// The longest a stop may take with nothing left to finish. A command that waits in vain for the answer
/// to its Cancel takes 5 s.
const AT_ONCE: Duration = Duration::from_secs(4);
/// The name of Cancel in an ExtendedRequest (RFC 3909).
const CANCEL: &[u8] = b"\x80\x0b1.3.6.1.1.8";
/// canceled (118), the result of the search that was cancelled: `0a 01 76`.
const CANCELED: &[u8] = b"\x0a\x01\x76";

fn follow(data: &Data, url: &str) -> Run {
    Run::command(&mut command(&data.sync("follow", url)))
}

fn wait_persisting(run: &Run) {
    run.wait_for_line(|line| line.contains(r#""op":"commit""#), PATIENCE);
}

/// Sends the signal. Gives how long the command took to end, with that exit code.
#[track_caller]
fn ends(run: &mut Run, signal: &str, code: i32, within: Duration) {
    let began = Instant::now();
    run.signal(signal);
    let status = run.wait_exit(PATIENCE);
    let took = began.elapsed();
    println!("SIG{signal}: {took:?}");
    assert_eq!(status.code(), Some(code), "{}", run.stderr());
    assert!(took < within, "SIG{signal} took {took:?}");
}

fn add(server: &Slapd, name: &str) {
    server
        .ldapmodify(&format!(
            "dn: ou={name},{SUFFIX}\nchangetype: add\nobjectClass: organizationalUnit\nou: {name}\n"
        ))
        .expect("the change applies");
}

#[test]
fn signal_in_the_persist_stage() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::new();
    let mut reader = Reader::new();
    for signal in ["TERM", "INT"] {
        let proxy = Proxy::to(&server);
        let mut run = follow(&data, &proxy.url());
        wait_persisting(&run);
        add(&server, signal);
        run.wait_for_line(|line| line.contains(&format!("ou={signal}")), PATIENCE);
        ends(&mut run, signal, 0, AT_ONCE);
        assert_eq!(run.stderr(), "");
        assert!(proxy.asked(CANCEL), "no Cancel was sent");
        assert!(proxy.answered(CANCELED), "its answer was not awaited");
        reader.feed(&run.output());
        // The next run repeats no line.
        let mark = reader.mark();
        let refresh = data.refresh_with(&server, &[]);
        reader.feed(&refresh.assert_done().stdout);
        assert_eq!(reader.events_since(mark), []);
    }
    reader.assert_clean();
    let search = judge::search(&server.url(), "", "", SUFFIX, "sub", "(objectClass=*)", &[]);
    judge::assert_same("reader", &reader.directory(), "search", &search);
}

/// The server hangs. The command waits 5 s at most for the answer to its Cancel, and not at all after a
/// second signal.
#[test]
fn signal_while_the_server_hangs() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::new();
    let mut run = follow(&data, &server.url());
    wait_persisting(&run);
    server.pause();
    ends(&mut run, "TERM", 0, Duration::from_secs(8));
    server.resume();
    let mut run = follow(&data, &server.url());
    wait_persisting(&run);
    server.pause();
    // The system may merge two signals of one kind.
    run.signal("INT");
    ends(&mut run, "TERM", 0, AT_ONCE);
    server.resume();
}

/// The server accepts the search and sends nothing. The stop lets no refresh end, because there is none.
#[test]
fn signal_while_the_server_is_silent_in_a_refresh() {
    let server = Slapd::start(Variant::Plain);
    for (subcommand, code) in [("follow", 0), ("refresh", 4)] {
        let data = Data::of(&server);
        add(&server, subcommand);
        data.unchanged(|| {
            let proxy = Proxy::to(&server);
            proxy.hold_sync_search();
            let mut run = Run::command(&mut command(&data.sync(subcommand, &proxy.url())));
            wait_until(PATIENCE, || proxy.holds_one());
            ends(&mut run, "TERM", code, Duration::from_secs(8));
            let words = ["was silent for 5s", "nothing of this refresh was kept"];
            assert_message(&run.stderr(), &words);
        });
        // The next run asks for it again.
        let refresh = data.refresh_with(&server, &[]);
        assert!(refresh.assert_done().stdout.contains(r#""op":"add""#));
    }
}

/// The refresh is over but for a question: is that entry really gone? The server does not answer it.
#[test]
fn signal_while_a_question_of_a_refresh_is_not_answered() {
    let server = Slapd::start(Variant::Plain);
    add(&server, "gone");
    let data = Data::of(&server);
    server
        .ldapmodify(&format!("dn: ou=gone,{SUFFIX}\nchangetype: delete\n"))
        .expect("the delete");
    data.unchanged(|| {
        let proxy = Proxy::to(&server);
        proxy.hold_sync_search();
        let mut run = Run::command(&mut command(&data.sync("refresh", &proxy.url())));
        wait_until(PATIENCE, || proxy.holds_one());
        proxy.swallow_new(true);
        proxy.release();
        wait_until(PATIENCE, || proxy.connections() == 2);
        ends(&mut run, "TERM", 4, Duration::from_secs(8));
        assert_message(&run.stderr(), &["does not answer", "waited 5s"]);
    });
}

fn many(count: usize) -> Slapd {
    let server = Slapd::start(Variant::Plain);
    server.load(&people(count));
    server
}

/// A refresh whose output does not fit the pipe, so that it waits for its reader.
fn blocked(data: &Data, subcommand: &str, server: &Slapd) -> Run {
    let run = Run::unread(&mut command(&data.sync(subcommand, &server.url())));
    wait_until(PATIENCE, || is_in_a_write(&run));
    run
}

#[test]
fn first_signal_lets_a_refresh_finish() {
    let server = many(2000);
    for subcommand in ["refresh", "follow"] {
        let data = Data::new();
        let mut run = blocked(&data, subcommand, &server);
        run.signal("TERM");
        run.read();
        assert_eq!(run.wait_exit(PATIENCE).code(), Some(0), "{}", run.stderr());
        assert_eq!(run.stderr(), "");
        let mut reader = Reader::new();
        reader.feed(&run.output());
        reader.assert_clean();
        assert_eq!((reader.commit(), reader.directory().len()), (1, 2002));
        assert_eq!(judge::from_dump_json(&data.dump()).len(), 2002);
    }
}

#[test]
fn second_signal_abandons_a_refresh() {
    let server = many(2000);
    for subcommand in ["refresh", "follow"] {
        let data = Data::of(&server);
        server
            .ldapmodify(&modify_all(2000))
            .expect("the changes apply");
        data.unchanged(|| {
            // There is a reader, so the command abandons the refresh cleanly.
            let mut run = blocked(&data, subcommand, &server);
            run.signal("INT");
            let began = Instant::now();
            run.signal("TERM");
            run.read();
            let status = run.wait_exit(PATIENCE);
            let took = began.elapsed();
            println!("{subcommand}: {took:?}");
            assert!(took < AT_ONCE, "{took:?}");
            assert_eq!(status.code(), Some(1), "{}", run.stderr());
            assert_message(&run.stderr(), &["stopped", "nothing"]);
            assert!(!run.output().contains(r#""op":"commit""#));
        });
    }
}

fn modify_all(count: usize) -> String {
    let stamp = format!("{:?}", Instant::now());
    (0..count)
        .map(|number| {
            format!(
                "dn: uid=p{number},ou=people,{SUFFIX}\nchangetype: modify\nreplace: title\n\
                 title: {stamp} {}\n\n",
                "and more ".repeat(10).trim_end()
            )
        })
        .collect()
}

#[test]
fn two_signals_while_output_is_blocked() {
    let server = many(2000);
    for subcommand in ["refresh", "follow"] {
        let data = Data::new();
        let mut run = blocked(&data, subcommand, &server);
        run.signal("INT");
        ends(&mut run, "TERM", 1, AT_ONCE);
        assert_message(&run.stderr(), &["stopped at once", "nothing since"]);
        let status = Outcome::run(&["status", "--data", &data.path(), "--format", "json"]);
        assert!(status.assert_done().stdout.contains(r#""entries":0,"#));
    }
}

#[test]
fn signal_before_any_server_answers() {
    let server = Slapd::start(Variant::Plain);
    server.stop();
    let data = Data::new();
    for signal in ["TERM", "INT"] {
        let mut run = follow(&data, &server.url());
        run.wait_for_stderr(|line| line.contains("trying again in"), PATIENCE);
        ends(&mut run, signal, 0, AT_ONCE);
        run.stderr()
            .lines()
            .for_each(|line| assert_message(line, &[]));
    }
}

#[test]
fn signal_between_two_tries() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::new();
    let mut run = follow(&data, &server.url());
    wait_persisting(&run);
    server.stop();
    // The waits grow, so the signal comes during one of them.
    run.wait_for_stderr(|line| line.contains("cannot connect"), PATIENCE);
    ends(&mut run, "TERM", 0, AT_ONCE);
    server.start_again();
    let refresh = data.refresh_with(&server, &[]);
    assert!(!refresh.assert_done().stdout.contains(r#""op":"add""#));
}

/// The server accepts the connection and does not answer the bind, or the search.
#[test]
fn signal_while_connecting_to_a_silent_server() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let url = format!("ldap://{}", listener.local_addr().expect("its address"));
    for (subcommand, code) in [("follow", 0), ("refresh", 1)] {
        let data = Data::new();
        let mut run = Run::command(&mut command(&data.sync(subcommand, &url)));
        let silent = listener.accept().expect("a connection");
        ends(&mut run, "TERM", code, AT_ONCE);
        drop(silent);
        if code == 1 {
            assert_message(&run.stderr(), &["stopped while waiting"]);
        } else {
            assert_eq!(run.stderr(), "");
        }
    }
}
