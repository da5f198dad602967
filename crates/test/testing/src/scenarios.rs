//! Small deterministic changes, each of a kind that a consumer gets wrong when it is careless.
//!
//! The consumer follows [`BASE`]; what lies under [`OUTSIDE`] is none of its business until it moves.

/// The base of the consumer's search.
pub const BASE: &str = "ou=base,dc=example,dc=com";
/// What the consumer does not see.
pub const OUTSIDE: &str = "ou=outside,dc=example,dc=com";

/// One of them.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// What happens, in a few words.
    pub name: &'static str,
    /// What is there before: change records, to be sent in one go to a server with its suffix entry.
    pub setup_ldif: String,
    /// What happens: each in one go, one after the other.
    pub changes: Vec<String>,
}

/// All of them. Each wants a server of its own, or one from which [`BASE`] and [`OUTSIDE`] are gone.
pub fn scenarios() -> Vec<Scenario> {
    let mut all = values();
    all.extend(names());
    all.extend(parents());
    all.extend(moves());
    all
}

fn scenario(name: &'static str, setup: &[String], changes: &[Vec<String>]) -> Scenario {
    let mut records = vec![unit(BASE), unit(OUTSIDE)];
    records.extend_from_slice(setup);
    Scenario {
        name,
        setup_ldif: records.join("\n"),
        changes: changes.iter().map(|records| records.join("\n")).collect(),
    }
}

