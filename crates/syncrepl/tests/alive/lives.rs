//! Servers that stop, die, come back or fail over, and connections that do not last.

use syncrepl_provider::{Extra, Fault, Provider};
use syncrepl_testing::environment::number;
use syncrepl_testing::slapd::{Pair, SUFFIX, Slapd, Variant};
use syncrepl_testing::target::Other;
use syncrepl_testing::wait_until;

use crate::common::proxy::Proxy;
use crate::common::{Copied, PATIENCE};
use crate::{add, assert_story, following, units_told};

/// How many connections to drop: `SYNCREPL_DROPS`, by default sixty.
fn drops() -> usize {
    number("SYNCREPL_DROPS").unwrap_or(60) as usize
}

/// The proxy drops each connection soon after it is made, while the directory changes.
#[test]
fn sixty_connections_are_dropped() {
    let server = Slapd::start(Variant::SessionLog);
    let proxy = Proxy::to(&server);
    let mut copy = Copied::suffix(&server);
    copy.hosts = Some(proxy.url());
    let mark = following(&mut copy, &["--longest-wait", "50ms", "--good-while", "5s"]);
    let mut names = Vec::new();
    for number in 0..drops() {
        let name = format!("u{number}");
        add(&server, &name);
        names.push(name);
        let searches = proxy.sync_searches();
        proxy.drop_all();
        // Every second connection lives until the end of its refresh.
        wait_until(PATIENCE, || proxy.sync_searches() > searches);
        if number % 2 == 0 {
            copy.wait_equal();
        }
    }
    copy.wait_equal();
    let mut told = units_told(&copy, mark);
    told.sort();
    names.sort();
    assert_eq!(told, names, "each once");
    let follower = copy.follower();
    // If the last failure was told because a reminder was due, nothing is left to sum up.
    let all = format!("up to date again after {} failures", drops());
    let is_last = |line: &str| line.contains("all is well") || line.contains(&all);
    let last = follower.wait_for_stderr(is_last, PATIENCE);
    let stderr = copy.stop_after_trouble();
    println!("{stderr}");
    let lines: Vec<&str> = stderr.lines().collect();
    assert_eq!(lines.len(), last + 1, "{stderr}");
    let few = 10 + drops() / 10;
    assert!(lines.len() <= few, "{} lines", lines.len());
    let well = lines.last().expect("a line");
    let count: usize = well
        .split_whitespace()
        .find_map(|word| word.parse().ok())
        .expect("a count");
    assert!(count >= drops(), "{well}");
}

/// The server is stopped and started, killed and started. Changes in between are told once.
#[test]
fn server_restarts_and_dies() {
    let server = Slapd::start(Variant::AccessLog);
    // slapd writes the first contextCSN to the disk at a clean stop only.
    server.stop();
    server.start_again();
    let mut copy = Copied::suffix(&server);
    let mark = following(&mut copy, &["--longest-wait", "50ms"]);
    add(&server, "one");
    copy.wait_equal();
    let mut down = Vec::new();
    for (number, name) in ["two", "three"].into_iter().enumerate() {
        match number {
            0 => server.stop(),
            _ => server.kill(),
        }
        let before = down.len();
        let follower = copy.follower();
        follower.wait_for_stderr(|line| line.contains("nothing listens there"), PATIENCE);
        server.start_again();
        add(&server, name);
        copy.wait_equal();
        down.push(before);
    }
    assert_eq!(units_told(&copy, mark), ["one", "two", "three"]);
    let stderr = copy.stop_after_trouble();
    println!("{stderr}");
    let url = server.url();
    let kinds: Vec<&str> = stderr
        .lines()
        .map(|line| {
            let has = |words: &str| line.contains(words);
            match () {
                () if has("the connection") && has(&url) => "closed",
                () if has("cannot connect") && has("is the provider running?") => "nobody",
                () if has("still the same") => "nobody",
                () if has("up to date again") && has(&url) => "again",
                () => panic!("another line: {line}"),
            }
        })
        .collect();
    let mut story = kinds.clone();
    story.dedup();
    let whole = ["closed", "nobody", "again"];
    assert_eq!(story[..3], whole, "{kinds:?}");
    assert!(
        story[3..] == whole || story[3..] == ["closed", "again"],
        "{kinds:?}"
    );
    assert!(kinds.len() <= 12, "{kinds:?}");
}

/// Two nodes replicate. The first dies and the second takes over; then the second dies too.
#[test]
fn fail_over_and_back() {
    let pair = Pair::start(Variant::SessionLog);
    let (one, two) = (&pair.a, &pair.b);
    let mut copy = Copied::suffix(one);
    copy.hosts = Some(format!("{} {}", one.url(), two.url()));
    let mark = following(&mut copy, &["--longest-wait", "50ms"]);
    add(one, "first");
    copy.wait_equal();
    pair.wait_equal();

    one.kill();
    add(two, "second");
    copy.server = two;
    copy.wait_equal();
    one.start_again();
    pair.wait_equal();
    add(one, "third");
    pair.wait_equal();
    copy.wait_equal();

    two.kill();
    add(one, "fourth");
    copy.server = one;
    copy.wait_equal();
    two.start_again();
    pair.wait_equal();
    assert_eq!(
        units_told(&copy, mark),
        ["first", "second", "third", "fourth"]
    );
    let story: [&[&str]; 4] = [
        &[&one.url(), "the connection", "trying again in"],
        &[&two.url(), "up to date again"],
        &[&two.url(), "the connection", "trying again in"],
        &[&one.url(), "up to date again"],
    ];
    assert_story(&copy.stop_after_trouble(), &story);
}

/// The provider sends a Notice of Disconnection. `follow` connects again.
#[test]
fn notice_of_disconnection() {
    let provider = Provider::builder()
        .suffix(SUFFIX)
        .start()
        .expect("it starts");
    let (admin, password) = provider.root();
    let server = Other {
        url: provider.url(),
        admin,
        password,
    };
    add(&server, "one");
    provider.faults().next(Fault::Extra(Extra::Disconnection));
    let mut copy = Copied::suffix(&server);
    following(&mut copy, &["--longest-wait", "50ms"]);
    add(&server, "two");
    copy.wait_equal();
    let story: [&[&str]; 2] = [
        &["ended the connection", "trying again in"],
        &[&server.url, "up to date again"],
    ];
    assert_story(&copy.stop_after_trouble(), &story);
}
