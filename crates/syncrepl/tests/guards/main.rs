//! The guards. A provider may tell of changes wrongly or not at all. The command then promises a copy that
//! equals a fresh search, or a run that ends with exit code 6.

#[path = "../common/mod.rs"]
mod common;

mod cuts;
mod dry_run;
mod identity;
mod kept;
mod limits;
mod max_delete;
mod reconcile_every;
mod restored;
mod results;

mod rows;
mod untold;

use syncrepl_testing::slapd::SUFFIX;

fn unit(name: &str) -> String {
    format!(
        "dn: ou={name},{SUFFIX}\nchangetype: add\nobjectClass: organizationalUnit\nou: {name}\n\n"
    )
}

fn dn(uid: &str, unit: &str) -> String {
    format!("uid={uid},ou={unit},{SUFFIX}")
}

fn person(uid: &str, unit: &str) -> String {
    format!(
        "dn: {}\nchangetype: add\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: {uid}\nsn: {uid}\n\
         mail: {uid}@example.com\n\n",
        dn(uid, unit)
    )
}

/// Gives a person the password `secret-UID`. A copy that can read it gets a warning about hashes.
fn password(uid: &str, unit: &str) -> String {
    format!(
        "dn: {}\nchangetype: modify\nadd: userPassword\nuserPassword: secret-{uid}\n-\n\n",
        dn(uid, unit)
    )
}

/// A unit with that many people: p0, p1, …
fn people(name: &str, count: usize) -> String {
    (0..count).fold(unit(name), |ldif, number| {
        ldif + &person(&format!("p{number}"), name)
    })
}

fn describe(uid: &str, unit: &str, text: &str) -> String {
    format!(
        "dn: {}\nchangetype: modify\nreplace: description\ndescription: {text}\n-\n\n",
        dn(uid, unit)
    )
}

fn delete(dn: &str) -> String {
    format!("dn: {dn}\nchangetype: delete\n\n")
}

/// Deletes p`first`, … up to p`end`, not included.
fn delete_people(unit: &str, first: usize, end: usize) -> String {
    (first..end)
        .map(|number| delete(&dn(&format!("p{number}"), unit)))
        .collect()
}

fn rename(dn: &str, rdn: &str, superior: Option<&str>) -> String {
    let superior = superior.map_or(String::new(), |dn| format!("newsuperior: {dn}\n"));
    format!("dn: {dn}\nchangetype: modrdn\nnewrdn: {rdn}\ndeleteoldrdn: 1\n{superior}\n")
}