/// Entries that come and go, values that change.
fn values() -> Vec<Scenario> {
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

/// Leaves that take other names.
fn names() -> Vec<Scenario> {
    let three = &["uid=ann", "uid=bob", "uid=cyd"].map(|rdn| person(rdn, BASE));
    let [ann, bob, cyd] = &["uid=ann", "uid=bob", "uid=cyd"].map(|rdn| at(rdn, BASE));
    let temporary = &at("uid=temporary", BASE);
    let away = rename(ann, "uid=temporary");
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

/// Entries with others below them that take other names.
fn parents() -> Vec<Scenario> {
    let [north, south] = &["ou=north", "ou=south"].map(|rdn| at(rdn, BASE));
    let team = &at("ou=team", north);
    let setup = &[
        unit(north),
        unit(south),
        unit(team),
        person("uid=ann", north),
        person("uid=bob", team),
        person("uid=ann", south),
        person("uid=cyd", south),
    ];
    let renamed = &at("ou=nord", BASE);
    let swap = &[
        rename(north, "ou=temporary"),
        rename(south, "ou=north"),
        rename(&at("ou=temporary", BASE), "ou=south"),
    ];
    vec![
        scenario("rename a parent", setup, &[vec![rename(north, "ou=nord")]]),
        scenario(
            "in one go a parent and its child",
            setup,
            &[vec![
                rename(north, "ou=nord"),
                rename(&at("uid=ann", renamed), "uid=zoe"),
            ]],
        ),
        scenario(
            "in one go a child and its parent",
            setup,
            &[vec![
                rename(&at("uid=ann", north), "uid=zoe"),
                rename(north, "ou=nord"),
            ]],
        ),
        scenario(
            "in one go a parent, its child unit and what is below both",
            setup,
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
            "swap two parents that have children",
            setup,
            &[swap.to_vec()],
        ),
        scenario(
            "swap two parents and change a child",
            setup,
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
            "a parent renamed, another made in its place",
            setup,
            &[vec![
                rename(north, "ou=nord"),
                unit(north),
                person("uid=ann", north),
            ]],
        ),
        scenario(
            "a child leaves its parent, and the parent goes",
            setup,
            &[vec![
                relocate(&at("uid=bob", team), "uid=bob", south),
                delete(team),
                rename(&at("uid=bob", south), "uid=bert"),
            ]],
        ),
        scenario(
            "parent and child change places",
            setup,
            &[vec![
                relocate(team, "ou=team", BASE),
                relocate(north, "ou=north", &at("ou=team", BASE)),
            ]],
        ),
        scenario(
            "a parent renamed in letter case only",
            setup,
            &[vec![rename(north, "ou=NORTH")]],
        ),
        scenario(
            "a parent deleted with all below it, and made anew",
            setup,
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

/// A leaf and a subtree into, within and out of the base.
fn moves() -> Vec<Scenario> {
    let inside = &at("ou=tree", BASE);
    let outside = &at("ou=tree", OUTSIDE);
    let other = &at("ou=other", BASE);
    let subtree = |top: &str| {
        let below = at("ou=below", top);
        vec![
            unit(top),
            person("uid=ann", top),
            unit(&below),
            person("uid=bob", &below),
        ]
    };
    let within = [subtree(inside), vec![unit(other), person("uid=cyd", BASE)]].concat();
    let without = [subtree(outside), vec![person("uid=cyd", OUTSIDE)]].concat();
    let cyd = |parent: &str| at("uid=cyd", parent);
    vec![
        scenario(
            "a leaf moves into the base",
            &without,
            &[vec![relocate(&cyd(OUTSIDE), "uid=cyd", BASE)]],
        ),
        scenario(
            "a leaf moves within the base",
            &within,
            &[vec![relocate(&cyd(BASE), "uid=cyd", other)]],
        ),
        scenario(
            "a leaf moves out of the base",
            &within,
            &[vec![relocate(&cyd(BASE), "uid=cyd", OUTSIDE)]],
        ),
        scenario(
            "a subtree moves into the base",
            &without,
            &[vec![relocate(outside, "ou=tree", BASE)]],
        ),
        scenario(
            "a subtree moves within the base",
            &within,
            &[vec![relocate(inside, "ou=tree", other)]],
        ),
        scenario(
            "a subtree moves out of the base",
            &within,
            &[vec![relocate(inside, "ou=tree", OUTSIDE)]],
        ),
        scenario(
            "a subtree moves out of the base and back",
            &within,
            &[
                vec![relocate(inside, "ou=tree", OUTSIDE)],
                vec![relocate(outside, "ou=tree", BASE)],
            ],
        ),
        scenario(
            "a leaf moves into the base onto a DN that was just left",
            &[within.clone(), vec![person("uid=cyd", OUTSIDE)]].concat(),
            &[vec![
                relocate(&cyd(BASE), "uid=cyd", other),
                relocate(&cyd(OUTSIDE), "uid=cyd", BASE),
            ]],
        ),
    ]
}

fn at(rdn: &str, parent: &str) -> String {
    format!("{rdn},{parent}")
}

fn unit(dn: &str) -> String {
    let name = dn
        .split([',', '='])
        .nth(1)
        .expect("a DN that begins with ou=");
    format!("dn: {dn}\nchangetype: add\nobjectClass: organizationalUnit\nou: {name}\n")
}

fn person(rdn: &str, parent: &str) -> String {
    let uid = rdn.strip_prefix("uid=").expect("an RDN uid=");
    format!(
        "dn: {rdn},{parent}\n\
         changetype: add\n\
         objectClass: inetOrgPerson\n\
         uid: {uid}\n\
         cn: {uid} of {parent}\n\
         sn: {uid}\n\
         description: a\n\
         description: b\n"
    )
}

fn modify(dn: &str, operation: &str, attribute: &str, values: &[&str]) -> String {
    let values: String = values
        .iter()
        .map(|value| format!("{attribute}: {value}\n"))
        .collect();
    format!("dn: {dn}\nchangetype: modify\n{operation}: {attribute}\n{values}-\n")
}

fn delete(dn: &str) -> String {
    format!("dn: {dn}\nchangetype: delete\n")
}

fn rename(dn: &str, rdn: &str) -> String {
    let rdn = crate::ldif::line("newrdn", rdn);
    format!("dn: {dn}\nchangetype: modrdn\n{rdn}deleteoldrdn: 1\n")
}

fn rename_keeping(dn: &str, rdn: &str) -> String {
    rename(dn, rdn).replace("deleteoldrdn: 1", "deleteoldrdn: 0")
}

fn relocate(dn: &str, rdn: &str, parent: &str) -> String {
    format!("{}newsuperior: {parent}\n", rename(dn, rdn))
}
