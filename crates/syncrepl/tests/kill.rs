//! The command is killed or cut off at any moment, and started again. The copy then equals a fresh
//! search, and so does the map of a reader that reads all outputs in a row by the reading rule.

mod common;

use common::outcome::{assert_message, command, is_in_a_write, people};
use common::{Copied, PATIENCE, proxy::Proxy};
use syncrepl_testing::environment::seed;
use syncrepl_testing::process::Run;
use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};
use syncrepl_testing::target::Target;
use syncrepl_testing::wait_until;
use syncrepl_testing::workload::{Options, Workload, while_changing};

const PEOPLE: usize = 2000;

/// When to kill.
#[derive(Debug, Clone, Copy)]
enum At {
    /// After this many lines.
    Line(usize),
    /// After a line with this op.
    Op(&'static str),
}

/// Starts the command, kills it there, and gives the reader what it printed. The command may have
/// committed before the kill.
fn killed(copy: &mut Copied<'_>, subcommand: &str, at: At) {
    let before = dump_commit(copy);
    let mut run = Run::command(&mut copy.command(subcommand));
    match at {
        At::Line(number) => run.wait_for_line_from(number, |_| true, PATIENCE),
        At::Op(op) => run.wait_for_line(|line| line.contains(&format!(r#""op":"{op}""#)), PATIENCE),
    };
    run.kill9();
    copy.feed(&run.output());
    copy.reader.assert_clean();
    let now = dump_commit(copy);
    assert!(copy.reader.commit() <= now, "a commit that was not kept");
    if now > before {
        modify(
            copy.server,
            1000 + usize::try_from(now).expect("a small number"),
        );
    }
}

fn dump_commit(copy: &Copied<'_>) -> u64 {
    if !copy.data().exists() {
        return 0;
    }
    let data = copy.data().display().to_string();
    let status = common::syncrepl(&["status", "--data", &data, "--format", "json"]);
    let text = common::text(&status.stdout);
    let number = text.split(r#""commit":"#).nth(1).expect("commit");
    let digits = number.split(|c: char| !c.is_ascii_digit()).next();
    digits.expect("a number").parse().expect("a number")
}

fn modify(server: &dyn Target, stamp: usize) {
    let ldif: String = (0..PEOPLE)
        .map(|number| {
            format!(
                "dn: uid=p{number},ou=people,{SUFFIX}\nchangetype: modify\nreplace: title\n\
                 title: {stamp}\n\n"
            )
        })
        .collect();
    server.ldapmodify(&ldif).expect("the changes apply");
}

#[test]
fn in_a_refresh() {
    let server = Slapd::start(Variant::Plain);
    server.load(&people(PEOPLE));
    let mut copy = Copied::suffix(&server);
    // Kills a first refresh, and then one that changes everything.
    let points = [1, 2, 40, 400, 900, 1500, 1990].map(At::Line);
    let ends = ["refresh_done", "cookie", "commit"].map(At::Op);
    for round in 0..2 {
        for at in points.iter().chain(&ends[..round + 2]) {
            println!("round {round}: {at:?}");
            killed(&mut copy, "refresh", *at);
        }
        copy.refresh();
        copy.assert_equal();
        copy.assert_quiet();
        modify(&server, round);
    }
    for at in points.iter().chain(&ends) {
        println!("follow: {at:?}");
        killed(&mut copy, "follow", *at);
    }
    copy.refresh();
    copy.assert_equal();
    copy.assert_quiet();
    copy.assert_python_equal();
}

fn in_the_persist_stage(variant: Variant) {
    let server = Slapd::start(variant);
    let options = Options {
        // An entry of megabytes would not arrive between two kills.
        big_value: false,
        ..Options::ALL
    };
    let mut workload = Workload::new(seed(), options);
    workload.populate(&server, 60);
    let mut copy = Copied::suffix(&server);
    while_changing(&server, &mut workload, || {
        for kill in 0..10 {
            copy.follow();
            // The kill comes after some changes, after a different number each time.
            let lines = copy.follower().lines().len();
            let more = 1 + kill * 7 % 60;
            copy.follower()
                .wait_for_line_from(lines + more, |_| true, PATIENCE);
            copy.kill();
            copy.reader.assert_clean();
        }
    });
    copy.follow();
    copy.wait_equal();
    copy.stop();
    copy.assert_quiet();
    copy.assert_equal();
    copy.assert_python_equal();
}

#[test]
fn in_the_persist_stage_of_plain() {
    in_the_persist_stage(Variant::Plain);
}

#[test]
fn in_the_persist_stage_of_sessionlog() {
    in_the_persist_stage(Variant::SessionLog);
}

#[test]
fn in_the_persist_stage_of_accesslog() {
    in_the_persist_stage(Variant::AccessLog);
}

/// A line is printed before its change is committed. So a kill while a line cannot be printed leaves that
/// change uncommitted.
#[test]
fn while_nobody_reads() {
    let server = Slapd::start(Variant::Plain);
    server.load(&people(PEOPLE));
    let mut copy = Copied::suffix(&server);
    copy.refresh();
    for stamp in 0..3 {
        let before = dump_commit(&copy);
        let mut run = Run::unread(&mut copy.command("follow"));
        wait_until(PATIENCE, || dump_commit(&copy) > before);
        modify(&server, stamp);
        wait_until(PATIENCE, || is_in_a_write(&run));
        // Otherwise the command would go on while the test empties the pipe.
        run.signal("STOP");
        run.read();
        run.kill9();
        copy.feed(&run.output());
        copy.refresh();
        copy.assert_equal();
        copy.assert_python_equal();
    }
}

/// The network fails at various points. The command goes on by itself.
#[test]
fn connection_is_cut() {
    let server = Slapd::start(Variant::SessionLog);
    let mut workload = Workload::new(seed(), Options::ALL);
    workload.populate(&server, 60);
    let mut copy = Copied::suffix(&server);
    let cuts = [0, 40, 2_000, 20_000, 60_000];
    let proxy = Proxy::cutting(&server, &cuts);
    let arguments: Vec<String> = copy
        .arguments("follow")
        .iter()
        .map(|word| word.replace(&server.url(), &proxy.url()))
        .collect();
    let mut run = Run::command(&mut command(&arguments));
    while_changing(&server, &mut workload, || {
        run.wait_for_stderr(|line| line.contains("up to date again"), 2 * PATIENCE);
        wait_until(2 * PATIENCE, || proxy.connections() > cuts.len());
        let last = run.lines().len();
        run.wait_for_line_from(last + 50, |_| true, 2 * PATIENCE);
    });
    let expected = copy.expected();
    wait_until(PATIENCE, || copy.dump().entries == expected.entries);
    run.signal("TERM");
    assert!(run.wait_exit(PATIENCE).success(), "{}", run.stderr());
    copy.feed(&run.output());
    copy.assert_equal();
    copy.assert_quiet();
    copy.assert_python_equal();
    let stderr = run.stderr();
    println!("{stderr}");
    stderr.lines().for_each(|line| assert_message(line, &[]));
    // A connection for questions that was cut is made again without a word.
    let again = stderr.matches("trying again in").count();
    assert!(again > cuts.len() / 2, "{stderr}");
}
