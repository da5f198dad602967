//! Two slapd that replicate from each other. The consumer hears of each through the other, and a node
//! may lag, go away and come back.

#[path = "../common/mod.rs"]
mod common;

mod concurrent;
mod cookies;
mod fail_over;

use syncrepl_testing::slapd::{Pair, SUFFIX, Slapd, Variant};

const PEOPLE: usize = 30;

fn populated(variant: Variant) -> Pair {
    let pair = Pair::start(variant);
    let people: Vec<_> = (0..PEOPLE)
        .map(|n| person(&format!("p{n}"), "first"))
        .collect();
    pair.a.ldapmodify(&people.join("\n")).expect("people");
    // Both nodes have written, so that a cookie names both.
    Pair::wait_for(&pair.b, &format!("(uid=p{})", PEOPLE - 1));
    write(&pair.b, &person("of-b", "first"));
    pair.wait_equal();
    pair
}

fn dn(uid: &str) -> String {
    format!("uid={uid},{SUFFIX}")
}

fn person(uid: &str, description: &str) -> String {
    format!(
        "dn: {}\nchangetype: add\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: {uid}\nsn: {uid}\n\
         description: {description}\n",
        dn(uid)
    )
}

fn describe(uid: &str, description: &str) -> String {
    format!(
        "dn: {}\nchangetype: modify\nreplace: description\ndescription: {description}\n-\n",
        dn(uid)
    )
}

fn delete(uid: &str) -> String {
    format!("dn: {}\nchangetype: delete\n", dn(uid))
}

fn rename(uid: &str, to: &str) -> String {
    format!(
        "dn: {}\nchangetype: modrdn\nnewrdn: uid={to}\ndeleteoldrdn: 0\n",
        dn(uid)
    )
}

fn write(node: &Slapd, ldif: &str) {
    node.ldapmodify(ldif).expect("the change applies");
}
