//! slapd with overlays that compute values: a search shows them, the live message of an entry lacks
//! them. No value may be told as lost that a search shows at that moment.

#[path = "../common/mod.rs"]
mod common;

mod hidden;
mod nested;
mod overlays;
mod random;

use syncrepl_testing::reader::{Change, Event};
use syncrepl_testing::slapd::SUFFIX;

use common::Copied;

/// People whose `title` makes them members of the dynamic groups.
fn people(count: usize) -> String {
    let unit = |name: &str| {
        format!(
            "dn: ou={name},{SUFFIX}\nchangetype: add\nobjectClass: organizationalUnit\nou: {name}\n\n"
        )
    };
    let person = |number| {
        let title = ["staff", "guest"][number % 2];
        format!(
            "dn: {}\nchangetype: add\nobjectClass: inetOrgPerson\nuid: p{number}\ncn: p{number}\n\
             sn: p{number}\ntitle: {title}\ndescription: one\n\n",
            person(number)
        )
    };
    unit("people") + &unit("groups") + &(0..count).map(person).collect::<String>()
}

fn person(number: usize) -> String {
    format!("uid=p{number},ou=people,{SUFFIX}")
}

fn group(name: &str) -> String {
    format!("cn={name},ou=groups,{SUFFIX}")
}

fn replace(dn: &str, attribute: &str, value: &str) -> String {
    format!("dn: {dn}\nchangetype: modify\nreplace: {attribute}\n{attribute}: {value}\n\n")
}

/// The values that these events took away although a search shows them now.
fn falsely_lost(copy: &Copied<'_>, events: &[Event]) -> Vec<String> {
    let shown = copy.expected();
    let mut lost = Vec::new();
    for event in events {
        let Change::Change { dn, old, attrs } = &event.change else {
            continue;
        };
        let Some(entry) = shown.entries.get(&event.uuid) else {
            continue;
        };
        for (name, values) in old {
            let kept = attrs.get(name).cloned().unwrap_or_default();
            let there = entry.attrs.get(name).cloned().unwrap_or_default();
            if !kept.is_subset(&there) {
                // The event tells of an earlier state: the server has gone on.
                continue;
            }
            for value in values
                .difference(&kept)
                .filter(|value| there.contains(*value))
            {
                lost.push(format!("{dn}: {name}: {}", String::from_utf8_lossy(value)));
            }
        }
    }
    lost
}
