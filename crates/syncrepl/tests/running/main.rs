//! `follow` as a service: what it tells of itself, to a service manager and in the log, and the words of the unit.

#[path = "../common/mod.rs"]
mod common;

mod service;
mod told;
mod unit;

use syncrepl_testing::slapd::{SUFFIX, Slapd};

fn describe(server: &Slapd, text: &str) {
    let ldif =
        format!("dn: {SUFFIX}\nchangetype: modify\nreplace: description\ndescription: {text}\n");
    server.ldapmodify(&ldif).expect("the change applies");
}
