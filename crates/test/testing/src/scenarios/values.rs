//! Entries that come and go, values that change.

use super::records::{at, delete, modify, person};
use super::scenario::{BASE, Scenario, scenario};

pub(super) fn scenarios() -> Vec<Scenario> {
    let ann = &[person("uid=ann", BASE)];
    let dn = &at("uid=ann", BASE);
    let replace = |values: &[&str]| modify(dn, "replace", "description", values);
    vec![
        scenario("nothing but an add", &[], &[vec![person("uid=ann", BASE)]]),
        scenario("nothing but a delete", ann, &[vec![delete(dn)]]),
        scenario(
            "delete then re-create a DN",
            ann,
            &[vec![
                delete(dn),
                person("uid=ann", BASE),
                replace(&["another"]),
            ]],
        ),
        scenario(
            "delete then re-create a DN with the same values",
            ann,
            &[vec![delete(dn), person("uid=ann", BASE)]],
        ),
        scenario(
            "add then delete",
            &[],
            &[vec![person("uid=ann", BASE), delete(dn)]],
        ),
        scenario(
            "add then delete, apart",
            &[],
            &[vec![person("uid=ann", BASE)], vec![delete(dn)]],
        ),
        scenario(
            "modify thrice",
            ann,
            &[vec![replace(&["1"]), replace(&["2"]), replace(&["3"])]],
        ),
        scenario(
            "modify thrice, back to the start",
            ann,
            &[vec![replace(&["b"]), replace(&["c"]), replace(&["a", "b"])]],
        ),
        scenario(
            "a modify that changes nothing",
            ann,
            &[vec![replace(&["a", "b"])]],
        ),
        scenario(
            "only the order of values changed",
            ann,
            &[vec![replace(&["b", "a"])]],
        ),
        scenario(
            "an attribute goes and comes back",
            ann,
            &[vec![replace(&[])], vec![replace(&["a", "b"])]],
        ),
    ]
}
