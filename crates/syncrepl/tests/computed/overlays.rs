//! One change to an entry with computed values, for each overlay.

use std::time::Instant;

use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};

use crate::common::{Copied, PATIENCE};
use crate::{falsely_lost, group, people, person, replace};

/// `dynlist` as memberOf, and dynamic groups.
pub fn with_dynlist(variant: Variant) -> Slapd {
    let server = Slapd::builder(variant)
        .extra_global("include /etc/ldap/schema/dyngroup.schema\nmoduleload dynlist")
        .extra_database(
            "overlay dynlist\n\
             dynlist-attrset groupOfURLs memberURL member+memberOf@groupOfNames",
        )
        .start();
    let groups = format!(
        "dn: {}\nchangetype: add\nobjectClass: groupOfNames\ncn: team\nmember: {}\nmember: {}\n\n\
         dn: {}\nchangetype: add\nobjectClass: groupOfURLs\ncn: staff\n\
         memberURL: ldap:///ou=people,{SUFFIX}??sub?(title=staff)\n\n",
        group("team"),
        person(0),
        person(1),
        group("staff"),
    );
    server
        .ldapmodify(&(people(6) + &groups))
        .expect("the setup");
    server
}

/// A copy of all, with memberOf, that follows.
pub fn following<'a>(server: &'a Slapd, options: &[&str]) -> Copied<'a> {
    let mut copy = Copied::suffix(server);
    copy.attributes = vec!["*", "memberOf"];
    copy.follow_with(options);
    copy
}

/// Makes the change, which the copy has to be told, and expects that nothing else was told as lost.
fn changes_nothing_else(copy: &mut Copied<'_>, server: &Slapd, ldif: &str) {
    let mark = copy.reader.mark();
    server.ldapmodify(ldif).expect("a change");
    copy.wait_equal();
    let lost = falsely_lost(copy, copy.reader.events_since(mark));
    assert!(lost.is_empty(), "{lost:#?}");
    assert_eq!(copy.reader.events_since(mark).len(), 1, "{ldif}");
}

#[test]
fn groups_of_a_person_stay() {
    for variant in Variant::ALL {
        let server = with_dynlist(variant);
        let mut copy = following(&server, &[]);
        copy.wait_equal();
        assert!(
            copy.dump()
                .entries
                .values()
                .any(|entry| entry.attrs.contains_key("memberof"))
        );
        let change = replace(&person(0), "description", "two");
        changes_nothing_else(&mut copy, &server, &change);
        // Soon it is known that messages lack values, and said once.
        let deadline = Instant::now() + PATIENCE;
        let mut number = 0;
        while !copy
            .follower()
            .stderr()
            .contains("computes values of memberof")
        {
            assert!(Instant::now() < deadline, "nothing was said");
            number += 1;
            let change = replace(&person(2), "description", &number.to_string());
            changes_nothing_else(&mut copy, &server, &change);
        }
        let change = replace(&group("staff"), "description", "of all");
        changes_nothing_else(&mut copy, &server, &change);
        copy.stop_after_trouble();
    }
}

#[test]
fn members_of_a_dynamic_group_stay() {
    let server = with_dynlist(Variant::SessionLog);
    let mut copy = following(&server, &[]);
    copy.wait_equal();
    let change = replace(&group("staff"), "description", "of all");
    changes_nothing_else(&mut copy, &server, &change);
    copy.stop_after_trouble();
}

/// `collect` shows an attribute of a parent at each entry below it.
#[test]
fn collected_values_stay() {
    let server = Slapd::builder(Variant::SessionLog)
        .extra_global("moduleload collect")
        .extra_database(&format!(
            "overlay collect\ncollectinfo ou=people,{SUFFIX} l"
        ))
        .start();
    let place = replace(&format!("ou=people,{SUFFIX}"), "l", "Bremen");
    server.ldapmodify(&(people(3) + &place)).expect("the setup");
    let mut copy = following(&server, &[]);
    copy.wait_equal();
    let change = replace(&person(1), "description", "two");
    changes_nothing_else(&mut copy, &server, &change);
    copy.stop_after_trouble();
}

/// entryDN follows from the DN, also of an entry that goes along with its parent.
#[test]
fn entry_dn_follows() {
    let server = Slapd::start(Variant::SessionLog);
    server.ldapmodify(&people(3)).expect("the setup");
    let mut copy = Copied::suffix(&server);
    copy.attributes = vec!["*", "entryDN"];
    let rename = |from: &str, to: &str| {
        format!("dn: ou={from},{SUFFIX}\nchangetype: modrdn\nnewrdn: ou={to}\ndeleteoldrdn: 1\n\n")
    };
    copy.refresh();
    server
        .ldapmodify(&rename("people", "staff"))
        .expect("a rename");
    copy.refresh();
    copy.assert_equal();
    copy.follow();
    server
        .ldapmodify(&rename("staff", "all"))
        .expect("a rename");
    copy.wait_equal();
    copy.stop();
}

/// A value that is really gone is told, whatever the message lacks besides.
#[test]
fn a_member_that_left_is_told() {
    let server = with_dynlist(Variant::SessionLog);
    let mut copy = following(&server, &[]);
    copy.wait_equal();
    for change in [
        format!(
            "dn: {}\nchangetype: modify\ndelete: description\n\n",
            person(2)
        ),
        format!(
            "dn: {}\nchangetype: modify\ndelete: member\nmember: {}\n\n",
            group("team"),
            person(1)
        ),
    ] {
        let mark = copy.reader.mark();
        server.ldapmodify(&change).expect("a change");
        let told = |copy: &Copied<'_>| copy.reader.events_since(mark).len();
        while told(&copy) == 0 {
            copy.take_output();
            std::thread::yield_now();
        }
        let lost = falsely_lost(&copy, copy.reader.events_since(mark));
        assert!(lost.is_empty(), "{lost:#?}");
    }
    copy.stop_after_trouble();
    // The group's member is gone in the copy of the group; the other's memberOf nobody tells.
    let output = copy.try_refresh(&["--reconcile"]);
    assert!(output.status.success());
    copy.assert_equal();
}
