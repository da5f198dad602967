//! The memory and the output that one member more takes in a group of 100,000.

use std::time::Duration;

use syncrepl_testing::process::Run;
use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};

use crate::common::outcome::{Data, command};
use crate::{group, member};

const MEMBERS: usize = 100_000;
const AT_MOST_KIB: u64 = 64 * 1024;
const LONG: Duration = Duration::from_secs(240);

/// One member comes and another goes while `follow` runs. `what` says what its lines look like.
fn one_member_more(server: &Slapd, format: &str, end: &str, leaves: &str) {
    let data = Data::new();
    let mut arguments = data.sync("follow", &server.url());
    let json = arguments.iter().position(|word| word == "json");
    arguments[json.expect("a format")] = format.to_owned();
    arguments.push("--changes".to_owned());
    let mut follow = Run::command(&mut command(&arguments));
    let first = format!("cn=all,{SUFFIX}");
    follow.wait_for_line(|line| line.contains(&first), LONG);
    follow.wait_for_line(|line| line.contains(end), LONG);
    let before = follow.output().len();
    let peak = |follow: &Run| follow.peak_memory_kib().expect("it runs");
    let at_first = peak(&follow);
    let name = format!("{format} more");
    let change = format!(
        "dn: cn=all,{SUFFIX}\nchangetype: modify\nadd: member\nmember: {}\n-\ndelete: member\nmember: {}\n",
        member(&name),
        member(leaves),
    );
    server.ldapmodify(&change).expect("the change applies");
    follow.wait_for_line(|line| line.contains(&member(&name)), LONG);
    let told = follow.output().len() - before;
    println!(
        "{format}: {told} bytes; {} KiB at its peak, {at_first} KiB after the first refresh",
        peak(&follow)
    );
    assert!(told < 1_000, "{format}: {told} bytes");
    assert!(
        peak(&follow) < AT_MOST_KIB,
        "{format}: {} KiB",
        peak(&follow)
    );
    follow.signal("TERM");
    assert!(follow.wait_exit(LONG).success(), "{}", follow.stderr());
}

#[test]
fn one_member_more_of_a_hundred_thousand() {
    let server = Slapd::start(Variant::Plain);
    server.load(&group(MEMBERS));
    one_member_more(&server, "json", r#""op":"commit""#, "p7");
    one_member_more(&server, "text", "NEW COOKIE", "p50000");
    one_member_more(&server, "ldif", "uid=p99999,", "p99");
}
