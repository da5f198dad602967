//! Change records in LDIF, applied by `ldapmodify` to another server: the same directory again.

mod common;

use common::PATIENCE;
use common::outcome::{Data, Outcome, command};
use syncrepl_testing::judge::{self, Directory};
use syncrepl_testing::process::Run;
use syncrepl_testing::scenarios::scenarios;
use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};
use syncrepl_testing::workload::{Options, Workload};

const ROUNDS: usize = 6;
const CHANGES: usize = 100;
const PEOPLE: usize = 50;

fn seed() -> u64 {
    std::env::var("SYNCREPL_SEED").map_or_else(
        |_| fastrand::u64(..),
        |seed| seed.parse().expect("SYNCREPL_SEED is a number"),
    )
}

/// The source, what was printed of it, and a server that is given nothing else.
struct Pair {
    source: Slapd,
    target: Slapd,
    data: Data,
}

impl Pair {
    fn new(variant: Variant) -> Pair {
        Pair {
            source: Slapd::start(variant),
            target: Slapd::builder(Variant::Plain).empty().start(),
            data: Data::new(),
        }
    }

    fn arguments(&self, subcommand: &str) -> Vec<String> {
        let mut arguments = self.data.sync(subcommand, &self.source.url());
        let format = arguments.iter().position(|word| word == "json");
        arguments[format.expect("a format")] = "ldif".to_owned();
        arguments
    }

    fn refresh(&self) -> String {
        let refresh = Outcome::run(&self.arguments("refresh"));
        refresh.assert_done();
        refresh.stdout
    }

    fn apply(&self, text: &str) {
        if let Err(error) = self.target.ldapmodify(text) {
            let path = std::env::temp_dir().join("syncrepl-refused.ldif");
            std::fs::write(&path, text).expect("writing the LDIF");
            panic!("refused: {error}\nthe LDIF is {}", path.display());
        }
    }

    fn assert_same(&self) {
        let [source, target] = [&self.source, &self.target].map(content);
        judge::assert_same("source", &source, "target", &target);
    }
}

/// By DN: the other server gives entryUUIDs of its own.
fn content(server: &Slapd) -> Directory {
    let found = server.search(SUFFIX, "(objectClass=*)", &[]);
    let entries = found.by_dn().into_iter();
    Directory {
        entries: entries
            .map(|(dn, entry)| (format!("dn:{dn}"), entry))
            .collect(),
        references: found.references,
    }
}

fn by_refresh(variant: Variant) {
    let pair = Pair::new(variant);
    let options = Options {
        referrals: false,
        ..Options::ALL
    };
    let mut workload = Workload::new(seed(), options);
    println!("SYNCREPL_SEED={}", workload.seed());
    workload.populate(&pair.source, PEOPLE);
    for round in 0..=ROUNDS {
        println!("round {round}");
        pair.apply(&pair.refresh());
        pair.assert_same();
        workload.round(&pair.source, CHANGES);
    }
}

#[test]
fn a_workload_by_refresh() {
    by_refresh(Variant::Plain);
}

#[test]
fn a_workload_by_refresh_on_sessionlog() {
    by_refresh(Variant::SessionLog);
}

#[test]
fn a_workload_by_follow() {
    let pair = Pair::new(Variant::Plain);
    let options = Options {
        referrals: false,
        ..Options::ALL
    };
    let mut workload = Workload::new(seed(), options);
    println!("SYNCREPL_SEED={}", workload.seed());
    workload.populate(&pair.source, PEOPLE);
    let mut follow = Run::command(&mut command(&pair.arguments("follow")));
    for round in 0..ROUNDS {
        println!("round {round}");
        workload.round(&pair.source, CHANGES);
    }
    let end = format!("dn: ou=the end,{SUFFIX}");
    let marker = format!("{end}\nchangetype: add\nobjectClass: organizationalUnit\nou: the end\n");
    pair.source.ldapmodify(&marker).expect("the last change");
    follow.wait_for_line(|line| line == end, PATIENCE);
    follow.signal("TERM");
    assert!(follow.wait_exit(PATIENCE).success());
    let output = follow.output();
    assert_eq!(output.matches("version: 1\n").count(), 1);
    pair.apply(&output);
    pair.assert_same();
}

