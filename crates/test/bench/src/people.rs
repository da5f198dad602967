//! The directory that is copied: people of thirteen attributes, about 600 bytes each as sent.

use std::fmt::Write;

use syncrepl_testing::slapd::SUFFIX;

const GIVEN: [&str; 10] = [
    "Anna", "Bernd", "Carla", "Dieter", "Elif", "Fatma", "Georg", "Hanna", "Ivan", "Jutta",
];
const NAMES: [&str; 10] = [
    "Archer", "Becker", "Celik", "Dahl", "Eriksen", "Fischer", "Gruber", "Huber", "Iversen",
    "Jansen",
];

/// The DN of one of them.
pub(crate) fn dn(number: usize) -> String {
    format!("uid=user{number:07},ou=people,{SUFFIX}")
}

/// `count` people below one unit, as content records.
pub(crate) fn people(count: usize) -> String {
    let mut ldif = String::with_capacity(count * 640 + 100);
    let _ = writeln!(
        ldif,
        "dn: ou=people,{SUFFIX}\nobjectClass: organizationalUnit\nou: people\n"
    );
    for number in 0..count {
        let (given, name) = (GIVEN[number % 10], NAMES[number / 10 % 10]);
        let _ = write!(
            ldif,
            "dn: {}\nobjectClass: top\nobjectClass: person\nobjectClass: organizationalPerson\n\
             objectClass: inetOrgPerson\nuid: user{number:07}\ncn: {given} {name} {number}\n\
             sn: {name}\ngivenName: {given}\ndisplayName: {given} {name}\n\
             mail: {}.{}.{number}@example.com\ntelephoneNumber: +49 30 {number:07}\n\
             employeeNumber: {number}\nemployeeType: staff\ndepartmentNumber: D{}\n\
             title: Engineer of grade {}\n\
             description: works in building {}, on floor {}, behind the door with the number {number}\n\n",
            dn(number),
            given.to_lowercase(),
            name.to_lowercase(),
            number % 97,
            number % 13,
            number % 31,
            number % 7,
        );
    }
    ldif
}
