//! The output of each subcommand, to the letter.

use syncrepl_testing::judge;
use syncrepl_testing::process::Run;
use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};

use crate::common::PATIENCE;
use crate::common::outcome::{Data, command, people};
use crate::{copy, run, subcommands};

/// A line in which a name stands for each part that differs from run to run.
fn masked(line: &str) -> String {
    let mut line = line.to_owned();
    for (before, mask) in [
        (r#""uuid":""#, "UUID"),
        (r#""cookie":"rid="#, "COOKIE"),
        (r#""store":""#, "STORE"),
        (r#""tag":""#, "TAG"),
        (r#""previous":""#, "PREVIOUS"),
        (r#""next":""#, "TAG"),
        (r#""time":""#, "TIME"),
    ] {
        if let Some(at) = line.find(before).map(|at| at + before.len()) {
            let end = at + line[at..].find('"').expect("a string ends");
            line.replace_range(at..end, mask);
        }
    }
    line
}

const ALL_OPS: [&str; 17] = [
    r#"{"op":"start","commit":0,"store":"STORE","tag":null,"previous":null,"lines":0,"next":"TAG"}"#,
    r#"{"op":"bind","authzid":""}"#,
    r#"{"op":"add","uuid":"UUID","dn":"dc=example,dc=com","attrs":{"dc":["example"],"o":["Example"],"objectClass":["organization","dcObject"]}}"#,
    r#"{"op":"refresh_done","entries":1}"#,
    r#"{"op":"cookie","cookie":"rid=COOKIE"}"#,
    r#"{"op":"commit","commit":1,"tag":"TAG","lines":1,"time":"TIME"}"#,
    r#"{"op":"add","uuid":"UUID","dn":"cn=a,dc=example,dc=com","attrs":{"cn":["a"],"jpegPhoto":[{"base64":"/wA="}],"objectClass":["inetOrgPerson"],"sn":["é"]}}"#,
    r#"{"op":"cookie","cookie":"rid=COOKIE"}"#,
    r#"{"op":"commit","commit":2,"tag":"TAG","lines":1,"time":"TIME"}"#,
    r#"{"op":"change","uuid":"UUID","dn":"cn=a,dc=example,dc=com","old":{"cn":["a"],"jpegPhoto":[{"base64":"/wA="}],"objectClass":["inetOrgPerson"],"sn":["é"]},"attrs":{"cn":["a"],"l":["here"],"objectClass":["inetOrgPerson"],"sn":["é"]}}"#,
    r#"{"op":"cookie","cookie":"rid=COOKIE"}"#,
    r#"{"op":"commit","commit":3,"tag":"TAG","lines":1,"time":"TIME"}"#,
    r#"{"op":"rename","uuid":"UUID","old_dn":"cn=a,dc=example,dc=com","dn":"cn=b,dc=example,dc=com"}"#,
    r#"{"op":"change","uuid":"UUID","dn":"cn=b,dc=example,dc=com","old":{"cn":["a"],"l":["here"],"objectClass":["inetOrgPerson"],"sn":["é"]},"attrs":{"cn":["b"],"l":["here"],"objectClass":["inetOrgPerson"],"sn":["é"]}}"#,
    r#"{"op":"cookie","cookie":"rid=COOKIE"}"#,
    r#"{"op":"commit","commit":4,"tag":"TAG","lines":2,"time":"TIME"}"#,
    r#"{"op":"delete","uuid":"UUID","dn":"cn=b,dc=example,dc=com","old":{"cn":["b"],"l":["here"],"objectClass":["inetOrgPerson"],"sn":["é"]}}"#,
];

#[test]
fn json_of_every_op() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::new();
    let mut follow = Run::command(&mut command(&data.sync("follow", &server.url())));
    let committed = |number: usize| {
        let line = format!(r#"{{"op":"commit","commit":{number},"#);
        follow.wait_for_line(|other| other.starts_with(&line), PATIENCE);
    };
    committed(1);
    let (a, b) = (format!("cn=a,{SUFFIX}"), format!("cn=b,{SUFFIX}"));
    for (number, change) in [
        format!("dn: {a}\nchangetype: add\nobjectClass: inetOrgPerson\ncn: a\nsn:: w6k=\njpegPhoto:: /wA=\n"),
        format!("dn: {a}\nchangetype: modify\ndelete: jpegPhoto\n-\nadd: l\nl: here\n"),
        format!("dn: {a}\nchangetype: modrdn\nnewrdn: cn=b\ndeleteoldrdn: 1\n"),
        format!("dn: {b}\nchangetype: delete\n"),
    ]
    .iter()
    .enumerate()
    {
        server.ldapmodify(change).expect("the change applies");
        committed(number + 2);
    }
    follow.signal("TERM");
    assert!(follow.wait_exit(PATIENCE).success());
    let lines: Vec<String> = follow.lines().iter().map(|line| masked(line)).collect();
    assert_eq!(lines[..ALL_OPS.len()], ALL_OPS);
    assert_eq!(
        lines[ALL_OPS.len() + 1..],
        [r#"{"op":"commit","commit":5,"tag":"TAG","lines":1,"time":"TIME"}"#]
    );
    // One tag for the commits of this run, known beforehand.
    let output = follow.output();
    let (_, next) = output.split_once(r#""next":""#).expect("a tag");
    let tag = format!(r#","tag":"{}""#, &next[..16]);
    assert_eq!(output.matches(&tag).count(), 5, "{output}");
}

fn ops(output: &str) -> Vec<String> {
    output
        .lines()
        .filter(|line| line.contains(r#""op":"start""#) || line.contains(r#""op":"commit""#))
        .map(masked)
        .collect()
}

/// The masked `start` of a file after this many refreshes, up to the last field.
fn start(commits: usize) -> String {
    let (tag, previous) = match commits {
        0 => ("null", "null"),
        1 => (r#""TAG""#, "null"),
        _ => (r#""TAG""#, r#""PREVIOUS""#),
    };
    let lines = u8::from(commits == 1);
    format!(
        r#"{{"op":"start","commit":{commits},"store":"STORE","tag":{tag},"previous":{previous},"lines":{lines},"#
    )
}

#[test]
fn commits_are_counted_over_all_runs() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::new();
    for number in 0..3 {
        let refresh = data.refresh_with(&server, &[]);
        assert_eq!(
            ops(&refresh.assert_done().stdout),
            [
                start(number) + r#""next":"TAG"}"#,
                format!(
                    r#"{{"op":"commit","commit":{},"tag":"TAG","lines":{},"time":"TIME"}}"#,
                    number + 1,
                    u8::from(number == 0)
                ),
            ]
        );
    }
    assert_eq!(ops(&data.dump()), [start(3) + r#""entries":1}"#]);
    // A run that fails makes no commit.
    server.stop();
    let failed = data.refresh_with(&server, &[]);
    assert_eq!(ops(&failed.stdout), [start(3) + r#""next":"TAG"}"#]);
}

#[test]
fn status_and_dump() {
    let server = Slapd::start(Variant::Plain);
    server.load(&people(3));
    let data = Data::new();
    data.refresh_with(&server, &["(objectClass=*)", "cn", "mail"])
        .assert_done();

    let status = run(&data, "status", &["--format", "json"]);
    let status: serde_json::Value =
        serde_json::from_str(&status.assert_done().stdout).expect("JSON");
    let fields: Vec<&str> = status
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    for field in [
        "entries",
        "url",
        "authzid",
        "provider",
        "cookie",
        "last_refresh",
    ] {
        assert!(fields.contains(&field), "no {field} in {status}");
    }
    assert_eq!(status["entries"], 5);
    let url = format!("{}/{SUFFIX}?cn,mail?sub?(objectClass=*)", server.url());
    assert_eq!(status["url"], url);
    assert_eq!(
        (&status["authzid"], &status["provider"]),
        (&"".into(), &"OpenLDAP".into())
    );
    let when = status["last_refresh"].as_str().expect("a time");
    assert!(
        when.len() == 20 && when.ends_with('Z') && when.contains('T'),
        "{when}"
    );
    assert!(
        status["cookie"]
            .as_str()
            .is_some_and(|cookie| cookie.starts_with("rid="))
    );

    let text = run(&data, "status", &[]);
    let words = ["entries:", "5", &url, "anonymous", "OpenLDAP", "csn=", when];
    for word in words {
        assert!(
            text.assert_done().stdout.contains(word),
            "no {word} in {}",
            text.stdout
        );
    }

    let ldif = run(&data, "dump", &[]);
    assert!(ldif.assert_done().stdout.starts_with("version: 1\n\n"));
    let from_ldif = judge::from_ldif(&ldif.stdout);
    judge::assert_same("LDIF", &from_ldif, "JSON", &copy(&data));
    assert_eq!(from_ldif.len(), 5);
}

const HOSTILE: &str =
    "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\r\nDELETED RECORD: dc=example\u{202e}\u{7f}\u{2028}";

/// Characters that nobody sees, or that turn the direction of writing, and are no control characters.
const HIDDEN: &str = "a\u{61c}\u{ad}\u{34f}\u{115f}\u{17b4}\u{180e}\u{2066}\u{3164}\u{fe0f}\u{ffa0}\u{e0041}\u{e0100}b";

fn hostile_server() -> Slapd {
    let server = Slapd::start(Variant::Plain);
    let dn = format!("cn=\u{1b}[31mred\u{202e},{SUFFIX}");
    let line = |name: &str, value: &str| syncrepl_testing::ldif::line(name, value);
    let entry = [
        line("dn", &dn),
        "changetype: add\nobjectClass: device\n".to_owned(),
        line("cn", "\u{1b}[31mred\u{202e}"),
        line("description", HOSTILE),
        line("description", HIDDEN),
        line("description", " begins and ends with a space "),
        line("description", ": <and this"),
        line("serialNumber", "1"),
    ];
    server
        .ldapmodify(&entry.concat())
        .expect("the entry is added");
    server
}

#[test]
fn hostile_values_in_every_format() {
    let server = hostile_server();
    let data = Data::new();
    let words = ["-H", &server.url(), "-b", SUFFIX, "--format", "text"];
    let json = ["-H", &server.url(), "-b", SUFFIX, "--format", "json"];
    let added = run(&data, "refresh", &words);
    let rename = format!(
        "dn: cn=\\1b[31mred\\e2\\80\\ae,{SUFFIX}\nchangetype: modrdn\nnewrdn: cn=\\1b[32mgreen\ndeleteoldrdn: 1\n"
    );
    server.ldapmodify(&rename).expect("the rename applies");
    let renamed = run(&data, "refresh", &words);
    assert!(
        renamed
            .assert_done()
            .stdout
            .contains("RENAMED RECORD: cn=\\"),
        "{}",
        renamed.stdout
    );
    let ldif = run(&data, "dump", &[]);
    let told = run(&Data::new(), "refresh", &json);
    for output in [
        &added.assert_done().stdout,
        &renamed.stdout,
        &ldif.assert_done().stdout,
        &told.assert_done().stdout,
        &data.dump(),
    ] {
        let wild = output
            .chars()
            .find(|&c| c != '\n' && !syncrepl_proto::text::is_printable(c));
        assert_eq!(wild, None, "{output:?}");
        assert!(
            HIDDEN
                .chars()
                .filter(|c| !c.is_ascii())
                .all(|c| !output.contains(c))
        );
        assert!(!output.lines().any(|line| line.starts_with("DELETED")));
    }
    judge::assert_same(
        "LDIF",
        &judge::from_ldif(&ldif.stdout),
        "JSON",
        &copy(&data),
    );
    let search = judge::search(&server.url(), "", "", SUFFIX, "sub", "(objectClass=*)", &[]);
    judge::assert_same("JSON", &copy(&data), "search", &search);
}

#[test]
fn text_and_none() {
    let server = Slapd::start(Variant::Plain);
    let words = ["-H", &server.url(), "-b", SUFFIX, "--format"];
    let text = run(&Data::new(), "refresh", &[&words[..], &["text"]].concat());
    for word in [
        "BOUND: anonymous",
        "NEW RECORD: dc=example,dc=com",
        "  o: Example",
        "REFRESH DONE: 1",
    ] {
        assert!(
            text.assert_done().stdout.contains(word),
            "no {word} in {}",
            text.stdout
        );
    }
    let none = run(&Data::new(), "refresh", &[&words[..], &["none"]].concat());
    assert_eq!(none.assert_done().stdout, "");
}

#[test]
fn more_on_stderr() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::new();
    let quiet = data.refresh_with(&server, &[]);
    let more = data.refresh_with(&server, &["-vv"]);
    assert!(quiet.assert_done().stdout.contains(r#""op":"add""#));
    assert_eq!(more.code, Some(0));
    assert!(
        more.stderr
            .contains(&format!("connecting to {}", server.url())),
        "{}",
        more.stderr
    );
    assert!(!more.stderr.contains('\u{1b}'));
}

#[test]
fn help_teaches() {
    let help = |words: &[&str]| {
        let output = command(words).output().expect("it starts");
        assert_eq!(
            (output.status.code(), output.stderr.len()),
            (Some(0), 0),
            "{words:?}"
        );
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let all = help(&["--help"]);
    for subcommand in subcommands() {
        let text = help(&[&subcommand, "--help"]);
        assert!(
            text.contains(&format!("  syncrepl {subcommand}")),
            "no example: {text}"
        );
        assert!(!text.contains('\u{1b}'));
    }
    assert!(all.contains("Exit codes:"));
    assert!(help(&["--version"]).starts_with("syncrepl "));
    let nothing = command(&[""; 0]).output().expect("it starts");
    assert_eq!(nothing.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&nothing.stderr).contains("refresh"));
}
