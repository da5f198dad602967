//! Values, their spelling, and objects that a search does not show as entries.

use std::ops::ControlFlow;

use syncrepl_client::{Store, Uuid};
use syncrepl_testing::reader::{Change, Event};
use syncrepl_testing::slapd::{SUFFIX, Variant};
use syncrepl_testing::wait_until;

use crate::common::{Copied, PATIENCE};
use crate::{delete, next, person, replace, unit, with, write};

/// In a refresh slapd sends a modified entry as added, even if no attribute of the search has changed.
#[test]
fn entry_sent_again_unchanged() {
    for variant in Variant::ALL {
        let server = with(variant, &(person("ann", SUFFIX) + &person("bob", SUFFIX)));
        let mut copy = Copied::suffix(&server);
        let of_cn = |copy: &mut Copied<'_>| next(copy, &server, &["cn"]);
        of_cn(&mut copy);
        let ann = format!("uid=ann,{SUFFIX}");
        write(&server, &replace(&ann, "description", "nobody asked"));
        let (told, proxy) = of_cn(&mut copy);
        assert_eq!(proxy.states_answered(), 1, "it was sent");
        assert_eq!(
            told,
            [],
            "{variant:?}: nothing of what is copied has changed"
        );
        write(&server, &replace(&ann, "cn", "Ann"));
        let (told, proxy) = of_cn(&mut copy);
        assert_eq!(proxy.states_answered(), 1);
        let [
            Event {
                change: Change::Change { dn, old, attrs },
                ..
            },
        ] = &told[..]
        else {
            panic!("{variant:?}: one change, not {told:?}");
        };
        assert_eq!(*dn, ann);
        assert_eq!(old["cn"], [b"ann".to_vec()].into());
        assert_eq!(attrs["cn"], [b"Ann".to_vec()].into());
        copy.reader.assert_clean();
    }
}

/// The copy holds aliases as entries. slapd answers a sync search that dereferences them with
/// protocolError.
#[test]
fn aliases_are_entries() {
    let alias = format!(
        "dn: uid=other,{SUFFIX}\nchangetype: add\nobjectClass: alias\n\
         objectClass: extensibleObject\nuid: other\naliasedObjectName: uid=ann,{SUFFIX}\n\n"
    );
    let server = with(Variant::Plain, &(person("ann", SUFFIX) + &alias));
    let mut copy = Copied::suffix(&server);
    copy.refresh();
    copy.assert_equal();
    copy.follow();
    write(
        &server,
        &replace(&format!("uid=ann,{SUFFIX}"), "description", "second"),
    );
    write(&server, &delete(&format!("uid=other,{SUFFIX}")));
    copy.wait_equal();
    copy.stop();
}

/// The entryUUIDs of the references that the store keeps.
fn references(copy: &Copied<'_>) -> Vec<Uuid> {
    let store = Store::open(copy.data()).expect("the store opens");
    let uuids = store.read(|cursor| {
        let sql = "SELECT uuid FROM syncrepl_references";
        let blobs = cursor.query_map(sql, [], |row| row.get::<_, Vec<u8>>(0))?;
        Ok(blobs
            .iter()
            .map(|blob| Uuid::from_slice(blob).expect("16 bytes"))
            .collect())
    });
    uuids.expect("the table can be read")
}

/// A reference has a state like an entry. In the persist stage a change of it comes as an entry, which no
/// search shows, and its delete comes as a reference.
#[test]
fn references_are_no_records() {
    for attributes in [&[][..], &["description"]] {
        let elsewhere = format!("cn=elsewhere,{SUFFIX}");
        let referral = |name: &str| {
            format!(
                "dn: cn={name},{SUFFIX}\nchangetype: add\nobjectClass: referral\n\
                 objectClass: extensibleObject\ncn: {name}\nref: ldap://127.0.0.1:1/dc=x\n\n"
            )
        };
        let server = with(
            Variant::Plain,
            &(person("ann", SUFFIX) + &referral("elsewhere")),
        );
        let mut copy = Copied::suffix(&server);
        let dns = |copy: &Copied<'_>| -> Vec<String> {
            let mut dns = Vec::new();
            let store = Store::open(copy.data()).expect("the store opens");
            let records = store.records(|record| {
                dns.push(record.dn().to_owned());
                Ok(ControlFlow::Continue(()))
            });
            records.expect("records");
            dns
        };
        copy.follow_with(attributes);
        wait_until(PATIENCE, || references(&copy).len() == 1);
        let known = references(&copy);
        write(&server, &replace(&elsewhere, "description", "changed live"));
        write(&server, &referral("second"));
        wait_until(PATIENCE, || references(&copy).len() == 2);
        assert_eq!(references(&copy)[0], known[0]);
        assert_eq!(
            dns(&copy).len(),
            2,
            "the suffix entry and Ann: {:?}",
            dns(&copy)
        );
        write(&server, &delete(&elsewhere));
        wait_until(PATIENCE, || references(&copy).len() == 1);
        write(
            &server,
            &replace(&format!("uid=ann,{SUFFIX}"), "description", "last"),
        );
        let last = r#""description":["last"]"#;
        copy.follower()
            .wait_for_line(|line| line.contains(last), PATIENCE);
        copy.stop();
        // On resync slapd names references among the present ids.
        write(
            &server,
            &replace(&format!("uid=ann,{SUFFIX}"), "description", "later"),
        );
        let (told, proxy) = next(&mut copy, &server, attributes);
        assert_eq!((told.len(), proxy.sync_searches()), (1, 1));
        assert_eq!((references(&copy).len(), dns(&copy).len()), (1, 2));
        assert!(copy.reader.deletes().is_empty());
        copy.reader.assert_clean();
    }
}

/// slapd keeps the spelling of values and rewrites that of DNs. For a name without options it sends the
/// attribute with its options. It leaves out an attribute without values.
#[test]
fn spelling_of_slapd() {
    let people = format!("OU=People,{SUFFIX}");
    let odd = "dn: UID=Ann\\20B\\2c C, OU=people,DC=Example,dc=com\nchangetype: add\n\
         objectClass: inetOrgPerson\nuid: Ann B, C\ncn: Ann\ncn;lang-de: Anna\nsn: B\n\
         description: a\ndescription: b\n\n";
    let server = with(Variant::Plain, &(unit("People", SUFFIX) + odd));
    let mut copy = Copied::of(&server, &people, "(objectClass=*)");
    let reached = |copy: &mut Copied<'_>| next(copy, &server, &["CN", "seeAlso", "description"]).0;
    let told = reached(&mut copy);
    let ann = told.iter().find_map(|event| match &event.change {
        Change::Add { dn, attrs } if dn.starts_with("uid=Ann") => Some(attrs),
        _ => None,
    });
    let ann = ann.unwrap_or_else(|| panic!("an add of Ann in {told:?}"));
    assert_eq!(ann["cn;lang-de"], [b"Anna".to_vec()].into());
    assert_eq!(ann.len(), 3, "{ann:?}");
    // Another order of the same values is no change.
    let dn = format!("uid=ann b\\, c,ou=PEOPLE,{SUFFIX}");
    let turned = replace(&dn, "description", "b\ndescription: a");
    write(&server, &turned);
    assert_eq!(reached(&mut copy), []);
    copy.reader.assert_clean();
}
