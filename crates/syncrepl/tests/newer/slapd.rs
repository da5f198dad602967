//! OpenLDAP 2.6.

use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};
use syncrepl_testing::{Directory, Release, judge};

use crate::common::Copied;

/// The monitor tells the version; the root DSE does not.
const MONITOR: &str = "database monitor\nrootdn cn=monitor\naccess to * by * read";

/// The overlay shows the members of members.
const NESTED: &str =
    "overlay nestgroup\nnestgroup-base dc=example,dc=com\nnestgroup-flags member-values";

const GROUPS: &str = "\
dn: cn=inner,dc=example,dc=com
changetype: add
objectClass: groupOfNames
cn: inner
member: uid=ann,dc=example,dc=com

dn: cn=outer,dc=example,dc=com
changetype: add
objectClass: groupOfNames
cn: outer
member: cn=inner,dc=example,dc=com
";

/// One server shows the version, that any module of 2.6 can be loaded, and that slapadd and slapcat run.
#[test]
#[ignore = "needs the root of scripts/servers.sh: ./test servers"]
fn slapd_is_2_6_with_its_overlays() {
    let server = Slapd::builder(Variant::SessionLog)
        .release(Release::Newer)
        .extra_global(&format!("moduleload nestgroup\n{MONITOR}"))
        .extra_database(NESTED)
        .start();
    let monitor = judge::search(
        &server.url(),
        "",
        "",
        "cn=Monitor",
        "base",
        "(objectClass=*)",
        &["monitoredInfo"],
    );
    let version = values(&monitor, "monitoredinfo").concat();
    assert!(version.starts_with("OpenLDAP: slapd 2.6."), "{version}");

    server.ldapmodify(GROUPS).expect("the groups");
    let members = server.search("cn=outer,dc=example,dc=com", "(cn=outer)", &["member"]);
    let members = values(&members, "member");
    assert!(
        members.contains(&"uid=ann,dc=example,dc=com".to_owned()),
        "{members:?}"
    );
    assert!(!server.export().contains("uid=bob"));
    server.load("dn: uid=bob,dc=example,dc=com\nobjectClass: account\nuid: bob\n");
    assert!(server.export().contains("uid=bob"));
    let mut copy = Copied::of(&server, SUFFIX, "(objectClass=account)");
    copy.refresh();
    copy.assert_equal();
}

/// The values of an attribute of the one entry that a search showed.
fn values(shown: &Directory, attribute: &str) -> Vec<String> {
    let entry = shown.entries.values().next().expect("an entry");
    let values = entry.attrs[attribute].iter();
    values
        .map(|value| String::from_utf8_lossy(value).into_owned())
        .collect()
}
