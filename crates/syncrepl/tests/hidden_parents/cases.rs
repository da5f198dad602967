//! The changes that can happen to a hidden parent.

use syncrepl_testing::slapd::SUFFIX;

pub const OUTSIDE: &str = "ou=outside,dc=example,dc=com";

/// One case, in a base of its own.
pub struct Case {
    pub name: &'static str,
    pub filter: &'static str,
    /// RDNs up to the base: units (`ou=`) and people. Both filters show `uid=`; `(description=keep)` does
    /// not show `cn=`.
    pub setup: &'static [&'static str],
    /// The steps, each applied at once. `BASE` and `OUT` stand for the two DNs.
    pub steps: &'static [&'static [Step]],
}

pub enum Step {
    Rename(&'static str, &'static str),
    Move(&'static str, &'static str, &'static str),
    Add(&'static str),
    Describe(&'static str, &'static str),
    Delete(&'static str),
}
use self::Step::{Add, Delete, Describe, Move, Rename};

pub const PERSON: &str = "(objectClass=person)";
pub const KEEP: &str = "(description=keep)";

pub const CASES: &[Case] = &[
    Case {
        name: "renamed",
        filter: PERSON,
        setup: &["ou=a", "uid=1,ou=a", "uid=2,ou=a", "uid=9"],
        steps: &[
            &[Rename("ou=a", "ou=b")],
            &[Rename("ou=b", "ou=B")],
            &[Rename("ou=B", "ou=a")],
        ],
    },
    Case {
        name: "respelled, somebody told below it, and spelled as before",
        filter: PERSON,
        setup: &["ou=a", "uid=1,ou=a", "uid=2,ou=a", "uid=9"],
        steps: &[&[
            Rename("ou=a", "ou=A"),
            Describe("uid=1,ou=A", "changed"),
            Rename("ou=A", "ou=a"),
        ]],
    },
    Case {
        name: "moved within the base",
        filter: PERSON,
        setup: &["ou=a", "ou=c", "uid=1,ou=a", "uid=2,ou=a", "uid=9"],
        steps: &[
            &[Move("ou=a", "ou=a", "ou=c,BASE")],
            &[Move("ou=a,ou=c", "ou=z", "BASE")],
        ],
    },
    Case {
        name: "moved out of the base",
        filter: PERSON,
        setup: &["ou=a", "uid=1,ou=a", "uid=2,ou=a", "uid=9"],
        steps: &[&[Move("ou=a", "ou=gone", "OUT")]],
    },
    Case {
        name: "nested, each renamed",
        filter: PERSON,
        setup: &[
            "ou=a",
            "ou=b,ou=a",
            "ou=c,ou=b,ou=a",
            "uid=1,ou=a",
            "uid=2,ou=b,ou=a",
            "uid=3,ou=c,ou=b,ou=a",
            "uid=4,uid=3,ou=c,ou=b,ou=a",
        ],
        steps: &[
            &[
                Rename("ou=c,ou=b,ou=a", "ou=c2"),
                Rename("ou=b,ou=a", "ou=b2"),
                Rename("ou=a", "ou=a2"),
            ],
            &[Move("ou=c2,ou=b2,ou=a2", "ou=c", "BASE")],
        ],
    },
    Case {
        name: "swapped",
        filter: PERSON,
        setup: &[
            "ou=a",
            "ou=b",
            "uid=1,ou=a",
            "uid=2,ou=a",
            "uid=1,ou=b",
            "uid=3,ou=b",
            "uid=4,uid=1,ou=a",
            "uid=4,uid=1,ou=b",
        ],
        steps: &[&[
            Rename("ou=a", "ou=tmp"),
            Rename("ou=b", "ou=a"),
            Rename("ou=tmp", "ou=b"),
        ]],
    },
    Case {
        name: "renamed, a new one in its place",
        filter: PERSON,
        setup: &["ou=a", "uid=1,ou=a", "uid=2,ou=a", "uid=9"],
        steps: &[&[
            Rename("ou=a", "ou=b"),
            Add("ou=a"),
            Add("uid=1,ou=a"),
            Add("uid=3,ou=a"),
        ]],
    },
    Case {
        name: "renamed, then a new one below",
        filter: PERSON,
        setup: &["ou=a", "uid=1,ou=a", "uid=2,ou=a"],
        steps: &[&[
            Rename("ou=a", "ou=b"),
            Add("uid=3,ou=b"),
            Rename("uid=2,ou=b", "uid=22"),
        ]],
    },
    Case {
        name: "learned late, then renamed",
        filter: PERSON,
        setup: &["uid=9"],
        steps: &[
            &[Add("ou=a"), Add("ou=b,ou=a"), Add("uid=1,ou=b,ou=a")],
            &[Rename("ou=a", "ou=c")],
            &[Delete("uid=1,ou=b,ou=c"), Rename("ou=c", "ou=d")],
            &[Add("uid=1,ou=b,ou=d"), Rename("ou=d", "ou=e")],
        ],
    },
    Case {
        name: "a parent leaves the filter and comes back",
        filter: KEEP,
        setup: &["uid=p", "uid=1,uid=p", "uid=2,uid=p", "uid=9"],
        steps: &[
            &[Describe("uid=p", "drop")],
            &[Rename("uid=p", "uid=q")],
            &[Describe("uid=q", "keep")],
            &[
                Describe("uid=q", "drop"),
                Rename("uid=q", "uid=r"),
                Describe("uid=r", "keep"),
            ],
        ],
    },
    Case {
        name: "a parent leaves the filter, renamed at once, and leaves the base",
        filter: KEEP,
        setup: &["uid=p", "uid=1,uid=p", "uid=2,uid=p", "uid=9"],
        steps: &[
            &[Describe("uid=p", "drop"), Rename("uid=p", "uid=q")],
            &[Move("uid=q", "uid=q2", "OUT")],
        ],
    },
    Case {
        name: "the renamed parent moves on into another",
        filter: PERSON,
        setup: &["ou=a", "ou=b", "uid=1,ou=a", "uid=2,ou=b"],
        steps: &[&[
            Rename("ou=a", "ou=c"),
            Move("ou=c", "ou=c", "ou=b,BASE"),
            Rename("ou=b", "ou=a"),
        ]],
    },
];

pub fn base(number: usize) -> String {
    format!("ou=base{number},{SUFFIX}")
}

pub fn entry(dn: &str) -> String {
    let (rdn, _) = dn.split_once(',').expect("an RDN");
    let (kind, value) = rdn.split_once('=').expect("a value");
    match kind {
        "ou" => {
            format!("dn: {dn}\nchangetype: add\nobjectClass: organizationalUnit\nou: {value}\n")
        }
        _ => format!(
            "dn: {dn}\nchangetype: add\nobjectClass: inetOrgPerson\nuid: {value}\n\
             cn: Person {value}\nsn: {value}\ndescription: keep\n"
        ),
    }
}

pub fn moved(dn: &str, rdn: &str, above: Option<&str>) -> String {
    let above = above.map_or(String::new(), |dn| format!("newsuperior: {dn}\n"));
    format!("dn: {dn}\nchangetype: modrdn\nnewrdn: {rdn}\ndeleteoldrdn: 1\n{above}")
}

impl Step {
    pub fn ldif(&self, base: &str, out: &str) -> String {
        let at = |rdns: &str| format!("{rdns},{base}");
        match self {
            Rename(rdns, rdn) => moved(&at(rdns), rdn, None),
            Move(rdns, rdn, above) => {
                let above = above.replace("BASE", base).replace("OUT", out);
                moved(&at(rdns), rdn, Some(&above))
            }
            Add(rdns) => entry(&at(rdns)),
            Describe(rdns, value) => format!(
                "dn: {}\nchangetype: modify\nreplace: description\ndescription: {value}\n-\n",
                at(rdns)
            ),
            Delete(rdns) => format!("dn: {}\nchangetype: delete\n", at(rdns)),
        }
    }
}
