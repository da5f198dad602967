//! The programs of `ldap-utils` as clients: their output and exit codes.

use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use syncrepl_provider::{Provider, RefreshStyle};
use syncrepl_testing::{Run, tools};

const BASE: &str = "dc=example,dc=com";
const SOON: Duration = Duration::from_secs(20);

struct Desk {
    provider: Provider,
}

impl Desk {
    fn new() -> Desk {
        let provider = Provider::builder()
            .refresh_style(RefreshStyle::DeletePhase)
            .entry(
                format!("ou=people,{BASE}"),
                [("objectClass", "organizationalUnit")],
            )
            .entry(
                format!("uid=ann,ou=people,{BASE}"),
                [
                    ("objectClass", "inetOrgPerson"),
                    ("cn", "Ann Lee"),
                    ("cn;lang-de", "Änne"),
                    ("sn", "Lee"),
                    ("mail", "ann@example.com"),
                    ("mail", "lee@example.com"),
                ],
            )
            .start()
            .expect("it starts");
        Desk { provider }
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(tools::find(program));
        command
            .env("LDAPNOINIT", "1")
            .args(["-x", "-H", &self.provider.url()]);
        command.args(arguments);
        command
    }

    /// Runs a program as an anonymous client.
    fn run(&self, program: &str, arguments: &[&str]) -> (i32, String) {
        let output = self.command(program, arguments).output().expect("it runs");
        shown(&output)
    }

    /// Runs a program as the root DN, with this input.
    fn as_root(&self, program: &str, arguments: &[&str], input: &str) -> (i32, String) {
        let (root, password) = self.provider.root();
        let mut child = self
            .command(program, &["-D", &root, "-w", &password])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        let mut stdin = child.stdin.take().expect("stdin is a pipe");
        stdin.write_all(input.as_bytes()).expect("it reads");
        drop(stdin);
        shown(&child.wait_with_output().expect("it ends"))
    }

    /// Runs a program as the root DN; it must succeed.
    #[track_caller]
    fn done(&self, program: &str, arguments: &[&str], input: &str) {
        let (code, text) = self.as_root(program, arguments, input);
        assert_eq!(code, 0, "{program} {arguments:?}: {text}");
    }

    /// The lines of `ldapsearch`, without comments.
    #[track_caller]
    fn search(&self, arguments: &[&str]) -> Vec<String> {
        let mut all = vec!["-LLL", "-o", "ldif-wrap=no", "-b", BASE];
        all.extend(arguments);
        let (code, text) = self.run("ldapsearch", &all);
        assert_eq!(code, 0, "{arguments:?}: {text}");
        text.lines()
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect()
    }
}

