//! One member comes to a large group and one leaves it, in each format.

use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};

use crate::common::outcome::{Data, Outcome};
use crate::{group, member};

/// The output of a refresh about the change, in this format.
fn printed(format: &str, options: &[&str]) -> String {
    let server = Slapd::start(Variant::Plain);
    server.load(&group(5_000));
    let data = Data::of(&server);
    let change = format!(
        "dn: cn=all,{SUFFIX}\nchangetype: modify\nadd: member\nmember: {}\n-\ndelete: member\nmember: {}\n",
        member("new"),
        member("p2500"),
    );
    server.ldapmodify(&change).expect("the change applies");
    let path = data.path();
    let refresh = ["refresh", "--data", &path, "--format", format];
    let refresh = Outcome::run(&[&refresh, options].concat());
    refresh.assert_done().stdout.clone()
}

#[test]
fn json_has_two_values_with_the_option() {
    let text = printed("json", &["--changes"]);
    let change = format!(
        r#""dn":"cn=all,{SUFFIX}","changes":{{"member":{{"removed":["{}"],"added":["{}"]}}}}}}"#,
        member("p2500"),
        member("new")
    );
    assert!(text.contains(&change), "{text}");
    assert!(text.len() < 2_000, "{} bytes", text.len());
    assert!(printed("json", &[]).len() > 300_000);
}

#[test]
fn text_has_two_values() {
    for options in [&[][..], &["--changes"]] {
        let text = printed("text", options);
        let change = format!(
            "CHANGED RECORD: cn=all,{SUFFIX}\n  -member: {}\n  +member: {}\n",
            member("p2500"),
            member("new")
        );
        assert!(text.contains(&change), "{text}");
        assert!(text.len() < 1_000, "{} bytes", text.len());
    }
}

#[test]
fn ldif_has_two_values() {
    for options in [&[][..], &["--changes"]] {
        let text = printed("ldif", options);
        let change = format!(
            "dn: cn=all,{SUFFIX}\nchangetype: modify\ndelete: member\nmember: {}\n-\nadd: member\nmember: {}\n-\n",
            member("p2500"),
            member("new")
        );
        assert!(text.ends_with(&change), "{text}");
        assert!(text.len() < 1_000, "{} bytes", text.len());
    }
}

/// The option may stand in a configuration that prints nothing.
#[test]
fn none_prints_nothing() {
    assert_eq!(printed("none", &["--changes"]), "");
}