#[test]
fn every_scenario() {
    for scenario in scenarios() {
        println!("scenario: {}", scenario.name);
        let pair = Pair::new(Variant::Plain);
        pair.source
            .ldapmodify(&scenario.setup_ldif)
            .expect("the setup applies");
        pair.apply(&pair.refresh());
        pair.assert_same();
        for change in &scenario.changes {
            pair.source.ldapmodify(change).expect("the change applies");
        }
        pair.apply(&pair.refresh());
        pair.assert_same();
    }
}

/// What one refresh prints of these changes.
fn printed(setup: &str, changes: &str) -> (Pair, String) {
    let pair = Pair::new(Variant::Plain);
    pair.source.ldapmodify(setup).expect("the setup applies");
    pair.apply(&pair.refresh());
    pair.source.ldapmodify(changes).expect("the changes apply");
    let text = pair.refresh();
    pair.apply(&text);
    pair.assert_same();
    (pair, text)
}

/// Without the lines that differ from run to run.
fn lines(text: &str) -> Vec<&str> {
    let kept = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    kept.collect()
}

fn unit(name: &str, above: &str) -> String {
    let name = name.trim();
    format!(
        "\ndn: ou={name},{above}\nchangetype: add\nobjectClass: organizationalUnit\nou: {name}\n"
    )
}

fn modrdn(dn: &str, rdn: &str, above: &str) -> String {
    format!(
        "\ndn: {dn}\nchangetype: modrdn\nnewrdn: {rdn}\ndeleteoldrdn: 1\nnewsuperior: {above}\n"
    )
}

#[test]
fn each_kind_of_change_to_the_letter() {
    let person = format!(
        "dn: cn=Ann,{SUFFIX}\nchangetype: add\nobjectClass: inetOrgPerson\ncn: Ann\nsn: A\n\
         mail: one@example.com\nmail: two@example.com\nmail: three@example.com\njpegPhoto:: /9j/4A==\n\
         title: a\ndescription: was\n"
    );
    let (_, text) = printed(
        &(person
            + &unit("a", SUFFIX)
            + &unit("below", &format!("ou=a,{SUFFIX}"))
            + &unit("gone", SUFFIX)),
        &format!(
            "dn: cn=Ann,{SUFFIX}\nchangetype: modify\ndelete: mail\nmail: two@example.com\n-\n\
             delete: title\n-\nadd: l\nl: here\n-\nreplace: jpegPhoto\njpegPhoto:: /9j/4Q==\n-\n\
             replace: description\ndescription: is\n\n\
             dn: cn=Ann,{SUFFIX}\nchangetype: modrdn\nnewrdn: cn=Anna\ndeleteoldrdn: 0\n\
             newsuperior: ou=below,ou=a,{SUFFIX}\n\n\
             dn: ou=gone,{SUFFIX}\nchangetype: delete\n{}",
            modrdn(&format!("ou=a,{SUFFIX}"), "ou=b", SUFFIX)
        ),
    );
    assert_eq!(
        lines(&text),
        [
            "version: 1",
            "dn: ou=gone,dc=example,dc=com",
            "changetype: delete",
            "dn: ou=a,dc=example,dc=com",
            "changetype: modrdn",
            "newrdn: ou=b",
            "deleteoldrdn: 1",
            "dn: cn=Ann,dc=example,dc=com",
            "changetype: modrdn",
            "newrdn: cn=Anna",
            "deleteoldrdn: 0",
            "newsuperior: ou=below,ou=b,dc=example,dc=com",
            "dn: cn=Anna,ou=below,ou=b,dc=example,dc=com",
            "changetype: modify",
            "replace: description",
            "description: is",
            "-",
            "replace: jpegPhoto",
            "jpegPhoto:: /9j/4Q==",
            "-",
            "add: l",
            "l: here",
            "-",
            "delete: mail",
            "mail: two@example.com",
            "-",
            "delete: title",
            "-",
        ]
    );
    assert_eq!(text.matches("\n# entryUUID: ").count(), 4);
}

