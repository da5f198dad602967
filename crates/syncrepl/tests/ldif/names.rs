//! Renames that a directory takes in one order only.

use syncrepl_testing::slapd::SUFFIX;

use crate::{modrdn, printed, unit};

/// A single-valued name cannot keep its old value, and two entries that swap names need a third name.
#[test]
fn single_valued_names_swap() {
    let domain = |name: &str| {
        format!(
            "\ndn: dc={name},{SUFFIX}\nchangetype: add\nobjectClass: organization\nobjectClass: dcObject\no: {name}\ndc: {name}\n"
        )
    };
    let below = |name: &str| unit("below", &format!("dc={name},{SUFFIX}"));
    let rename =
        |from: &str, to: &str| modrdn(&format!("dc={from},{SUFFIX}"), &format!("dc={to}"), SUFFIX);
    let (_, text) = printed(
        &(domain("a") + &domain("b") + &below("a") + &below("b")),
        &(rename("a", "c") + &rename("b", "a") + &rename("c", "b")),
    );
    assert_eq!(text.matches("changetype: modrdn").count(), 3, "{text}");
    assert_eq!(text.matches("changetype: ").count(), 3, "{text}");
}

/// The old name is the last value of an attribute that an object class requires. It can be deleted when
/// there is another value, or the class is gone.
#[test]
fn old_name_that_a_class_requires() {
    let (cn, dc) = (format!("cn=a,{SUFFIX}"), format!("dc=a,{SUFFIX}"));
    let (_, text) = printed(
        &format!(
            "dn: {cn}\nchangetype: add\nobjectClass: inetOrgPerson\ncn: a\nsn: a\n\n\
             dn: {dc}\nchangetype: add\nobjectClass: organization\nobjectClass: dcObject\n\
             o: o\ndc: a\n"
        ),
        &format!(
            "dn: {cn}\nchangetype: modify\nadd: cn\ncn: b\n-\nadd: uid\nuid: u\n{}\n\
             dn: {dc}\nchangetype: modrdn\nnewrdn: o=o\ndeleteoldrdn: 0\n\n\
             dn: o=o,{SUFFIX}\nchangetype: modify\ndelete: dc\n-\n\
             delete: objectClass\nobjectClass: dcObject\n",
            modrdn(&cn, "uid=u", SUFFIX)
        ),
    );
    assert_eq!(text.matches("deleteoldrdn: 0").count(), 2, "{text}");
}

/// The new name has an attribute that came with a new object class.
#[test]
fn new_name_that_needs_a_new_class() {
    let o = format!("o=o,{SUFFIX}");
    let (_, text) = printed(
        &format!("dn: {o}\nchangetype: add\nobjectClass: organization\no: o\ndescription: was\n"),
        &format!(
            "dn: {o}\nchangetype: modify\nadd: objectClass\nobjectClass: dcObject\n-\n\
             add: dc\ndc: a\n-\nreplace: description\ndescription: is\n\n\
             dn: {o}\nchangetype: modrdn\nnewrdn: dc=a\ndeleteoldrdn: 0\n"
        ),
    );
    assert_eq!(text.matches("changetype: ").count(), 3, "{text}");
}

/// The child becomes the parent of its parent.
#[test]
fn parent_and_child_change_places() {
    let top = format!("ou=a,{SUFFIX}");
    let inner = format!("ou=b,{top}");
    printed(
        &(unit("a", SUFFIX) + &unit("b", &top) + &unit("leaf", &inner)),
        &(modrdn(&inner, "ou=b", SUFFIX) + &modrdn(&top, "ou=a", &format!("ou=b,{SUFFIX}"))),
    );
}

/// Parent P is renamed or deleted, and another entry gets its name. Child C keeps its DN, so no event
/// tells of it; but a directory would move C with P, or refuse the delete.
#[test]
fn child_stays_below_another_parent_of_the_same_name() {
    let (a, b) = (format!("ou=a,{SUFFIX}"), format!("ou=b,{SUFFIX}"));
    let stay = format!("ou=stay,{a}");
    let setup = unit("a", SUFFIX) + &unit("b", SUFFIX) + &unit("stay", &a) + &unit("leaf", &stay);
    let out = modrdn(&stay, "ou=stay", &b);
    printed(
        &setup,
        &(out.clone() + &modrdn(&a, "ou=c", SUFFIX) + &modrdn(&b, "ou=a", SUFFIX)),
    );
    printed(
        &setup,
        &(out + &format!("\ndn: {a}\nchangetype: delete\n") + &modrdn(&b, "ou=a", SUFFIX)),
    );
}

/// New units replace two units of the same names, and the units have exchanged their children.
#[test]
fn new_units_and_exchanged_contents() {
    let (a, b, aside) = (
        format!("ou=a,{SUFFIX}"),
        format!("ou=b,{SUFFIX}"),
        format!("ou=aside,{SUFFIX}"),
    );
    let delete = |dn: &str| format!("\ndn: {dn}\nchangetype: delete\n");
    printed(
        &(unit("a", SUFFIX) + &unit("b", SUFFIX) + &unit("x", &a) + &unit("y", &b)),
        &(unit("aside", SUFFIX)
            + &modrdn(&format!("ou=x,{a}"), "ou=x", &aside)
            + &modrdn(&format!("ou=y,{b}"), "ou=y", &aside)
            + &delete(&a)
            + &delete(&b)
            + &unit("a", SUFFIX)
            + &unit("b", SUFFIX)
            + &modrdn(&format!("ou=x,{aside}"), "ou=x", &b)
            + &modrdn(&format!("ou=y,{aside}"), "ou=y", &a)
            + &delete(&aside)),
    );
}
