//! Leaves that take other names.

use super::records::{at, delete, modify, person, rename, rename_keeping};
use super::scenario::{BASE, Scenario, scenario};

pub(super) fn scenarios() -> Vec<Scenario> {
    [renames(), exchanges()].concat()
}

fn ann_bob_cyd() -> [String; 3] {
    ["uid=ann", "uid=bob", "uid=cyd"].map(|rdn| person(rdn, BASE))
}

/// One of three gets a name that no other entry has.
fn renames() -> Vec<Scenario> {
    let three = &ann_bob_cyd();
    let ann = &at("uid=ann", BASE);
    vec![
        scenario("rename", three, &[vec![rename(ann, "uid=zoe")]]),
        scenario(
            "rename that keeps the old value",
            three,
            &[vec![rename_keeping(ann, "uid=zoe")]],
        ),
        scenario(
            "rename and modify",
            three,
            &[vec![
                rename(ann, "uid=zoe"),
                modify(&at("uid=zoe", BASE), "replace", "description", &["renamed"]),
            ]],
        ),
        scenario(
            "rename there and back",
            three,
            &[vec![
                rename(ann, "uid=zoe"),
                rename(&at("uid=zoe", BASE), "uid=ann"),
            ]],
        ),
        scenario(
            "a rename that changes only letter case",
            three,
            &[vec![rename(ann, "uid=ANN")]],
        ),
        scenario(
            "a rename that changes only letter case and keeps the old value",
            three,
            &[vec![rename_keeping(ann, "uid=Ann")]],
        ),
        scenario(
            "a rename to a name that must be escaped",
            three,
            &[vec![rename(ann, r#"uid=\20Ann\2C \"a\+b\" \#1 ÄÖ\ "#)]],
        ),
    ]
}

/// The name of one is taken by another.
fn exchanges() -> Vec<Scenario> {
    let three = &ann_bob_cyd();
    let [ann, bob, cyd] = &["uid=ann", "uid=bob", "uid=cyd"].map(|rdn| at(rdn, BASE));
    let temporary = &at("uid=temporary", BASE);
    let away = rename(ann, "uid=temporary");
    vec![
        scenario(
            "swap two DNs",
            three,
            &[vec![
                away.clone(),
                rename(bob, "uid=ann"),
                rename(temporary, "uid=bob"),
            ]],
        ),
        scenario(
            "rotate three",
            three,
            &[vec![
                away,
                rename(bob, "uid=ann"),
                rename(cyd, "uid=bob"),
                rename(temporary, "uid=cyd"),
            ]],
        ),
        scenario(
            "a chain: each takes the next one's DN",
            three,
            &[vec![
                rename(cyd, "uid=dan"),
                rename(bob, "uid=cyd"),
                rename(ann, "uid=bob"),
            ]],
        ),
        scenario(
            "delete X and rename Y to X",
            three,
            &[vec![delete(ann), rename(bob, "uid=ann")]],
        ),
        scenario(
            "rename X away and add another X",
            three,
            &[vec![rename(ann, "uid=zoe"), person("uid=ann", BASE)]],
        ),
    ]
}
