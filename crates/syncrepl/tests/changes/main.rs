//! Changes told value by value: `--changes` in JSON, and the other formats beside it.

#[path = "../common/mod.rs"]
mod common;

mod formats;
mod json;
mod memory;

use syncrepl_testing::slapd::SUFFIX;

fn member(name: &str) -> String {
    format!("uid={name},ou=people,{SUFFIX}")
}

/// A group with so many members, in a content record.
fn group(members: usize) -> String {
    let mut ldif = format!("dn: cn=all,{SUFFIX}\nobjectClass: groupOfNames\ncn: all\n");
    for number in 0..members {
        ldif += &format!("member: {}\n", member(&format!("p{number}")));
    }
    ldif
}
