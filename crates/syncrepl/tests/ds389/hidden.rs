//! What may not be seen, or was not asked for, and is sent all the same; what is spelled otherwise.

use syncrepl_testing::Ds389;
use syncrepl_testing::ds389::{PASSWORD, READER, SUFFIX};
use syncrepl_testing::judge;
use syncrepl_testing::reader::Change;

use crate::common::Copied;
use crate::{EVERYTHING, apply, at, person, refresh_and_judge, relocate, replace, unit};

/// Whoever persists is sent entries and values that access control hides from them.
#[test]
fn unreadable_attributes_are_not_copied() {
    let server = Ds389::start();
    let [ann, bob] = ["uid=ann", "uid=bob"].map(at);
    let rules = format!(
        "dn: {SUFFIX}\nchangetype: modify\nadd: aci\n\
         aci: (targetattr=\"sn || userPassword\")(version 3.0; acl \"no sn\"; deny (read, search, \
         compare) userdn=\"ldap:///anyone\";)\n\
         aci: (target=\"ldap:///{bob}\")(targetattr=\"*\")(version 3.0; acl \"no bob\"; deny (read, \
         search, compare) userdn=\"ldap:///anyone\";)\n-\n\n"
    );
    let secret = |value| replace(&ann, "userPassword", value);
    apply(
        &server,
        &[rules, person(&ann, "staff"), person(&bob, "staff")],
    );
    let mut copy = Copied::suffix(&server);
    copy.follow();
    for change in [
        replace(&ann, "sn", "hidden"),
        secret("hunter2"),
        replace(&bob, "cn", "hidden"),
        person(&at("uid=cyd"), "staff"),
        // Its access rules are shown to who asks for `*`, but not to who names no attribute.
        replace(SUFFIX, "description", "mark"),
    ] {
        apply(&server, &[change, replace(&ann, "description", "mark")]);
        copy.wait_equal();
    }
    // The last change is seen, so that the others were: nothing came of them.
    apply(&server, &[replace(&ann, "description", "end")]);
    copy.wait_equal();
    copy.stop();
    let told = format!("{:?}", copy.reader.events_since(0));
    assert!(
        told.contains("uid=cyd") && told.contains("uid=ann"),
        "{told}"
    );
    for hidden in ["hidden", "userpassword", "uid=bob", "\"sn\"", "\"aci\""] {
        assert!(!told.contains(hidden), "{hidden} was told: {told}");
    }
    copy.assert_quiet();
}

/// After a cookie it sends all user attributes, and none but those.
#[test]
fn only_attributes_asked_for() {
    let server = Ds389::start();
    let [ann, bob] = ["uid=ann", "uid=bob"].map(at);
    apply(&server, &[person(&ann, "staff"), person(&bob, "staff")]);
    let lists = [vec!["cn", "sn"], vec!["*", "modifyTimestamp"], vec!["1.1"]];
    let mut copies = lists.map(|list| {
        let mut copy = Copied::of(&server, SUFFIX, EVERYTHING);
        copy.attributes = list;
        copy.refresh();
        copy
    });
    for value in ["one", "two"] {
        apply(
            &server,
            &[replace(&ann, "sn", value), replace(&bob, "mail", value)],
        );
        copies.iter_mut().for_each(refresh_and_judge);
        let changes = [replace(&ann, "mail", value), replace(&bob, "sn", value)];
        for copy in &mut copies {
            copy.follow();
        }
        apply(&server, &changes);
        for copy in &mut copies {
            copy.wait_equal();
            copy.stop();
        }
    }
}

/// Whoever moves out of the scope, and stays below the base, is not mentioned on resync.
#[test]
fn entry_leaves_the_scope_while_away() {
    let server = Ds389::start();
    let [team, ann, bob] = ["ou=team", "uid=ann", "uid=bob"].map(at);
    apply(
        &server,
        &[unit(&team), person(&ann, "staff"), person(&bob, "staff")],
    );
    let mut copy = Copied::suffix(&server);
    for (changes, count) in [(vec![], 3), (vec![relocate(&ann, &team)], 2)] {
        apply(&server, &changes);
        let refreshed = copy.try_refresh(&["-s", "one"]);
        assert!(refreshed.status.success(), "{refreshed:?}");
        let shown = judge::search(
            &server.url(),
            READER,
            PASSWORD,
            SUFFIX,
            "one",
            EVERYTHING,
            &[],
        );
        judge::assert_same("dump", &copy.dump(), "search", &shown);
        assert_eq!(shown.len(), count);
    }
}

/// It keeps the spelling of DNs, and sends an attribute under the name that was asked for, if need
/// be without values.
#[test]
fn spelling_of_389_ds() {
    let server = Ds389::start();
    let odd = "dn: UID=Ann\\20B\\2c C , OU=people, DC=example,dc=com\nchangetype: add\n\
         objectClass: inetOrgPerson\nuid: Ann B, C\ncn: Ann\ncn;lang-de: Anna\nsn: B\n\
         description: a\ndescription: b\n\n";
    apply(&server, &[unit(&at("ou=people")), odd.to_owned()]);
    let mut copy = Copied::suffix(&server);
    copy.attributes = vec!["CN", "seeAlso", "description"];
    let mut whole = Copied::suffix(&server);
    copy.refresh();
    whole.refresh();
    let told = copy.reader.events_since(0);
    let ann = told.iter().find_map(|event| match &event.change {
        Change::Add { dn, attrs } if dn.to_lowercase().starts_with("uid=ann") => Some(attrs),
        _ => None,
    });
    let ann = ann.unwrap_or_else(|| panic!("an add of Ann in {told:?}"));
    assert_eq!(ann["cn;lang-de"], [b"Anna".to_vec()].into());
    assert_eq!(ann.len(), 3, "{ann:?}");
    // Other names for the same attributes, values in another order, another spelling of the DN.
    copy.attributes = vec!["cn", "SEEALSO", "Description"];
    // It finds the entry only under a name with the same escapes.
    let dn = format!("uid=Ann\\20B\\2c C,ou=people,{SUFFIX}");
    let turned = replace(&dn, "description", "b\ndescription: a");
    let respelled =
        format!("dn: {dn}\nchangetype: modrdn\nnewrdn: uid=Ann\\20B\\2C C\ndeleteoldrdn: 1\n\n");
    for change in [turned, respelled] {
        let marks = [&copy, &whole].map(|copy| copy.reader.mark());
        apply(&server, &[change]);
        for (copy, mark) in [&mut copy, &mut whole].into_iter().zip(marks) {
            refresh_and_judge(copy);
            assert_eq!(copy.reader.events_since(mark), []);
        }
    }
}
