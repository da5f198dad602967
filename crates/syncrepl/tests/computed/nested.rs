//! `nestgroup` of OpenLDAP 2.6: members of groups that are members of groups.

use syncrepl_testing::release::Release;
use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};

use crate::common::PATIENCE;
use crate::random::{all_is_told, nothing_is_falsely_lost};
use crate::{group, people, person};

/// The group `team`, which the changes are about, is a member of `all`; so is the group `staff`.
fn with_nestgroup(variant: Variant) -> Slapd {
    let server = Slapd::builder(variant)
        .release(Release::Newer)
        .extra_global("moduleload nestgroup")
        .extra_database(&format!(
            "overlay nestgroup\n\
             nestgroup-base ou=groups,{SUFFIX}\n\
             nestgroup-flags member-filter memberof-filter member-values memberof-values"
        ))
        .start();
    let of = |name: &str, members: &[String]| {
        let members: String = members.iter().map(|dn| format!("member: {dn}\n")).collect();
        format!(
            "dn: {}\nchangetype: add\nobjectClass: groupOfNames\ncn: {name}\n{members}\n",
            group(name)
        )
    };
    let groups = of("team", &[person(0), person(1)])
        + &of("staff", &[person(2)])
        + &of("all", &[group("team"), group("staff")]);
    server
        .ldapmodify(&(people(6) + &groups))
        .expect("the setup");
    server
}

#[test]
#[ignore = "needs the newer servers: ./test servers"]
fn nestgroup_while_following() {
    nothing_is_falsely_lost(&with_nestgroup(Variant::SessionLog));
}

#[test]
#[ignore = "needs the newer servers: ./test servers"]
fn nested_members_are_told() {
    let longest = all_is_told(&with_nestgroup(Variant::Plain), 40);
    assert!(longest < PATIENCE / 2, "{longest:?}");
}
