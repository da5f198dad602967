//! The company of the demo: a bakery with three departments.

use std::io;

use syncrepl_provider::Provider;

pub(super) const BASE: &str = "dc=bakery,dc=example";

/// Department, name, title, room.
const PEOPLE: [(&str, &str, &str, &str); 9] = [
    ("Bakehouse", "Rosa Roggen", "Master baker", "B1"),
    ("Bakehouse", "Teo Teig", "Baker", "B1"),
    ("Bakehouse", "Ina Ofen", "Baker", "B2"),
    ("Shop", "Carla Costa", "Shop manager", "S1"),
    ("Shop", "Ben Brezel", "Salesman", "S2"),
    ("Shop", "Mia Mohn", "Saleswoman", "S2"),
    ("Office", "Hugo Hefe", "Director", "O1"),
    ("Office", "Lena Lauge", "Bookkeeper", "O2"),
    ("Office", "Paul Plunder", "IT", "O3"),
];

/// The DN of a department.
pub(super) fn department(name: &str) -> String {
    format!("ou={name},{BASE}")
}

/// The DN of a person in a department.
pub(super) fn person(name: &str, department_name: &str) -> String {
    format!("cn={name},{}", department(department_name))
}

/// The attributes of a person.
pub(super) fn attributes(name: &str, title: &str, room: &str) -> Vec<(&'static str, String)> {
    let (given, surname) = name.split_once(' ').unwrap_or((name, name));
    vec![
        ("objectClass", "inetOrgPerson".to_owned()),
        ("sn", surname.to_owned()),
        ("givenName", given.to_owned()),
        ("title", title.to_owned()),
        ("roomNumber", room.to_owned()),
        ("mail", format!("{}@bakery.example", given.to_lowercase())),
    ]
}

/// Starts a provider with the company in it on a port; 0 takes a free one.
///
/// # Errors
/// When the port cannot be listened on.
pub(super) fn open(port: u16) -> io::Result<Provider> {
    let mut builder = Provider::builder().port(port).suffix(BASE).entry(
        BASE,
        [
            ("objectClass", "organization"),
            ("objectClass", "dcObject"),
            ("o", "The Bakery"),
        ],
    );
    for name in ["Bakehouse", "Shop", "Office"] {
        builder = builder.entry(department(name), [("objectClass", "organizationalUnit")]);
    }
    for (department, name, title, room) in PEOPLE {
        builder = builder.entry(person(name, department), attributes(name, title, room));
    }
    builder.start()
}
