//! The unit and its example: each way to bind that it shows, in the words that systemd makes of it.

use std::collections::BTreeMap;
use std::fs;

use syncrepl_testing::process::Run;
use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};

use crate::common::PATIENCE;
use crate::common::outcome::{Data, command};

const UNIT: &str = include_str!("../../../../packaging/syncrepl@.service");
const EXAMPLE: &str = include_str!("../../../../packaging/example.conf");

/// Cuts a value into words as systemd.service(5) says: quotes hold a word together, and go.
fn words(value: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in value.chars() {
        match quote {
            Some(mark) if c == mark => quote = None,
            None if c == '\'' || c == '"' => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            None if c.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// The words of ExecStart with these variables.
fn exec_start(variables: &BTreeMap<&str, String>) -> Vec<String> {
    let line = UNIT
        .lines()
        .find_map(|line| line.strip_prefix("ExecStart=/usr/bin/syncrepl "));
    let value = |name: &str| variables.get(name).cloned().unwrap_or_default();
    let expand = |word: &str| match word.strip_prefix('$') {
        None => vec![word.to_owned()],
        Some(name) if name.starts_with('{') => {
            let (name, rest) = name[1..].split_once('}').expect("a name in braces");
            vec![value(name) + rest]
        }
        Some(name) => words(&value(name)),
    };
    line.expect("ExecStart")
        .split(' ')
        .flat_map(expand)
        .collect()
}

/// The values of BIND that the example shows, one after the other.
fn shown() -> Vec<&'static str> {
    EXAMPLE
        .lines()
        .filter_map(|line| line.trim_start_matches('#').strip_prefix("BIND=\""))
        .map(|value| value.strip_suffix('"').expect("the end"))
        .collect()
}

fn server() -> Slapd {
    let server = Slapd::builder(Variant::Plain)
        .extra_global(&format!(
            "sasl-auxprops slapd\nsasl-host localhost\npassword-hash {{CLEARTEXT}}\n\
             authz-regexp uid=([^,]*),cn=.*,cn=auth cn=$1,{SUFFIX}"
        ))
        .start();
    let person = |cn: &str| {
        format!(
            "dn: cn={cn},{SUFFIX}\nchangetype: add\nobjectClass: person\ncn: {cn}\nsn: x\n\
             userPassword: first\n\n"
        )
    };
    let ldif = person("reader") + &person("my reader");
    server.ldapmodify(&ldif).expect("somebody to bind as");
    server
}

#[test]
fn each_bind_of_the_example() {
    let server = server();
    let mut told = Vec::new();
    for bind in shown() {
        let data = Data::new();
        let at = |name: &str| data.folder.path().join(name).display().to_string();
        fs::write(at("password"), "first").expect("a credential");
        let variables = BTreeMap::from([
            ("STATE_DIRECTORY", at("")),
            ("LOGS_DIRECTORY", at("")),
            ("FORMAT", "json".to_owned()),
            ("URL", server.url()),
            ("BASE", SUFFIX.to_owned()),
            ("BIND", bind.to_owned()),
            ("FILTER", "(objectClass=person)".to_owned()),
            ("ATTRIBUTES", "cn mail".to_owned()),
            ("OPTIONS", "--max-delete 5%".to_owned()),
        ]);
        let words = exec_start(&variables);
        let mut follow = command(&words);
        let mut run = Run::command(follow.env("CREDENTIALS_DIRECTORY", data.folder.path()));
        if bind.contains("GSSAPI") || bind.contains("EXTERNAL") {
            // Neither a realm nor a certificate is there; the words are understood.
            let code = run.wait_exit(PATIENCE).code();
            let stderr = run.stderr();
            let known = ["Kerberos", "ticket", "NAME.crt", "EXTERNAL", "credential"];
            let about = known.iter().any(|word| stderr.contains(word));
            assert!(about && !stderr.contains("argument"), "{code:?} {stderr}");
            told.push("…".to_owned());
            continue;
        }
        let changes = || fs::read_to_string(at("changes")).unwrap_or_default();
        let committed = || changes().contains(r#""op":"commit""#);
        syncrepl_testing::wait_until(PATIENCE, committed);
        let text = changes();
        let bound = text.lines().find(|line| line.contains(r#""op":"bind""#));
        told.push(bound.expect("a bind").to_owned());
        assert_eq!(text.matches(r#""op":"add""#).count(), 2, "{text}");
        run.signal("TERM");
        assert_eq!(run.wait_exit(PATIENCE).code(), Some(0), "{}", run.stderr());
    }
    let wanted = [
        "dn:cn=reader,",
        "dn:cn=my reader,",
        "dn:cn=reader,",
        "…",
        "…",
        r#""authzid":"""#,
    ];
    assert_eq!(told.len(), wanted.len(), "{told:?}");
    for (told, wanted) in told.iter().zip(wanted) {
        assert!(told.contains(wanted), "{told} is not {wanted}");
    }
}

/// systemd knows nothing of these lines' meaning, so a slip in them would show on a machine only.
#[test]
fn unit_says_what_it_needs() {
    for line in [
        "Type=notify",
        "ExecReload=/bin/sh -c \"kill -HUP $MAINPID\"",
        "LoadCredential=keytab:/etc/syncrepl/%i.keytab",
        "Environment=KRB5_CLIENT_KTNAME=%d/keytab KRB5CCNAME=MEMORY:",
        "RestartPreventExitStatus=2 3 5 6",
        "StandardOutput=null",
    ] {
        assert!(UNIT.lines().any(|of| of == line), "no {line}");
    }
}