/// A name that takes one value only cannot keep the old one; and two that swap need a third name.
#[test]
fn names_of_one_value_swap() {
    let domain = |name: &str| {
        format!(
            "\ndn: dc={name},{SUFFIX}\nchangetype: add\nobjectClass: organization\nobjectClass: dcObject\no: {name}\ndc: {name}\n"
        )
    };
    let below = |name: &str| unit("below", &format!("dc={name},{SUFFIX}"));
    let rename =
        |from: &str, to: &str| modrdn(&format!("dc={from},{SUFFIX}"), &format!("dc={to}"), SUFFIX);
    let (_, text) = printed(
        &(domain("a") + &domain("b") + &below("a") + &below("b")),
        &(rename("a", "c") + &rename("b", "a") + &rename("c", "b")),
    );
    assert_eq!(text.matches("changetype: modrdn").count(), 3, "{text}");
    assert_eq!(text.matches("changetype: ").count(), 3, "{text}");
}

/// The old name is the last value of an attribute that an object class requires: it is deleted once
/// another is there, or the class is gone.
#[test]
fn a_name_that_is_required() {
    let (cn, dc) = (format!("cn=a,{SUFFIX}"), format!("dc=a,{SUFFIX}"));
    let (_, text) = printed(
        &format!(
            "dn: {cn}\nchangetype: add\nobjectClass: inetOrgPerson\ncn: a\nsn: a\n\n\
             dn: {dc}\nchangetype: add\nobjectClass: organization\nobjectClass: dcObject\n\
             o: o\ndc: a\n"
        ),
        &format!(
            "dn: {cn}\nchangetype: modify\nadd: cn\ncn: b\n-\nadd: uid\nuid: u\n{}\n\
             dn: {dc}\nchangetype: modrdn\nnewrdn: o=o\ndeleteoldrdn: 0\n\n\
             dn: o=o,{SUFFIX}\nchangetype: modify\ndelete: dc\n-\n\
             delete: objectClass\nobjectClass: dcObject\n",
            modrdn(&cn, "uid=u", SUFFIX)
        ),
    );
    assert_eq!(text.matches("deleteoldrdn: 0").count(), 2, "{text}");
}

/// The new name is of an attribute that came with an object class.
#[test]
fn a_name_that_was_not_allowed() {
    let o = format!("o=o,{SUFFIX}");
    let (_, text) = printed(
        &format!("dn: {o}\nchangetype: add\nobjectClass: organization\no: o\ndescription: was\n"),
        &format!(
            "dn: {o}\nchangetype: modify\nadd: objectClass\nobjectClass: dcObject\n-\n\
             add: dc\ndc: a\n-\nreplace: description\ndescription: is\n\n\
             dn: {o}\nchangetype: modrdn\nnewrdn: dc=a\ndeleteoldrdn: 0\n"
        ),
    );
    assert_eq!(text.matches("changetype: ").count(), 3, "{text}");
}

/// The one above and the one below change places.
#[test]
fn parent_and_child_change_places() {
    let top = format!("ou=a,{SUFFIX}");
    let inner = format!("ou=b,{top}");
    printed(
        &(unit("a", SUFFIX) + &unit("b", &top) + &unit("leaf", &inner)),
        &(modrdn(&inner, "ou=b", SUFFIX) + &modrdn(&top, "ou=a", &format!("ou=b,{SUFFIX}"))),
    );
}

/// Of an entry that stays where it was, below another one of that name, nothing is told; but a
/// directory would move or miss it.
#[test]
fn one_that_stays_below_another_of_that_name() {
    let (a, b) = (format!("ou=a,{SUFFIX}"), format!("ou=b,{SUFFIX}"));
    let stay = format!("ou=stay,{a}");
    let setup = unit("a", SUFFIX) + &unit("b", SUFFIX) + &unit("stay", &a) + &unit("leaf", &stay);
    let out = modrdn(&stay, "ou=stay", &b);
    printed(
        &setup,
        &(out.clone() + &modrdn(&a, "ou=c", SUFFIX) + &modrdn(&b, "ou=a", SUFFIX)),
    );
    printed(
        &setup,
        &(out + &format!("\ndn: {a}\nchangetype: delete\n") + &modrdn(&b, "ou=a", SUFFIX)),
    );
}

