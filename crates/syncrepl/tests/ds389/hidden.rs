//! 389-ds sends what access rules hide and what nobody asked for, and spells some of it differently.

use syncrepl_testing::Ds389;
use syncrepl_testing::ds389::{PASSWORD, READER, SUFFIX};
use syncrepl_testing::judge;
use syncrepl_testing::reader::Change;

use crate::common::Copied;
use crate::{EVERYTHING, apply, at, person, refresh_and_judge, relocate, replace, unit};

/// In the persist stage 389-ds sends entries and values that access rules hide from the bind identity.
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
        // A search for `*` shows access rules; a search that names no attribute does not.
        replace(SUFFIX, "description", "mark"),
    ] {
        apply(&server, &[change, replace(&ann, "description", "mark")]);
        copy.wait_equal();
    }
    // The command has read the last change, so it has read the hidden ones too: they had no effect.
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

/// After a cookie 389-ds sends all user attributes, and no others, whatever the search asks for.
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

/// An entry moves out of the scope and stays below the base. 389-ds does not mention it on resync.
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

/// 389-ds keeps the spelling of DNs. It sends an attribute under the name that the search asks for, even
/// one without values.
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
    // Other names of the same attributes, another order of values, another spelling of the DN.
    copy.attributes = vec!["cn", "SEEALSO", "Description"];
    // 389-ds finds the entry only by a name with the same escapes.
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
