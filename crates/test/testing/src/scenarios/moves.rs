//! A leaf and a subtree into, within and out of the base.

use super::records::{at, person, relocate, unit};
use super::scenario::{BASE, OUTSIDE, Scenario, scenario};

pub(super) fn scenarios() -> Vec<Scenario> {
    [leaves(), subtrees()].concat()
}

fn subtree(top: &str) -> Vec<String> {
    let below = at("ou=below", top);
    vec![
        unit(top),
        person("uid=ann", top),
        unit(&below),
        person("uid=bob", &below),
    ]
}

/// The subtree and the leaf are in the base, beside another unit.
fn within() -> Vec<String> {
    let others = vec![unit(&at("ou=other", BASE)), person("uid=cyd", BASE)];
    [subtree(&at("ou=tree", BASE)), others].concat()
}

/// The subtree and the leaf are outside.
fn without() -> Vec<String> {
    let leaf = vec![person("uid=cyd", OUTSIDE)];
    [subtree(&at("ou=tree", OUTSIDE)), leaf].concat()
}

fn leaves() -> Vec<Scenario> {
    let other = &at("ou=other", BASE);
    let cyd = |parent: &str| at("uid=cyd", parent);
    vec![
        scenario(
            "a leaf moves into the base",
            &without(),
            &[vec![relocate(&cyd(OUTSIDE), "uid=cyd", BASE)]],
        ),
        scenario(
            "a leaf moves within the base",
            &within(),
            &[vec![relocate(&cyd(BASE), "uid=cyd", other)]],
        ),
        scenario(
            "a leaf moves out of the base",
            &within(),
            &[vec![relocate(&cyd(BASE), "uid=cyd", OUTSIDE)]],
        ),
        scenario(
            "a leaf moves into the base onto a DN that was just left",
            &[within(), vec![person("uid=cyd", OUTSIDE)]].concat(),
            &[vec![
                relocate(&cyd(BASE), "uid=cyd", other),
                relocate(&cyd(OUTSIDE), "uid=cyd", BASE),
            ]],
        ),
    ]
}

fn subtrees() -> Vec<Scenario> {
    let inside = &at("ou=tree", BASE);
    let outside = &at("ou=tree", OUTSIDE);
    let other = &at("ou=other", BASE);
    vec![
        scenario(
            "a subtree moves into the base",
            &without(),
            &[vec![relocate(outside, "ou=tree", BASE)]],
        ),
        scenario(
            "a subtree moves within the base",
            &within(),
            &[vec![relocate(inside, "ou=tree", other)]],
        ),
        scenario(
            "a subtree moves out of the base",
            &within(),
            &[vec![relocate(inside, "ou=tree", OUTSIDE)]],
        ),
        scenario(
            "a subtree moves out of the base and back",
            &within(),
            &[
                vec![relocate(inside, "ou=tree", OUTSIDE)],
                vec![relocate(outside, "ou=tree", BASE)],
            ],
        ),
    ]
}
