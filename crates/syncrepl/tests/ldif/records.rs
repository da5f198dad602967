//! The records themselves, to the letter.

use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};

use crate::common::outcome::{Data, Outcome};
use crate::{lines, modrdn, printed, unit};

#[test]
fn each_kind_of_change() {
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

/// Values with control characters, with line ends, and with text like LDIF arrive unchanged.
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

/// An entry without attributes is printed as a comment, which no reader takes for a change record.
#[test]
fn entry_without_attributes_is_a_comment() {
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
