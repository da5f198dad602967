//! `follow` outlives its connections and servers, however they end. No change is lost or told twice, and
//! stderr reports it in few lines.

#[path = "../common/mod.rs"]
mod common;

mod black_hole;
mod busy;
mod lives;
mod opening;
mod refused;

use common::Copied;
use common::outcome::assert_message;
use syncrepl_testing::reader::Change;
use syncrepl_testing::slapd::SUFFIX;
use syncrepl_testing::target::Target;

/// Short times, because with the defaults each wait is a minute.
const QUICK: [&str; 6] = [
    "--heartbeat",
    "200ms",
    "--response-timeout",
    "2s",
    "--longest-wait",
    "50ms",
];

/// Starts `follow`, and waits until it has told of all entries.
fn following(copy: &mut Copied<'_>, options: &[&str]) -> usize {
    copy.follow_with(options);
    copy.wait_equal();
    copy.reader.mark()
}

fn unit(name: &str) -> String {
    format!(
        "dn: ou={name},{SUFFIX}\nchangetype: add\nobjectClass: organizationalUnit\nou: {name}\n\n"
    )
}

fn add(server: &dyn Target, name: &str) {
    server.ldapmodify(&unit(name)).expect("the unit is added");
}

/// Asserts that `follow` told of these units, in this order, and of nothing else.
fn units_told(copy: &Copied<'_>, mark: usize) -> Vec<String> {
    let told = copy.reader.events_since(mark).iter();
    told.map(|event| match &event.change {
        Change::Add { dn, .. } => {
            let name = dn.strip_prefix("ou=").expect("a unit");
            name.split(',').next().expect("a name").to_owned()
        }
        other => panic!("nobody did that: {other:?}"),
    })
    .collect()
}

/// Asserts that each line on stderr has the words expected of it.
#[track_caller]
fn assert_story(stderr: &str, lines: &[&[&str]]) {
    println!("{stderr}");
    let said: Vec<&str> = stderr.lines().collect();
    assert_eq!(said.len(), lines.len(), "{stderr}");
    for (line, words) in said.iter().zip(lines) {
        match line.contains("no server can be used") {
            // The message is the same for each.
            true => words
                .iter()
                .for_each(|word| assert!(line.contains(word), "{line}")),
            false => assert_message(line, words),
        }
    }
}