fn shown(output: &Output) -> (i32, String) {
    let text = [&output.stdout[..], &output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    (output.status.code().unwrap_or(-1), text)
}

#[test]
fn searches() {
    let desk = Desk::new();
    let ann = format!("dn: uid=ann,ou=people,{BASE}");
    for (filter, found) in [
        ("(uid=ANN)", true),
        ("(mail=lee@*)", true),
        ("(&(objectClass=person)(!(cn=bob)))", true),
        ("(cn:caseExactMatch:=Ann Lee)", true),
        ("(cn:caseExactMatch:=ann lee)", false),
        ("(ou:dn:=people)", true),
        ("(sn>=m)", false),
        ("(givenName=*)", false),
    ] {
        let lines = desk.search(&[filter, "1.1"]);
        assert_eq!(lines.contains(&ann), found, "{filter}: {lines:?}");
    }
    assert_eq!(desk.search(&["-s", "base", "1.1"]), [format!("dn: {BASE}")]);
    assert_eq!(
        desk.search(&["-s", "one", "1.1"]),
        [format!("dn: ou=people,{BASE}")]
    );
    assert_eq!(
        desk.search(&["(uid=ann)", "CN", "hasSubordinates"])[1..],
        [
            "cn: Ann Lee",
            "cn;lang-de:: w4RubmU=",
            "hasSubordinates: FALSE"
        ]
    );
    assert_eq!(
        desk.search(&["(uid=ann)", "cn;lang-de"])[1..],
        ["cn;lang-de:: w4RubmU="]
    );
    assert_eq!(desk.search(&["-A", "(uid=ann)", "mail"])[1..], ["mail:"]);
    let operational = desk.search(&["(ou=people)", "+"]).join("\n");
    for name in [
        "structuralObjectClass: organizationalUnit",
        "entryUUID: ",
        "entryCSN: ",
        "createTimestamp: ",
        "modifyTimestamp: ",
        "entryDN: ou=people,",
        "hasSubordinates: TRUE",
        "subschemaSubentry: cn=Subschema",
    ] {
        assert!(operational.contains(name), "{name} in {operational}");
    }
    let (code, text) = desk.run("ldapsearch", &["-b", BASE, "-z", "1"]);
    assert_eq!(code, 4, "{text}");
    let (code, text) = desk.run("ldapsearch", &["-b", &format!("cn=x,ou=people,{BASE}")]);
    assert!(
        code == 32 && text.contains("matchedDN: ou=people,"),
        "{code} {text}"
    );
    let (code, text) = desk.run("ldapsearch", &["-b", "", "-s", "base", "+"]);
    assert!(
        code == 0 && text.contains("1.3.6.1.4.1.4203.1.9.1.1"),
        "{text}"
    );
}

#[test]
fn updates() {
    let desk = Desk::new();
    desk.done(
        "ldapadd",
        &[],
        &format!(
            "dn: uid=bob,ou=people,{BASE}\nobjectClass: inetOrgPerson\ncn: Bob\nsn: Ray\n\
             jpegPhoto:: /9j/AA==\n\ndn: ou=desks,{BASE}\nobjectClass: organizationalUnit\n"
        ),
    );
    desk.done(
        "ldapmodify",
        &[],
        &format!(
            "dn: uid=bob,ou=people,{BASE}\nchangetype: modify\nadd: mail\nmail: bob@example.com\n\
             -\nreplace: sn\nsn: Lee\n-\nadd: uidNumber\nuidNumber: 7\n-\n\
             increment: uidNumber\nuidNumber: 3\n-\ndelete: jpegPhoto\n-\n"
        ),
    );
    assert_eq!(
        desk.search(&["(uid=bob)"])[1..],
        [
            "objectClass: inetOrgPerson",
            "cn: Bob",
            "uid: bob",
            "mail: bob@example.com",
            "sn: Lee",
            "uidNumber: 10"
        ]
    );
    let desks = format!("ou=desks,{BASE}");
    desk.done(
        "ldapmodrdn",
        &["-r", &format!("uid=bob,ou=people,{BASE}"), "uid=rob"],
        "",
    );
    desk.done(
        "ldapmodrdn",
        &["-s", &desks, &format!("ou=people,{BASE}"), "ou=folk"],
        "",
    );
    assert_eq!(
        desk.search(&["1.1"]),
        [
            format!("dn: {BASE}"),
            format!("dn: ou=desks,{BASE}"),
            format!("dn: ou=folk,ou=desks,{BASE}"),
            format!("dn: uid=ann,ou=folk,ou=desks,{BASE}"),
            format!("dn: uid=rob,ou=folk,ou=desks,{BASE}"),
        ]
    );
    assert_eq!(desk.as_root("ldapdelete", &[&desks], "").0, 66);
    desk.done(
        "ldapdelete",
        &[&format!("uid=rob,ou=folk,ou=desks,{BASE}")],
        "",
    );
    desk.done("ldapdelete", &["-r", &desks], "");
    assert_eq!(desk.search(&["1.1"]), [format!("dn: {BASE}")]);
}

#[test]
fn refusals_have_their_codes() {
    let desk = Desk::new();
    let ann = format!("uid=ann,ou=people,{BASE}");
    let modify = |change: &str| format!("dn: {ann}\nchangetype: modify\n{change}\n");
    for (input, code) in [
        (modify("add: mail\nmail: ANN@example.com"), 20),
        (modify("delete: mail\nmail: x@example.com"), 16),
        (modify("delete: pager"), 16),
        (modify("replace: uid\nuid: other"), 67),
        (modify("delete: objectClass"), 65),
        (modify("replace: entryCSN\nentryCSN: x"), 19),
        (
            format!("dn: {ann}\nchangetype: add\nobjectClass: device\n"),
            68,
        ),
        (
            format!("dn: cn=x,ou=y,{BASE}\nchangetype: add\nobjectClass: device\n"),
            32,
        ),
        (
            "dn: cn=x,dc=other\nchangetype: add\nobjectClass: device\n".to_owned(),
            53,
        ),
        (format!("dn: cn=x,{BASE}\nchangetype: add\nsn: x\n"), 65),
        (
            format!(
                "dn: {ann}\nchangetype: modrdn\nnewrdn: ou=people\ndeleteoldrdn: 1\nnewsuperior: {ann}\n"
            ),
            53,
        ),
    ] {
        let (found, text) = desk.as_root("ldapmodify", &[], &input);
        assert_eq!(found, code, "{input}{text}");
    }
    let (code, text) = desk.run("ldapdelete", &[&ann]);
    assert!(
        code == 8 && text.contains("authentication"),
        "{code} {text}"
    );
    let (root, _) = desk.provider.root();
    assert_eq!(desk.run("ldapwhoami", &["-D", &root, "-w", "wrong"]).0, 49);
    assert_eq!(desk.run("ldapwhoami", &["-D", &root, "-w", ""]).0, 53);
    assert_eq!(desk.run("ldapwhoami", &[]).1, "anonymous\n");
    assert_eq!(
        desk.as_root("ldapwhoami", &[], "").1,
        format!("dn:{root}\n")
    );
    assert_eq!(desk.run("ldapcompare", &[&ann, "sn:LEE"]).0, 6);
    assert_eq!(desk.run("ldapcompare", &[&ann, "sn:lea"]).0, 5);
    assert_eq!(desk.run("ldapcompare", &[&ann, "pager:1"]).0, 16);
    let (code, _) = desk.run("ldapsearch", &["-b", BASE, "-E", "!pr=1/noprompt"]);
    assert_eq!(code, 12, "a critical control that is not known");
}

#[test]
fn referrals() {
    let desk = Desk::new();
    desk.done(
        "ldapadd",
        &["-M"],
        &format!(
            "dn: ou=else,{BASE}\nobjectClass: referral\nobjectClass: extensibleObject\n\
             ref: ldap://other/ou=there,dc=other\n"
        ),
    );
    let lines = desk.search(&["(uid=ann)", "1.1"]);
    assert!(
        lines.contains(&"# refldap://other/ou=there,dc=other??sub".to_owned()),
        "{lines:?}"
    );
    let lines = desk.search(&["-M", "(ou=else)", "ref"]);
    assert_eq!(lines[1..], ["ref: ldap://other/ou=there,dc=other"]);
    let (code, text) = desk.run("ldapsearch", &["-b", &format!("cn=x,ou=else,{BASE}")]);
    assert_eq!(code, 10, "{text}");
    assert!(
        text.contains("ldap://other/cn=x,ou=there,dc=other??sub"),
        "{text}"
    );
    let (code, text) = desk.as_root("ldapdelete", &[&format!("ou=else,{BASE}")], "");
    assert_eq!(code, 10, "{text}");
    desk.done("ldapdelete", &["-M", &format!("ou=else,{BASE}")], "");
}

#[test]
fn refresh_with_cookie_tells_changes() {
    let desk = Desk::new();
    let sync = |cookie: &str| {
        let request = format!("sync=ro{cookie}");
        let arguments = [
            "-o",
            "ldif-wrap=no",
            "-b",
            BASE,
            "-E",
            &request,
            "(objectClass=*)",
            "sn",
        ];
        let (code, text) = desk.run("ldapsearch", &arguments);
        assert_eq!(code, 0, "{text}");
        let cookie = text
            .lines()
            .find_map(|line| line.strip_prefix("# cookie: "));
        (cookie.map(str::to_owned), text)
    };
    let (cookie, text) = sync("");
    assert_eq!(text.matches(" added").count(), 3, "{text}");
    let cookie = cookie.expect("a cookie");
    desk.provider
        .delete(&format!("uid=ann,ou=people,{BASE}"))
        .expect("a delete");
    let changed = [("objectClass", "organizationalUnit")];
    desk.provider
        .add(&format!("ou=new,{BASE}"), changed)
        .expect("an add");
    let (_, text) = sync(&format!("/{cookie}"));
    assert_eq!(text.matches(" added").count(), 1, "{text}");
    assert!(text.contains("dn: ou=new,"), "{text}");
    assert!(text.contains("SyncDone control refreshDeletes=1"), "{text}");
}

#[test]
fn several_clients_receive_changes() {
    let desk = Desk::new();
    let desk = &desk;
    let arguments = [
        "-b",
        BASE,
        "-E",
        "sync=rp",
        "-o",
        "ldif-wrap=no",
        "(sn=Lee)",
    ];
    let watchers: Vec<Run> = (0..3)
        .map(|_| {
            let mut command = Command::new("stdbuf");
            command
                .env("LDAPNOINIT", "1")
                .arg("-oL")
                .arg(tools::find("ldapsearch"));
            command
                .args(["-x", "-H", &desk.provider.url()])
                .args(arguments);
            Run::command(&mut command)
        })
        .collect();
    assert!(desk.provider.wait_persisting(3, SOON));
    thread::scope(|scope| {
        for number in 0..4 {
            scope.spawn(move || {
                let dn = format!("uid=p{number},ou=people,{BASE}");
                let class = "objectClass: inetOrgPerson\ncn: p";
                desk.done("ldapadd", &[], &format!("dn: {dn}\n{class}\nsn: Lee\n"));
                let leave = "changetype: modify\nreplace: sn\nsn: Ray\n";
                desk.done("ldapmodify", &[], &format!("dn: {dn}\n{leave}"));
            });
        }
    });
    for watcher in &watchers {
        for number in 0..4 {
            let dn = format!("dn: uid=p{number},ou=people,{BASE}");
            let added = watcher.wait_for_line(|line| line == dn, SOON);
            watcher.wait_for_line_from(added, |line| line.ends_with(" added"), SOON);
            watcher.wait_for_line_from(added + 1, |line| line == dn, SOON);
        }
        watcher.wait_for_line(|line| line.ends_with(" deleted"), SOON);
    }
    drop(watchers);
    assert!(desk.provider.wait_persisting(0, SOON));
}
