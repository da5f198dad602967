//! A minute of the company's life. Its first half shows every kind of event.

use std::time::Duration;

use syncrepl_client::StopHandle;
use syncrepl_provider::{Modification, Provider, Refusal};

use super::company::{attributes, department, person};
use super::words::say;

/// The time between two steps: long enough to read one, short enough for a minute.
const STEP: Duration = Duration::from_secs(3);

type Step = fn(&Provider) -> Result<(), Refusal>;

/// The steps. Each has a line to print and the change itself.
const STEPS: [(&str, Step); 16] = [
    ("Greta Grieß joins the shop", |company| {
        join(company, "Greta Grieß", "Shop", "Saleswoman", "S3")
    }),
    ("Ben gets another telephone", |company| {
        let number = Modification::replace("telephoneNumber", ["+49 30 1234"]);
        company.modify(&person("Ben Brezel", "Shop"), [number])
    }),
    ("Carla marries and is called Dietrich now", |company| {
        company.rename(
            &person("Carla Costa", "Shop"),
            "cn=Carla Dietrich",
            true,
            None,
        )?;
        let surname = Modification::replace("sn", ["Dietrich"]);
        company.modify(&person("Carla Dietrich", "Shop"), [surname])
    }),
    ("Teo and Ina swap desks", |company| {
        let moves_to = |room: &str| [Modification::replace("roomNumber", [room])];
        company.modify(&person("Teo Teig", "Bakehouse"), moves_to("B2"))?;
        company.modify(&person("Ina Ofen", "Bakehouse"), moves_to("B1"))
    }),
    (
        "the office becomes the administration, with everybody in it",
        |company| company.rename(&department("Office"), "ou=Administration", true, None),
    ),
    ("Paul leaves", |company| {
        company.delete(&person("Paul Plunder", "Administration"))
    }),
    ("Mia moves to the bakehouse", |company| {
        let bakehouse = department("Bakehouse");
        company.rename(
            &person("Mia Mohn", "Shop"),
            "cn=Mia Mohn",
            true,
            Some(&bakehouse),
        )
    }),
    ("a delivery department is founded", |company| {
        let class = [("objectClass", "organizationalUnit")];
        company.add(&department("Delivery"), class).map(drop)
    }),
    ("Vera Vanille joins it", |company| {
        join(company, "Vera Vanille", "Delivery", "Driver", "D1")
    }),
    ("Rosa becomes head of the bakehouse", |company| {
        let title = Modification::replace("title", ["Head of the bakehouse"]);
        company.modify(&person("Rosa Roggen", "Bakehouse"), [title])
    }),
    ("Ben gets a second address for mail", |company| {
        let mail = Modification::add("mail", ["orders@bakery.example"]);
        company.modify(&person("Ben Brezel", "Shop"), [mail])
    }),
    ("Lena takes over IT as well", |company| {
        let title = Modification::add("title", ["IT"]);
        company.modify(&person("Lena Lauge", "Administration"), [title])
    }),
    ("Teo leaves", |company| {
        company.delete(&person("Teo Teig", "Bakehouse"))
    }),
    (
        "another Teo Teig joins: the same name, somebody else",
        |company| join(company, "Teo Teig", "Bakehouse", "Apprentice", "B2"),
    ),
    ("the shop moves into the delivery department", |company| {
        let delivery = department("Delivery");
        company.rename(&department("Shop"), "ou=Shop", true, Some(&delivery))
    }),
    ("Hugo goes home", |company| {
        let room = Modification::remove("roomNumber");
        company.modify(&person("Hugo Hefe", "Administration"), [room])
    }),
];

fn join(
    company: &Provider,
    name: &str,
    department: &str,
    title: &str,
    room: &str,
) -> Result<(), Refusal> {
    company
        .add(&person(name, department), attributes(name, title, room))
        .map(drop)
}

/// Plays the minute, until it is over or a stop is requested. The user may change entries meanwhile, so
/// that a step is impossible; it is passed over.
pub(super) fn play(company: &Provider, stop: &StopHandle) {
    for (words, step) in STEPS {
        if stop.wait(STEP) {
            return;
        }
        say(format_args!("\n-- {words}"));
        if let Err(refusal) = step(company) {
            say(format_args!("-- (not any more: {refusal})"));
        }
    }
    if !stop.wait(STEP) {
        say("\n-- The minute is over. Change something yourself, or press Ctrl-C.");
    }
}

#[cfg(test)]
mod tests {
    use super::super::company;
    use super::*;

    #[test]
    fn every_step_can_be_taken() {
        let company = company::open(0).unwrap();
        for (words, step) in STEPS {
            step(&company).unwrap_or_else(|refusal| panic!("{words}: {refusal}"));
        }
        assert!(STEP * STEPS.len() as u32 <= Duration::from_secs(60));
    }
}
