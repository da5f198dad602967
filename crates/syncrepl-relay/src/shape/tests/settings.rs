//! What settings are refused, and which of them are the same.

use std::collections::HashSet;

use crate::shape::{DataForm, Shape, ShapeSettings};

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn renames(names: &[(&str, &str)]) -> ShapeSettings {
    let owned = |(old, new): &(&str, &str)| ((*old).to_owned(), (*new).to_owned());
    ShapeSettings {
        rename: names.iter().map(owned).collect(),
        ..ShapeSettings::default()
    }
}

fn when(text: &str) -> ShapeSettings {
    ShapeSettings {
        when: Some(text.to_owned()),
        ..ShapeSettings::default()
    }
}

fn only(list: &[&str]) -> ShapeSettings {
    ShapeSettings {
        only: Some(names(list)),
        ..ShapeSettings::default()
    }
}

fn masks(mask: &[&str], unmask: &[&str]) -> ShapeSettings {
    ShapeSettings {
        mask: names(mask),
        unmask: names(unmask),
        ..ShapeSettings::default()
    }
}

#[test]
fn what_cannot_be_meant_is_refused_with_its_key_and_what_to_write() {
    let both = ShapeSettings {
        only: Some(names(&["MAIL", "Email"])),
        ..renames(&[("mail", "email")])
    };
    for (settings, key, text) in [
        (when("(cn=a"), "when", "missing ')'"),
        (
            when("(member>=cn=a)"),
            "when",
            "(member>=cn=a) is neither true nor false",
        ),
        (
            when("(&(a=b)(uidNumber=x))"),
            "when",
            "(uidNumber=x) is neither",
        ),
        (when("(a:1.2.3:=x)"), "when", "matching rule is not known"),
        (
            when("(|(a=b)(!(USERPASSWORD=*)))"),
            "when",
            "unmask = [\"userpassword\"]",
        ),
        (when("(2.5.4.35:dn:=x)"), "when", "which is secret"),
        (only(&[]), "only", "data = \"ids\""),
        (only(&["cn;lang-de"]), "only", "write \"cn\""),
        (only(&["*"]), "only", "\"*\" cannot be the name"),
        (masks(&["a b"], &[]), "mask", "\"a b\" cannot be"),
        (masks(&[], &["cn"]), "unmask", "cn is not secret"),
        (
            masks(&["userPassword"], &["USERpassword"]),
            "mask",
            "in `unmask` too",
        ),
        (renames(&[("a", "b"), ("A", "c")]), "rename", "twice"),
        (
            renames(&[("a", "x"), ("b", "X")]),
            "rename",
            "a and b would both be called X",
        ),
        (
            renames(&[("a", "\u{1b}")]),
            "rename",
            "\"\\u{1b}\" cannot be",
        ),
        (both, "rename", "mail and email would both be called email"),
    ] {
        let error = Shape::new(&settings).unwrap_err();
        assert_eq!(error.key(), key);
        let shown = error.to_string();
        assert!(
            shown.starts_with(&format!("`{key}`: ")) && shown.contains(text),
            "{shown}"
        );
    }
    let error = "Full".parse::<DataForm>().unwrap_err();
    assert!(error.to_string().contains("write \"full\""), "{error}");
}

#[test]
fn what_can_be_meant_is_accepted() {
    let tests_secret = ShapeSettings {
        unmask: names(&["userPassword"]),
        ..when("(userPassword=*)")
    };
    let swaps = ShapeSettings {
        only: Some(names(&["a", "b"])),
        ..renames(&[("a", "b"), ("B", "a")])
    };
    for settings in [
        ShapeSettings::default(),
        tests_secret,
        swaps,
        renames(&[("mail", "Mail")]),
        masks(&["mail", "2.5.4.3"], &["krbPrincipalKey"]),
    ] {
        Shape::new(&settings).unwrap();
    }
    for form in DataForm::ALL {
        assert_eq!(form.word().parse::<DataForm>(), Ok(form));
    }
    let shape = Shape::new(&when("(&(CN=a)(mail;x=b)(:caseExactMatch:=c))")).unwrap();
    assert_eq!(shape.tested(), ["cn", "mail"]);
}

#[test]
fn fingerprint_does_not_depend_on_spelling() {
    let same = [
        (ShapeSettings::default(), when("(objectClass=*)")),
        (when("(&(a=b)(c=d))"), when("(&(C=D)(A= b ))")),
        (only(&["cn", "mail"]), only(&["Mail", "CN", "commonName"])),
        (
            masks(&["a", "b"], &["userPassword"]),
            masks(&["B", "a", "A"], &["USERPASSWORD"]),
        ),
        (
            renames(&[("a", "x"), ("B", "y")]),
            renames(&[("b", "y"), ("A", "x")]),
        ),
    ];
    for (one, other) in same {
        let [one, other] = [one, other].map(|of| Shape::new(&of).unwrap().fingerprint());
        assert_eq!(one, other);
    }
    assert_eq!(
        Shape::default().fingerprint(),
        Shape::new(&ShapeSettings::default()).unwrap().fingerprint()
    );
}

#[test]
fn fingerprint_tells_apart_what_sinks_are_told() {
    let data = |data| ShapeSettings {
        data,
        ..ShapeSettings::default()
    };
    let all = [
        ShapeSettings::default(),
        when("(a=b)"),
        when("(b=a)"),
        only(&["a"]),
        only(&["a", "b"]),
        masks(&["a"], &[]),
        masks(&[], &["userPassword"]),
        renames(&[("a", "b")]),
        renames(&[("a", "B")]),
        data(DataForm::Changes),
        data(DataForm::Ids),
    ];
    let texts: HashSet<String> = all
        .iter()
        .map(|settings| Shape::new(settings).unwrap().fingerprint())
        .collect();
    assert_eq!(texts.len(), all.len());
    // It is remembered, so a new form makes every sink wait for a person.
    let fixed = ShapeSettings {
        only: Some(names(&["cn", "mail"])),
        mask: names(&["mail"]),
        ..when("(&(objectClass=Person)(cn=A*))")
    };
    let text = Shape::new(&fixed).unwrap().fingerprint();
    let (text, _secrets) = text.rsplit_once('=').unwrap();
    assert_eq!(
        text,
        "1;when=(&(cn:IgnoreCase=a*)(objectclass:IgnoreCaseclass=person));only=cn,mail;rename=;mask=mail;unmask=;\
         data=full;secrets"
    );
}
