//! Subentries (RFC 3672): slapd sends one that is added, and no search shows it.

use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};

use crate::common::Copied;
use crate::{people, person, replace};

fn subentry(name: &str) -> String {
    format!(
        "dn: cn={name},{SUFFIX}\nchangetype: add\nobjectClass: subentry\nobjectClass: extensibleObject\ncn: {name}\n\
         subtreeSpecification: {{}}\n\n"
    )
}

/// A subentry is added, changed and renamed while following, and never told.
#[test]
fn a_subentry_is_never_told() {
    for variant in Variant::ALL {
        for attributes in [vec![], vec!["cn", "sn", "description"]] {
            let server = Slapd::start(variant);
            server.ldapmodify(&people(2)).expect("the setup");
            let mut copy = Copied::suffix(&server);
            copy.attributes = attributes;
            copy.follow();
            copy.wait_equal();
            let mark = copy.reader.mark();
            let renamed = format!(
                "dn: cn=policy,{SUFFIX}\nchangetype: modrdn\nnewrdn: cn=rule\ndeleteoldrdn: 1\n\n"
            );
            for change in [
                subentry("policy"),
                replace(&format!("cn=policy,{SUFFIX}"), "description", "a policy"),
                renamed,
                replace(&person(0), "description", "two"),
            ] {
                server.ldapmodify(&change).expect("a change");
            }
            copy.wait_equal();
            let told = copy.reader.events_since(mark);
            assert_eq!(told.len(), 1, "{told:#?}");
            copy.stop();
            copy.assert_quiet();
            copy.assert_equal();
        }
    }
}
