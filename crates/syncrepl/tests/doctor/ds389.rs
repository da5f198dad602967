//! The lines that only 389 Directory Server gets.

use syncrepl_testing::Ds389;
use syncrepl_testing::ds389::{PASSWORD, READER, SUFFIX};

use crate::{assert_fails, assert_line, assert_works, doctor, person, refresh};

const AS_READER: [&str; 4] = ["-D", READER, "-w", PASSWORD];

#[test]
fn healthy_server() {
    let server = Ds389::builder().size_limit(2).start();
    server.ldapmodify(&person("ann")).expect("a person");
    let url = server.url();
    let outcome = doctor(&url, &AS_READER);
    assert_works(&outcome, &url, &AS_READER);
    let (first, last) = server.remembers();
    let changes = format!("{first} to {last}");
    for (topic, words) in [
        ("bind:", &["dn: cn=reader,cn=config"][..]),
        ("server: 389 Directory Server", &["389-Directory/"]),
        ("sync control: advertised, and answers", &[]),
        ("limits: none", &["2 entries"]),
        ("nsUniqueId: entries have it", &[]),
        ("filter: it hides no container", &[]),
        ("changelog:", &[&changes]),
        ("clock: as ours", &[]),
    ] {
        assert_line(&outcome, "✔", topic, words);
    }
    assert_line(
        &outcome,
        "!",
        "cancel: the server does not know it",
        &["nothing to do"],
    );

    // The search leaves entries and attributes out.
    let words = [&AS_READER[..], &["(uid=*)", "cn"]].concat();
    let outcome = doctor(&url, &words);
    assert_works(&outcome, &url, &words);
    assert_line(
        &outcome,
        "!",
        "filter: 389-ds tells changes",
        &["(objectClass=*)", "compared at each start"],
    );
}

#[test]
fn anonymous_bind() {
    let server = Ds389::start();
    let url = server.url();
    let outcome = doctor(&url, &[]);
    assert_fails(
        &outcome,
        3,
        &refresh(&url, SUFFIX, &[]),
        &["(50)", "nobody is bound"],
    );
    assert_line(
        &outcome,
        "✘",
        "sync control:",
        &["nobody is bound", "-D, -W"],
    );
}

#[test]
fn size_limit() {
    let server = Ds389::builder().size_limit(2).start();
    let people = person("ann") + &person("bob");
    server.ldapmodify(&people).expect("two people");
    let url = server.url();
    let outcome = doctor(&url, &AS_READER);
    assert_fails(
        &outcome,
        3,
        &refresh(&url, SUFFIX, &AS_READER),
        &["(4)", "nsSizeLimit"],
    );
    assert_line(
        &outcome,
        "✘",
        "limits:",
        &["nsSizeLimit: -1", "nsLookThroughLimit: -1"],
    );
}

/// The root DSE is hidden. The cookie still shows which server it is, but not how far its changelog goes.
#[test]
fn hidden_root_dse() {
    let server = Ds389::start();
    let rule = "dn:\nchangetype: modify\nadd: aci\naci: (targetattr=\"*\")(version 3.0; acl \"hidden\"; \
                deny (read, search, compare) userdn=\"ldap:///anyone\";)\n";
    server.ldapmodify(rule).expect("a rule");
    let url = server.url();
    let outcome = doctor(&url, &AS_READER);
    assert_works(&outcome, &url, &AS_READER);
    assert_line(&outcome, "!", "server: it hides its root DSE", &["grant"]);
    assert_line(
        &outcome,
        "✔",
        "sync control: hidden in the root DSE, but there",
        &[],
    );
    assert_line(&outcome, "✔", "nsUniqueId: entries have it", &[]);
    let words = ["every refresh compares everything", "firstChangeNumber"];
    assert_line(&outcome, "!", "changelog: it is not shown", &words);
    assert_line(&outcome, "!", "cancel: not shown", &[]);
}

#[test]
fn plugins_are_off() {
    let server = Ds389::builder()
        .without_plugin("Content Synchronization")
        .without_plugin("Retro Changelog Plugin")
        .start();
    let url = server.url();
    let outcome = doctor(&url, &AS_READER);
    let words = ["(12)", "Content Synchronization"];
    assert_fails(&outcome, 3, &refresh(&url, SUFFIX, &AS_READER), &words);
    let words = ["contentsync enable", "retro-changelog enable", "restart"];
    assert_line(&outcome, "✘", "sync control: not advertised", &words);
}

/// As FreeIPA configures the changelog, and shown to an ordinary account or not.
#[test]
fn changelog_that_leaves_changes_out() {
    let line = "nsslapd-include-suffix: cn=dns,dc=example,dc=com";
    let shown = || Ds389::builder().shows_changelog();
    for (builder, sign, topic, words) in [
        (shown(), "✔", "changelog: it leaves nothing out", &[][..]),
        (
            shown().free_ipa(),
            "!",
            "changelog: it leaves changes out",
            &[line, "Retro Changelog Plugin"],
        ),
        (
            Ds389::builder().free_ipa(),
            "!",
            "changelog: not shown",
            &["counts what was written", "targetattr"],
        ),
    ] {
        let server = builder.start();
        let outcome = doctor(&server.url(), &AS_READER);
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        assert_line(&outcome, sign, topic, words);
    }
    // Not even the counters.
    let server = Ds389::start();
    let rule = "dn: cn=monitor\nchangetype: modify\nadd: aci\naci: (targetattr=\"*\")(version 3.0; acl \"hidden\"; \
                deny (read, search, compare) userdn=\"ldap:///anyone\";)\n";
    server.ldapmodify(rule).expect("a rule");
    let outcome = doctor(&server.url(), &AS_READER);
    let words = ["each start compares everything", "targetattr"];
    assert_line(&outcome, "!", "changelog: not shown", &words);
}
