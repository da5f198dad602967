//! The output of `LoggingCallback`.

use syncrepl_client::LoggingCallback;
use syncrepl_testing::ldif;
use syncrepl_testing::slapd::{ADMIN, PASSWORD, SUFFIX};

use crate::common::{Fixture, delete, describe, dn, person, refresh, rename};

fn logged(fixture: &Fixture, contents: bool) -> String {
    let mut out = Vec::new();
    fixture.refresh(LoggingCallback::new(&mut out).contents(contents));
    String::from_utf8(out).unwrap()
}

#[test]
fn event_is_a_paragraph() {
    let fixture = Fixture::with(&[]);
    let photo = ldif::line(
        "jpegPhoto",
        [
            0xff, 0xd8, 0xff, 0xe0, 0, 0x10, b'J', b'F', b'I', b'F', 0, 0xff, 0xd9,
        ],
    );
    fixture.change(&(person("ann").trim_end().to_owned() + "\n" + &photo));
    let text = logged(&fixture, false);
    for part in [
        "BOUND: anonymous\n",
        &format!("NEW RECORD: {SUFFIX}\n"),
        &format!("NEW RECORD: {}\n", dn("ann")),
        "  mail: ann@example.com\n",
        "  jpegPhoto: (13 bytes)\n",
        "REFRESH DONE: 3 entries\n",
        "NEW COOKIE: rid=",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    assert!(!text.contains("\nRECORD: "), "{text}");

    fixture.change(&(person("bob") + &describe("ann", "old")));
    logged(&fixture, false);
    fixture.change(&(describe("ann", "new") + &rename(&dn("ann"), "uid=anna") + &delete("bob")));
    let text = logged(&fixture, false);
    for part in [
        format!("DELETED RECORD: {}\n", dn("bob")),
        format!("RENAMED RECORD: {}\n  -> {}\n", dn("ann"), dn("anna")),
        format!("CHANGED RECORD: {}\n", dn("anna")),
    ] {
        assert!(text.contains(&part), "{part:?} is not in\n{text}");
    }
    for line in [
        "  -uid: ann",
        "  +uid: anna",
        "  -description: old",
        "  +description: new",
    ] {
        assert!(
            text.lines().any(|l| l == line),
            "{line:?} is not in\n{text}"
        );
    }
    assert!(
        !text.contains("mail"),
        "what did not change is not shown\n{text}"
    );
}

#[test]
fn terminal_controls_are_escaped() {
    let fixture = Fixture::with(&["ann"]);
    fixture.change(&describe(
        "ann",
        "\u{1b}[31mred\nNEW RECORD: forged\u{202e}\u{7}",
    ));
    let text = logged(&fixture, true);
    assert!(!text.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{text:?}");
    let shown = "description: \\u{1b}[31mred\\nNEW RECORD: forged\\u{202e}\\u{7}\n";
    assert_eq!(text.matches(shown).count(), 2, "{text}");
    assert!(!text.contains("\nNEW RECORD: forged"), "{text}");
}

#[test]
fn contents_only_when_asked_for() {
    let fixture = Fixture::with(&["ann"]);
    logged(&fixture, false);
    let text = logged(&fixture, true);
    assert!(!text.contains("NEW RECORD"), "{text}");
    let records: Vec<_> = text.lines().filter(|l| l.starts_with("RECORD: ")).collect();
    let expected = [SUFFIX.to_owned(), format!("ou=people,{SUFFIX}"), dn("ann")];
    assert_eq!(records, expected.map(|dn| format!("RECORD: {dn}")));
    assert!(text.find("REFRESH DONE") < text.find("RECORD: "), "{text}");
}

#[test]
fn log_names_identity() {
    let fixture = Fixture::with(&[]);
    let mut out = Vec::new();
    let credentials = syncrepl_client::Credentials::simple(ADMIN, PASSWORD);
    let logging = LoggingCallback::new(&mut out);
    refresh(fixture.builder(logging).credentials(credentials)).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.starts_with(&format!("BOUND: dn:{ADMIN}\n")), "{text}");
    assert!(!text.contains(PASSWORD), "{text}");
}
