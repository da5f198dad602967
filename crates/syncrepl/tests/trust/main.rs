//! Servers that end a refresh with success and have not told everything: what the command notices, and
//! what it does about it.

#[path = "../common/mod.rs"]
mod common;

mod clock;
mod crash;
mod deletes;
mod overlays;

use syncrepl_testing::slapd::SUFFIX;
use syncrepl_testing::target::Target;

use common::{Copied, text};

fn at(rdn: &str) -> String {
    format!("{rdn},{SUFFIX}")
}

fn person(dn: &str) -> String {
    let name = dn.split([',', '=']).nth(1).expect("uid=");
    format!(
        "dn: {dn}\nchangetype: add\nobjectClass: inetOrgPerson\nuid: {name}\ncn: {name}\nsn: {name}\n\n"
    )
}

fn describe(dn: &str, value: &str) -> String {
    format!("dn: {dn}\nchangetype: modify\nreplace: description\ndescription: {value}\n-\n\n")
}

fn rename(dn: &str, rdn: &str) -> String {
    format!("dn: {dn}\nchangetype: modrdn\nnewrdn: {rdn}\ndeleteoldrdn: 1\n\n")
}

fn delete(dn: &str) -> String {
    format!("dn: {dn}\nchangetype: delete\n\n")
}

fn apply(server: &dyn Target, records: &[String]) {
    server
        .ldapmodify(&records.concat())
        .expect("the changes apply");
}

/// Refreshes, and asserts that the copy is equal. Returns what stands on standard error.
#[track_caller]
fn refresh(copy: &mut Copied<'_>) -> String {
    let deletes = copy.reader.deletes().len();
    let refreshed = copy.try_refresh(&[]);
    let said = text(&refreshed.stderr);
    assert!(refreshed.status.success(), "{said}");
    copy.assert_equal();
    copy.assert_no_phantom_delete(deletes);
    said
}
