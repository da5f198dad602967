//! Entries with others below them that take other names.

use super::records::{at, delete, modify, person, relocate, rename, unit};
use super::scenario::{BASE, Scenario, scenario};

pub(super) fn scenarios() -> Vec<Scenario> {
    [renames(), swaps(), replacements()].concat()
}

fn north() -> String {
    at("ou=north", BASE)
}

fn south() -> String {
    at("ou=south", BASE)
}

fn team() -> String {
    at("ou=team", &north())
}

fn setup() -> [String; 7] {
    let (north, south, team) = (&north(), &south(), &team());
    [
        unit(north),
        unit(south),
        unit(team),
        person("uid=ann", north),
        person("uid=bob", team),
        person("uid=ann", south),
        person("uid=cyd", south),
    ]
}

/// A parent gets a name that no other entry has.
fn renames() -> Vec<Scenario> {
    let north = &north();
    let renamed = &at("ou=nord", BASE);
    vec![
        scenario(
            "rename a parent",
            &setup(),
            &[vec![rename(north, "ou=nord")]],
        ),
        scenario(
            "in one go a parent and its child",
            &setup(),
            &[vec![
                rename(north, "ou=nord"),
                rename(&at("uid=ann", renamed), "uid=zoe"),
            ]],
        ),
        scenario(
            "in one go a child and its parent",
            &setup(),
            &[vec![
                rename(&at("uid=ann", north), "uid=zoe"),
                rename(north, "ou=nord"),
            ]],
        ),
        scenario(
            "in one go a parent, its child unit and what is below both",
            &setup(),
            &[vec![
                rename(north, "ou=nord"),
                rename(&at("ou=team", renamed), "ou=crew"),
                modify(
                    &at("uid=bob", &at("ou=crew", renamed)),
                    "replace",
                    "description",
                    &["changed"],
                ),
            ]],
        ),
        scenario(
            "a parent renamed in letter case only",
            &setup(),
            &[vec![rename(north, "ou=NORTH")]],
        ),
    ]
}

/// Two units exchange their names or their places.
fn swaps() -> Vec<Scenario> {
    let (north, south, team) = (&north(), &south(), &team());
    let swap = &[
        rename(north, "ou=temporary"),
        rename(south, "ou=north"),
        rename(&at("ou=temporary", BASE), "ou=south"),
    ];
    vec![
        scenario(
            "swap two parents that have children",
            &setup(),
            &[swap.to_vec()],
        ),
        scenario(
            "swap two parents and change a child",
            &setup(),
            &[[
                swap.as_slice(),
                &[modify(
                    &at("uid=cyd", north),
                    "replace",
                    "description",
                    &["swapped"],
                )],
            ]
            .concat()],
        ),
        scenario(
            "parent and child change places",
            &setup(),
            &[vec![
                relocate(team, "ou=team", BASE),
                relocate(north, "ou=north", &at("ou=team", BASE)),
            ]],
        ),
    ]
}

/// A parent goes, or another takes its place.
fn replacements() -> Vec<Scenario> {
    let (north, south, team) = (&north(), &south(), &team());
    vec![
        scenario(
            "a parent renamed, another made in its place",
            &setup(),
            &[vec![
                rename(north, "ou=nord"),
                unit(north),
                person("uid=ann", north),
            ]],
        ),
        scenario(
            "a child leaves its parent, and the parent goes",
            &setup(),
            &[vec![
                relocate(&at("uid=bob", team), "uid=bob", south),
                delete(team),
                rename(&at("uid=bob", south), "uid=bert"),
            ]],
        ),
        scenario(
            "a parent deleted with all below it, and made anew",
            &setup(),
            &[vec![
                delete(&at("uid=ann", south)),
                delete(&at("uid=cyd", south)),
                delete(south),
                unit(south),
                person("uid=cyd", south),
            ]],
        ),
    ]
}
