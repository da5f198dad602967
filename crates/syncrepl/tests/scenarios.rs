//! Each scenario alone: a change that is easy to copy wrongly. It happens while the command is down and
//! while it follows, inside the base and across its border.

mod common;

use common::Copied;
use syncrepl_testing::scenarios::{BASE, Scenario, scenarios};
use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};

fn each(variant: Variant, run: impl Fn(&Slapd, &Scenario)) {
    for scenario in scenarios() {
        println!("scenario: {}", scenario.name);
        let server = Slapd::start(variant);
        server
            .ldapmodify(&scenario.setup_ldif)
            .expect("the setup applies");
        run(&server, &scenario);
    }
}

fn change(server: &Slapd, scenario: &Scenario) {
    for ldif in &scenario.changes {
        server.ldapmodify(ldif).expect("the change applies");
    }
}

fn while_down(variant: Variant) {
    each(variant, |server, scenario| {
        let mut copies = [SUFFIX, BASE].map(|base| Copied::of(server, base, "(objectClass=*)"));
        copies.iter_mut().for_each(Copied::refresh);
        change(server, scenario);
        for copy in &mut copies {
            println!("base {}", copy.base);
            let deletes = copy.reader.deletes().len();
            copy.refresh();
            copy.assert_equal();
            copy.assert_no_phantom_delete(deletes);
            copy.assert_quiet();
        }
    });
}

fn while_following(variant: Variant) {
    each(variant, |server, scenario| {
        let mut copies = [SUFFIX, BASE].map(|base| Copied::of(server, base, "(objectClass=*)"));
        copies.iter_mut().for_each(Copied::follow);
        change(server, scenario);
        for copy in &mut copies {
            println!("base {}", copy.base);
            copy.wait_equal();
            copy.stop();
            copy.assert_quiet();
            copy.assert_equal();
        }
    });
}

#[test]
fn while_down_on_plain() {
    while_down(Variant::Plain);
}

#[test]
fn while_down_on_sessionlog() {
    while_down(Variant::SessionLog);
}

#[test]
fn while_down_on_accesslog() {
    while_down(Variant::AccessLog);
}

#[test]
fn while_following_on_plain() {
    while_following(Variant::Plain);
}

#[test]
fn while_following_on_sessionlog() {
    while_following(Variant::SessionLog);
}

#[test]
fn while_following_on_accesslog() {
    while_following(Variant::AccessLog);
}
