//! What may not be seen, or was not asked for, and is sent all the same.

use syncrepl_testing::Ds389;
use syncrepl_testing::ds389::SUFFIX;

use crate::common::Copied;
use crate::{EVERYTHING, apply, at, person, refresh_and_judge, replace};

/// Whoever persists is sent entries and values that access control hides from them.
#[test]
fn p14_what_may_not_be_read_is_not_copied() {
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
fn p16_only_the_attributes_that_were_asked_for() {
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
