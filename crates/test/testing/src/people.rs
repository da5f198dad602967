//! A plain directory, and rounds of changes to it, there and back again: for tests that need the
//! same kind of stage many times over. Not random: see the workload for that.

use std::fmt::Write;

use crate::slapd::SUFFIX;

/// Two units, one with so many people in it, one with a team of ten. Content records.
pub fn everyone(count: usize) -> String {
    let mut ldif = String::new();
    for unit in ["people", "teams"] {
        let _ = writeln!(
            ldif,
            "{}objectClass: organizationalUnit\nou: {unit}\n",
            dn(&format!("ou={unit}"))
        );
    }
    let _ = writeln!(
        ldif,
        "{}objectClass: organizationalUnit\nou: staff0\n",
        dn("ou=staff0,ou=teams")
    );
    for number in 0..10 {
        ldif += &person(&format!("s{number}"), "ou=staff0,ou=teams", "");
    }
    for number in 0..count {
        ldif += &person(&format!("p{number}"), "ou=people", "");
    }
    ldif
}

fn dn(rdns: &str) -> String {
    format!("dn: {rdns},{SUFFIX}\n")
}

fn person(uid: &str, parent: &str, changetype: &str) -> String {
    format!(
        "{}{changetype}objectClass: inetOrgPerson\nuid: {uid}\ncn: Person {uid}\nsn: Number\n\
         mail: {uid}@example.com\ndescription: {}\n\n",
        dn(&format!("uid={uid},{parent}")),
        "some text to fill a line ".repeat(8).trim_end(),
    )
}

/// The changes of one round to `count` people; rounds come in order, from 0. Of each ten, seven get
/// another title, one another name, one goes and one comes (in the next round: comes, and goes).
/// Then the team is renamed, two of its members swap their names, and the last change names the round.
pub fn changes(count: usize, round: usize) -> String {
    let mut ldif = String::new();
    let (old, new) = (round % 2, (round + 1) % 2);
    for number in 0..count {
        let (parent, uid) = ("ou=people", format!("p{number}"));
        match number % 10 {
            7 => {
                let [old, new] = [old, new].map(|age| format!("uid={}{number}", ["p", "r"][age]));
                let head = dn(&format!("{old},{parent}"));
                let _ = writeln!(
                    ldif,
                    "{head}changetype: modrdn\nnewrdn: {new}\ndeleteoldrdn: 1\n"
                );
            }
            8 if old == 0 => ldif += &delete(&uid),
            8 => ldif += &person(&uid, parent, "changetype: add\n"),
            9 if old == 0 => ldif += &person(&format!("n{number}"), parent, "changetype: add\n"),
            9 => ldif += &delete(&format!("n{number}")),
            _ => {
                let head = dn(&format!("uid={uid},{parent}"));
                let _ = writeln!(
                    ldif,
                    "{head}changetype: modify\nreplace: title\ntitle: {round}\n"
                );
            }
        }
    }
    let head = dn(&format!("ou=staff{old},ou=teams"));
    let _ = writeln!(
        ldif,
        "{head}changetype: modrdn\nnewrdn: ou=staff{new}\ndeleteoldrdn: 1\n"
    );
    let team = format!("ou=staff{new},ou=teams");
    for (from, to) in [("s0", "swap"), ("s1", "s0"), ("swap", "s1")] {
        let head = dn(&format!("uid={from},{team}"));
        let _ = writeln!(
            ldif,
            "{head}changetype: modrdn\nnewrdn: uid={to}\ndeleteoldrdn: 1\n"
        );
    }
    let head = dn("ou=teams");
    let mark = mark(round);
    let _ = writeln!(
        ldif,
        "{head}changetype: modify\nreplace: description\ndescription: {mark}\n"
    );
    ldif
}

/// The value that the last change of a round gives.
pub fn mark(round: usize) -> String {
    format!("end of round {round}.")
}

fn delete(uid: &str) -> String {
    format!(
        "{}changetype: delete\n\n",
        dn(&format!("uid={uid},ou=people"))
    )
}
