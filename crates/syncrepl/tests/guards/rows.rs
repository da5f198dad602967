//! Measured behaviour of slapd that a consumer has to handle.

use syncrepl_testing::slapd::{ADMIN, PASSWORD, SUFFIX, Slapd, Variant};

use crate::common::proxy::Proxy;
use crate::kept::Kept;
use crate::{delete_people, describe, people};

/// Whether the server sent a set of present ids: syncIdSet with refreshDeletes FALSE.
fn names_the_present(answered: &Proxy, ids: usize) -> bool {
    answered.first_answered_bytes() > 16 * ids
}

/// An identity that cannot read the access log gets the present ids instead. Both lead to the same copy.
#[test]
fn readable_or_unreadable_access_log() {
    const PEOPLE: usize = 400;
    let server = Slapd::start(Variant::AccessLog);
    server
        .ldapmodify(&people("people", PEOPLE))
        .expect("people");
    let (mut insider, mut outsider) = (
        Kept::of(&server.url()).bound(ADMIN, PASSWORD),
        Kept::of(&server.url()),
    );
    for kept in [&mut insider, &mut outsider] {
        kept.refreshed(&[]);
        kept.assert_equal();
    }
    let changes = delete_people("people", 0, 2) + &describe("p5", "people", "changed");
    server.ldapmodify(&changes).expect("the changes");
    for (kept, by_log) in [(&mut insider, true), (&mut outsider, false)] {
        let proxy = Proxy::to(&server);
        kept.url = proxy.url();
        assert_eq!(
            kept.refreshed(&[]),
            [
                "change uid=p5,ou=people",
                "delete uid=p0,ou=people",
                "delete uid=p1,ou=people"
            ]
        );
        assert_eq!(
            names_the_present(&proxy, PEOPLE - 2),
            !by_log,
            "it answered otherwise"
        );
        kept.assert_equal();
        kept.url = server.url();
        kept.follow(&[]);
    }
    let changes = delete_people("people", 2, 4) + &describe("p5", "people", "live");
    server.ldapmodify(&changes).expect("the changes");
    for kept in [&mut insider, &mut outsider] {
        kept.wait_equal();
        assert_eq!(kept.stop(), "");
        assert_eq!(kept.refreshed(&[]), [""; 0]);
    }
}

/// slapd answers a page of a sync search with a full cookie, so the command never asks for pages.
#[test]
fn no_paged_sync_search() {
    const SYNC: &[u8] = b"1.3.6.1.4.1.4203.1.9.1.1";
    const PAGES: &[u8] = b"1.2.840.113556.1.4.319";
    let server = Slapd::start(Variant::Plain);
    server.ldapmodify(&people("people", 30)).expect("people");
    let proxy = Proxy::to(&server);
    let mut kept = Kept::of(&server.url()).through(&proxy.url());
    kept.refreshed(&[]);
    kept.assert_equal();
    server
        .ldapmodify(&delete_people("people", 0, 3))
        .expect("deletes");
    kept.refreshed(&[]);
    kept.refreshed(&["--reconcile"]);
    kept.follow(&[]);
    server
        .ldapmodify(&delete_people("people", 3, 6))
        .expect("deletes");
    kept.wait_equal();
    assert_eq!(kept.stop(), "");
    assert!(proxy.asked(SYNC));
    assert!(!proxy.asked(PAGES));
}

/// A group of 100,000 members is one message of 4.4 MB. slapd sends all of it for each new member.
#[test]
fn group_of_a_hundred_thousand() {
    const MEMBERS: usize = 100_000;
    let server = Slapd::builder(Variant::SessionLog)
        .extra_global("sortvals member")
        .start();
    let member = |number: usize| format!("uid=member-{number:06},ou=people,{SUFFIX}");
    let mut group =
        format!("dn: cn=all,{SUFFIX}\nchangetype: add\nobjectClass: groupOfNames\ncn: all\n");
    for number in 0..MEMBERS {
        group += &format!("member: {}\n", member(number));
    }
    server.ldapmodify(&group).expect("a large group");
    let proxy = Proxy::to(&server);
    let mut kept = Kept::of(&server.url()).through(&proxy.url());
    assert_eq!(kept.refreshed(&[]).len(), 2);
    assert!(
        proxy.first_answered_bytes() > 4_300_000,
        "{}",
        proxy.first_answered_bytes()
    );
    let join = |number| {
        format!(
            "dn: cn=all,{SUFFIX}\nchangetype: modify\nadd: member\nmember: {}\n-\n\n",
            member(number)
        )
    };
    server.ldapmodify(&join(MEMBERS)).expect("one more");
    assert_eq!(kept.refreshed(&[]), ["change cn=all"]);
    kept.follow(&[]);
    let mark = kept.reader.mark();
    server.ldapmodify(&join(MEMBERS + 1)).expect("one more");
    // slapd sends all of it again, and no value differs.
    let same = format!("dn: cn=all,{SUFFIX}\nchangetype: modify\nreplace: cn\ncn: all\n-\n\n");
    let last = format!("dn: {SUFFIX}\nchangetype: modify\nreplace: l\nl: the end\n-\n\n");
    server
        .ldapmodify(&(same + &last))
        .expect("a change that is none");
    kept.wait_for("the end", 1);
    assert_eq!(kept.stop(), "");
    assert_eq!(
        kept.told_since(mark),
        ["change cn=all", "change dc=example,dc=com"]
    );
    kept.assert_equal();
    assert_eq!(kept.refreshed(&["--reconcile"]), [""; 0]);
    assert_eq!(
        kept.dump().by_dn()[&format!("cn=all,{SUFFIX}")].attrs["member"].len(),
        MEMBERS + 2
    );
}