/// Two units are replaced by new ones of their names, and what was in one is now in the other.
#[test]
fn new_units_and_exchanged_contents() {
    let (a, b, aside) = (
        format!("ou=a,{SUFFIX}"),
        format!("ou=b,{SUFFIX}"),
        format!("ou=aside,{SUFFIX}"),
    );
    let delete = |dn: &str| format!("\ndn: {dn}\nchangetype: delete\n");
    printed(
        &(unit("a", SUFFIX) + &unit("b", SUFFIX) + &unit("x", &a) + &unit("y", &b)),
        &(unit("aside", SUFFIX)
            + &modrdn(&format!("ou=x,{a}"), "ou=x", &aside)
            + &modrdn(&format!("ou=y,{b}"), "ou=y", &aside)
            + &delete(&a)
            + &delete(&b)
            + &unit("a", SUFFIX)
            + &unit("b", SUFFIX)
            + &modrdn(&format!("ou=x,{aside}"), "ou=x", &b)
            + &modrdn(&format!("ou=y,{aside}"), "ou=y", &a)
            + &delete(&aside)),
    );
}

/// Control characters, line ends, what looks like LDIF: read back as they were.
#[test]
fn hostile_names_and_values() {
    const VALUES: [&str; 7] = [
        "\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}",
        "two\nlines\r\n\ndn: cn=forged\nchangetype: delete",
        " led and trailed ",
        ": <file:///etc/passwd",
        "# no comment",
        "-",
        "\u{7f}\t",
    ];
    let dn = format!("cn=line\\0aend\\0d \u{1b}[31mred\u{202e}\\2c,{SUFFIX}");
    let line = |name: &str, value: &str| syncrepl_testing::ldif::line(name, value);
    let mut add = line("dn", &dn) + "changetype: add\nobjectClass: device\n";
    add += &line("cn", "line\nend\r \u{1b}[31mred\u{202e},");
    for value in VALUES {
        add += &line("description", value);
    }
    let mut change = line("dn", &dn) + "changetype: modify\nadd: l\n";
    change += &(line("l", "1\n2") + "-\nreplace: description\n");
    for value in &VALUES[1..] {
        change += &line("description", &format!("{value}."));
    }
    change += &format!(
        "\n{}changetype: modrdn\nnewrdn: cn=a\\0ab\\20\ndeleteoldrdn: 1\n",
        line("dn", &dn)
    );
    let (pair, text) = printed(&add, &change);
    let wild = |text: &str| {
        text.chars()
            .find(|&c| c != '\n' && !(' '..='~').contains(&c))
    };
    assert_eq!(wild(&text), None, "{text:?}");
    let records = syncrepl_testing::ldif::parse(&text).records;
    let kinds: Vec<_> = records
        .iter()
        .map(|record| {
            String::from_utf8_lossy(record.get("changetype").expect("a change")).into_owned()
        })
        .collect();
    assert_eq!(kinds, ["modrdn", "modify"], "{text}");
    let delete = format!("dn: cn=a\\0ab\\20,{SUFFIX}\nchangetype: delete\n");
    pair.source.ldapmodify(&delete).expect("the delete applies");
    let text = pair.refresh();
    assert_eq!(wild(&text), None, "{text:?}");
    pair.apply(&text);
    pair.assert_same();
}

/// Without attributes there is no change record, and nothing that reads as one.
#[test]
fn nothing_to_say_is_said_in_comments() {
    let source = Slapd::start(Variant::Plain);
    let data = Data::new();
    let (path, url) = (data.path(), source.url());
    let words = [
        "refresh", "--data", &path, "-H", &url, "-b", SUFFIX, "--format", "ldif",
    ];
    let first = Outcome::run(&[&words[..], &["(objectClass=*)", "1.1"]].concat());
    assert_eq!(lines(&first.assert_done().stdout), ["version: 1"]);
    assert!(
        first.stdout.contains("\n# dn: dc=example,dc=com\n"),
        "{}",
        first.stdout
    );
    let second = Outcome::run(&["refresh", "--data", &path, "--format", "ldif"]);
    assert_eq!(second.assert_done().stdout, "");
}
