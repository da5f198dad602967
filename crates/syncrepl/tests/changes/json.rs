//! The lines of `--changes`, to the letter, and what readers make of them.

use syncrepl_testing::environment::seed;
use syncrepl_testing::judge;
use syncrepl_testing::reader::Reader;
use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};
use syncrepl_testing::workload::{Options, Workload};

use crate::common::outcome::Data;
use crate::common::{Copied, PATIENCE, python};
use crate::group;

/// A server with one person.
fn server() -> Slapd {
    let server = Slapd::start(Variant::Plain);
    let person = format!(
        "dn: cn=Ann,{SUFFIX}\nchangetype: add\nobjectClass: inetOrgPerson\ncn: Ann\nsn: A\ntitle: Clerk\n\
         mail: one@example.com\nmail: two@example.com\ndescription;lang-de: alt\njpegPhoto:: /wA=\n"
    );
    server.ldapmodify(&person).expect("the person is added");
    server
}

/// The lines about changes that a refresh prints, from the DN on.
fn told(data: &Data, server: &Slapd, options: &[&str]) -> Vec<String> {
    let refresh = data.refresh_with(server, options);
    let lines = refresh.assert_done().stdout.lines();
    let lines = lines.filter(|line| line.starts_with(r#"{"op":"change""#));
    let from_dn = |line: &str| line[line.find(r#""dn""#).expect("a DN")..].to_owned();
    lines.map(from_dn).collect()
}

#[test]
fn change_has_the_values_that_went_and_came() {
    let server = server();
    let data = Data::of(&server);
    let dn = format!("cn=Ann,{SUFFIX}");
    let modify = |text: &str| {
        let ldif = format!("dn: {dn}\nchangetype: modify\n{text}");
        server.ldapmodify(&ldif).expect("the change applies");
    };
    modify(
        "add: TELEPHONENUMBER\ntelephonenumber: +49 30 1234\n-\nreplace: title\ntitle: Head\n-\n\
         replace: MAIL\nmail: three@example.com\nmail: one@example.com\n-\n\
         replace: description;LANG-DE\ndescription;LANG-DE: neu\n-\nadd: description\ndescription: new\n-\n\
         replace: jpegPhoto\njpegPhoto:: /wE=\n",
    );
    let expected = concat!(
        r#""dn":"cn=Ann,dc=example,dc=com","changes":{"description":{"added":["new"]},"#,
        r#""description;lang-de":{"removed":["alt"],"added":["neu"]},"#,
        r#""jpegPhoto":{"removed":[{"base64":"/wA="}],"added":[{"base64":"/wE="}]},"#,
        r#""mail":{"removed":["two@example.com"],"added":["three@example.com"]},"#,
        r#""telephoneNumber":{"added":["+49 30 1234"]},"#,
        r#""title":{"removed":["Clerk"],"added":["Head"]}}}"#
    );
    assert_eq!(told(&data, &server, &["--changes"]), [expected]);
    // Another order of values is no change. An attribute that is gone has lost all its values.
    modify(
        "replace: mail\nmail: one@example.com\nmail: three@example.com\n-\ndelete: jpegPhoto\n-\ndelete: title\n",
    );
    let expected = concat!(
        r#""dn":"cn=Ann,dc=example,dc=com","changes":{"jpegPhoto":{"removed":[{"base64":"/wE="}]},"#,
        r#""title":{"removed":["Head"]}}}"#
    );
    assert_eq!(told(&data, &server, &["--changes"]), [expected]);
    // Without the option the next run tells everything again.
    modify("delete: telephoneNumber\n");
    let all = told(&data, &server, &[]);
    assert!(all[0].contains(r#""old":{"#) && all[0].contains(r#""attrs":{"#));
}

#[test]
fn other_lines_are_as_without_the_option() {
    let server = server();
    let whole = [Data::new(), Data::new()];
    let lines = |data: &Data, options: &[&str]| -> Vec<String> {
        let refresh = data.refresh_with(&server, options);
        let lines = refresh.assert_done().stdout.lines();
        let own = |line: &&str| line.contains(r#""uuid""#) && !line.contains(r#""op":"change""#);
        lines.filter(own).map(str::to_owned).collect()
    };
    let both = || {
        let [one, other] = [lines(&whole[0], &[]), lines(&whole[1], &["--changes"])];
        assert_eq!(one, other);
        one.len()
    };
    assert_eq!(both(), 2);
    let dn = format!("cn=Ann,{SUFFIX}");
    let rename = format!("dn: {dn}\nchangetype: modrdn\nnewrdn: cn=Anna\ndeleteoldrdn: 1\n");
    server.ldapmodify(&rename).expect("the rename applies");
    assert_eq!(both(), 1);
    let delete = format!("dn: cn=Anna,{SUFFIX}\nchangetype: delete\n");
    server.ldapmodify(&delete).expect("the delete applies");
    assert_eq!(both(), 1);
}

/// After each commit of `follow` both readers hold what a dump shows: a large group, a rename that changes the name,
/// values that are no text, options, and names in another letter case.
#[test]
fn readers_are_equal_after_each_commit() {
    let server = server();
    server.load(&group(5_000));
    let mut copy = Copied::suffix(&server);
    copy.follow_with(&["--changes"]);
    copy.wait_equal();
    let modify = |dn: &str, text: &str| format!("dn: {dn},{SUFFIX}\nchangetype: modify\n{text}");
    let member = |name: &str| format!("member: uid={name},ou=people,{SUFFIX}\n");
    let changes = [
        modify("cn=all", &format!("add: member\n{}", member("new"))),
        modify("cn=all", &format!("delete: MEMBER\n{}", member("p2500"))),
        modify(
            "cn=all",
            &format!(
                "add: member\n{}-\ndelete: member\n{}{}",
                member("p2500"),
                member("p0"),
                member("p4999")
            ),
        ),
        modify(
            "cn=Ann",
            "add: description;LANG-DE\ndescription;lang-DE: mehr\n",
        ),
        modify(
            "cn=Ann",
            "delete: description;lang-de\n-\nadd: DESCRIPTION\ndescription: x\n",
        ),
        modify(
            "cn=Ann",
            "replace: jpegPhoto\njpegPhoto:: /wE=\njpegPhoto:: AP8=\n",
        ),
        format!("dn: cn=Ann,{SUFFIX}\nchangetype: modrdn\nnewrdn: cn=ann\ndeleteoldrdn: 1\n"),
        modify("cn=ann", "replace: mail\n"),
    ];
    for change in changes {
        let before = copy.reader.commit();
        server.ldapmodify(&change).expect("the change applies");
        let deadline = std::time::Instant::now() + PATIENCE;
        while copy.reader.commit() == before && std::time::Instant::now() < deadline {
            std::thread::yield_now();
            copy.take_output();
        }
        copy.wait_equal();
        copy.assert_python_equal();
    }
    copy.stop();
}

/// An attribute may be spelled another way than in the line before. Nobody is told of that.
#[test]
fn readers_find_a_name_in_another_letter_case() {
    let lines = [
        r#"{"op":"start","commit":0,"store":"s","tag":null,"previous":null,"lines":0,"next":"r"}"#,
        r#"{"op":"add","uuid":"a","dn":"cn=a","attrs":{"cn":["a"],"MEMBER":["x","y",{"base64":"/w=="}]}}"#,
        r#"{"op":"change","uuid":"a","dn":"cn=a","changes":{"Member":{"removed":["x",{"base64":"/w=="}],"added":["z"]}}}"#,
        r#"{"op":"change","uuid":"a","dn":"cn=a","changes":{"CN":{"removed":["a"]},"sn":{"added":["s"]}}}"#,
        r#"{"op":"commit","commit":1,"tag":"r","lines":3}"#,
    ];
    let output = lines.map(|line| format!("{line}\n")).concat();
    let dump = r#"{"op":"start","commit":1,"entries":1}"#.to_owned()
        + "\n"
        + r#"{"uuid":"a","dn":"cn=a","attrs":{"member":["y","z"],"sn":["s"]}}"#
        + "\n";
    let held = python::read(output.as_bytes()).expect("it has the whole history");
    python::assert_same(&held, &dump);
    let mut reader = Reader::new();
    reader.feed(&output);
    reader.assert_clean();
    let copy = judge::from_dump_json(&dump);
    judge::assert_same("reader", &reader.directory(), "dump", &copy);
}

fn workload_by(run: impl Fn(&mut Copied<'_>, usize)) {
    let server = Slapd::start(Variant::SessionLog);
    let mut workload = Workload::new(seed(), Options::ALL);
    workload.populate(&server, 40);
    let mut copy = Copied::suffix(&server);
    for round in 0..4 {
        run(&mut copy, round);
        workload.round(&server, 60);
    }
    run(&mut copy, 4);
    copy.assert_python_equal();
}

/// Runs with the option and without it may alternate.
#[test]
fn workload_by_refresh() {
    workload_by(|copy, round| {
        let options: &[&str] = if round % 3 == 2 { &[] } else { &["--changes"] };
        assert!(copy.try_refresh(options).status.success());
        copy.assert_equal();
        copy.assert_python_equal();
    });
}

#[test]
fn workload_by_follow() {
    workload_by(|copy, round| {
        if round == 0 {
            copy.follow_with(&["--changes"]);
        }
        copy.wait_equal();
        copy.assert_python_equal();
    });
}
