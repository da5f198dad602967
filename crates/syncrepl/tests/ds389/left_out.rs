//! A changelog that leaves changes out, as FreeIPA configures it: the provider tells them live, and never
//! after a break.

use syncrepl_testing::Ds389;
use syncrepl_testing::ds389::{ADMIN, Builder, PASSWORD, SUFFIX};
use syncrepl_testing::environment::{number, seed};
use syncrepl_testing::target::Target;
use syncrepl_testing::wait_until;
use syncrepl_testing::workload::Workload;

use crate::changes::GENTLE;
use crate::common::proxy::Proxy;
use crate::common::{Copied, PATIENCE, text};
use crate::{EVERYTHING, STAFF, apply, at, delete, person, replace, unit};

const CHANGELOG: &str = "cn=Retro Changelog Plugin,cn=plugins,cn=config";
/// The line to change, in words of the warning.
const LINE: &str = "nsslapd-include-suffix: cn=dns,dc=example,dc=com";

/// The server, read by its administrator instead of an ordinary account.
struct ByAdmin<'a>(&'a Ds389);

impl Target for ByAdmin<'_> {
    fn url(&self) -> String {
        self.0.url()
    }

    fn reader(&self) -> Option<(&str, &str)> {
        Some((ADMIN, PASSWORD))
    }

    fn ldapmodify(&self, ldif: &str) -> Result<(), String> {
        self.0.ldapmodify(ldif)
    }
}

/// FreeIPA's configuration, and others that count less.
fn shapes() -> [(&'static str, Builder); 3] {
    [
        ("one count", Ds389::builder().free_ipa().counts_all_writes()),
        ("a count each", Ds389::builder().free_ipa().counts_writes()),
        ("no counts", Ds389::builder().free_ipa()),
    ]
}

/// Starts the server twice: it shows one count for all databases only if these were there at its start.
fn start(builder: Builder) -> Ds389 {
    let server = builder.start();
    server.stop();
    server.start_again();
    server
}

/// Refreshes. Returns what stands on standard error.
fn refresh(copy: &mut Copied<'_>) -> String {
    let deletes = copy.reader.deletes().len();
    let refreshed = copy.try_refresh(&[]);
    let said = text(&refreshed.stderr);
    assert!(refreshed.status.success(), "{said}");
    copy.assert_equal();
    copy.assert_no_phantom_delete(deletes);
    said
}

/// Stops the follower. It may have said that the changelog leaves changes out, and nothing else.
fn stop(copy: &mut Copied<'_>) {
    for line in copy.stop_after_trouble().lines() {
        assert!(line.contains("changelog"), "{line}");
    }
}

fn members(members: &[&String]) -> String {
    let lines: Vec<_> = members.iter().map(|dn| format!("member: {dn}\n")).collect();
    format!(
        "dn: {}\nchangetype: add\nobjectClass: groupOfNames\ncn: all\n{}\n",
        at("cn=all"),
        lines.concat()
    )
}

fn lost_while_away(server: &Ds389, copy: &mut Copied<'_>) {
    let shown_to_admin = copy.server.reader().is_some_and(|(name, _)| name == ADMIN);
    let [ann, bob, cyd, dan, eve] =
        ["ann", "bob", "cyd", "dan", "eve"].map(|uid| at(&format!("uid={uid}")));
    apply(
        server,
        &[&ann, &bob, &cyd, &eve].map(|dn| person(dn, "staff")),
    );
    let said = refresh(copy);
    assert_eq!(said.contains(LINE), shown_to_admin, "{said}");
    // Nothing was written.
    let proxy = Proxy::to(server);
    copy.hosts = Some(proxy.url());
    refresh(copy);
    let sent = proxy.states_answered();
    assert_eq!(refresh(copy).contains(LINE), shown_to_admin);
    assert_eq!(proxy.states_answered(), sent, "nothing was written");
    apply(
        server,
        &[
            replace(&ann, "sn", "away"),
            delete(&bob),
            members(&[&ann, &cyd]),
        ],
    );
    let said = refresh(copy);
    assert!(said.contains("changelog"), "no warning: {said:?}");
    assert!(said.contains("nsslapd-include-suffix"), "{said}");
    // The same while `follow` is down, which has heard of live changes before.
    copy.follow();
    apply(
        server,
        &[person(&bob, "staff"), replace(&ann, "sn", "live")],
    );
    copy.wait_equal();
    stop(copy);
    apply(
        server,
        &[
            replace(&bob, "sn", "away"),
            delete(&ann),
            delete(&at("cn=all")),
        ],
    );
    copy.follow();
    copy.wait_equal();
    stop(copy);
    // A change that the changelog does keep, and then one that it does not.
    copy.follow();
    apply(
        server,
        &[replace(&cyd, "sn", "live"), person(&dan, "staff")],
    );
    copy.wait_equal();
    stop(copy);
    let dns = unit("ou=dns,dc=example,dc=com").replace("ou=dns,", "cn=dns,");
    let dns = dns.replace(
        "ou: dns\n",
        "ou: dns\nobjectClass: extensibleObject\ncn: dns\n",
    );
    apply(server, &[dns, delete(&dan)]);
    refresh(copy);
    // A restart of the server, with changes before and after.
    apply(server, &[delete(&cyd)]);
    server.stop();
    server.start_again();
    refresh(copy);
    apply(server, &[person(&cyd, "staff"), delete(&bob), delete(&cyd)]);
    refresh(copy);
    copy.hosts = None;
    refresh(copy);
    copy.assert_equal();
}

#[test]
fn changes_left_out_are_found_after_a_break() {
    for (shape, builder) in shapes() {
        for (filter, by_admin) in [(EVERYTHING, false), (STAFF, false), (EVERYTHING, true)] {
            println!("{shape}, {filter}, by the administrator: {by_admin}");
            let server = start(builder.clone());
            let admin = ByAdmin(&server);
            let target: &dyn Target = if by_admin { &admin } else { &server };
            lost_while_away(&server, &mut Copied::of(target, SUFFIX, filter));
        }
    }
}

/// A failed request takes one away from lastUsn, so that it stands where it was although something was
/// written.
#[test]
fn failed_request_hides_a_write_from_the_count() {
    for (shape, builder) in shapes() {
        println!("{shape}");
        let server = start(builder);
        let [ann, bob] = ["uid=ann", "uid=bob"].map(at);
        apply(&server, &[&ann, &bob].map(|dn| person(dn, "staff")));
        let mut copy = Copied::suffix(&server);
        refresh(&mut copy);
        for change in [replace(&ann, "sn", "away"), delete(&bob)] {
            apply(&server, &[change]);
            let missing = replace(&at("uid=nobody"), "sn", "x");
            server.ldapmodify(&missing).expect_err("no such entry");
            refresh(&mut copy);
        }
    }
}

/// The administrator mends the line. It counts from the next start of the server on, and from then on
/// changes only are sent.
#[test]
fn mended_line_counts_after_a_restart() {
    let server = Ds389::builder()
        .free_ipa()
        .counts_all_writes()
        .shows_changelog();
    let server = server.start();
    let [ann, bob, cyd] = ["uid=ann", "uid=bob", "uid=cyd"].map(at);
    apply(&server, &[&ann, &bob, &cyd].map(|dn| person(dn, "staff")));
    let mut copy = Copied::suffix(&server);
    let proxy = Proxy::to(&server);
    copy.hosts = Some(proxy.url());
    assert!(refresh(&mut copy).contains(LINE));
    let mend =
        format!("dn: {CHANGELOG}\nchangetype: modify\ndelete: nsslapd-include-suffix\n-\n\n");
    apply(&server, &[mend, delete(&ann)]);
    assert!(refresh(&mut copy).contains("changelog"));
    apply(&server, &[replace(&bob, "sn", "away")]);
    server.stop();
    server.start_again();
    refresh(&mut copy);
    for value in ["one", "two"] {
        let sent = proxy.states_answered();
        apply(&server, &[replace(&bob, "sn", value)]);
        assert_eq!(refresh(&mut copy), "");
        assert_eq!(
            proxy.states_answered() - sent,
            1,
            "more than the change was sent"
        );
    }
}

/// Other lines that leave changes out, and some that do not matter.
#[test]
fn lines_that_matter() {
    let include = |suffix: &str| format!("nsslapd-include-suffix: {suffix}");
    let exclude = |suffix: &str| format!("nsslapd-exclude-suffix: {suffix}");
    let without = "nsslapd-exclude-attrs: description".to_owned();
    for (line, attributes, matters) in [
        (include(SUFFIX), vec![], false),
        (include(&at("ou=people")), vec![], true),
        (exclude("dc=other"), vec![], false),
        (exclude(&at("ou=other")), vec![], true),
        (without.clone(), vec![], true),
        (without, vec!["sn"], false),
    ] {
        println!("{line} {attributes:?}");
        let server = Ds389::builder().shows_changelog();
        let server = server.plugin_lines("Retro Changelog Plugin", &line).start();
        apply(&server, &[person(&at("uid=ann"), "staff")]);
        let mut copy = Copied::suffix(&server);
        copy.attributes = attributes;
        let said = refresh(&mut copy);
        assert_eq!(said.contains(&line), matters, "{said:?}");
        assert!(matters || said.is_empty(), "{said}");
        apply(&server, &[replace(&at("uid=ann"), "description", "away")]);
        refresh(&mut copy);
        apply(&server, &[replace(&at("uid=ann"), "sn", "away")]);
        refresh(&mut copy);
    }
}

/// The changelog keeps everything, and this account may not read that. The counters show it, also while the
/// server writes memberOf by itself.
#[test]
fn whole_changelog_is_believed_by_the_counters() {
    for builder in [
        Ds389::builder(),
        Ds389::builder().counts_writes().plugin("MemberOf Plugin"),
        Ds389::builder()
            .counts_all_writes()
            .plugin("MemberOf Plugin"),
    ] {
        let lines = "memberOfAutoAddOC: nsMemberOf";
        let server = start(builder.plugin_lines("MemberOf Plugin", lines));
        let people: Vec<_> = (0..20).map(|n| at(&format!("uid=p{n}"))).collect();
        let all: Vec<_> = people.iter().map(|dn| person(dn, "staff")).collect();
        apply(&server, &all);
        let mut copy = Copied::suffix(&server);
        let proxy = Proxy::to(&server);
        copy.hosts = Some(proxy.url());
        assert_eq!(refresh(&mut copy), "");
        let add = members(&[&people[0], &people[1]]);
        for change in [add, delete(&people[5]), delete(&at("cn=all"))] {
            let sent = proxy.states_answered();
            apply(
                &server,
                &[change.clone(), replace(&people[2], "sn", "away")],
            );
            assert_eq!(refresh(&mut copy), "");
            let sent = proxy.states_answered() - sent;
            assert!(sent < 10, "everything was sent: {sent}, {change}");
        }
    }
}

/// Neither the configuration nor a counter is shown.
#[test]
fn all_is_compared_where_nothing_is_shown() {
    let server = start(Ds389::builder().free_ipa().counts_all_writes());
    let hide = |dn: &str| {
        format!(
            "dn: {dn}\nchangetype: modify\nadd: aci\naci: (targetattr=\"*\")(version 3.0; acl \"hidden\"; \
             deny (read, search, compare) userdn=\"ldap:///anyone\";)\n-\n\n"
        )
    };
    let dn = |number: usize| at(&format!("uid=p{number}"));
    apply(&server, &[0, 1, 2, 3, 4].map(|n| person(&dn(n), "staff")));
    let mut copy = Copied::suffix(&server);
    refresh(&mut copy);
    // First only the counters, then the whole root DSE, by which the server is recognised too.
    for (number, hidden) in ["cn=monitor", ""].into_iter().enumerate() {
        apply(&server, &[hide(hidden)]);
        for number in [number, number + 2] {
            apply(&server, &[delete(&dn(number))]);
            let said = refresh(&mut copy);
            assert!(
                said.contains("everything is compared at each start"),
                "{said:?}"
            );
        }
    }
}

fn workload(filter: &str, by_admin: bool, builder: Builder) {
    let server = start(builder);
    let admin = ByAdmin(&server);
    let target: &dyn Target = if by_admin { &admin } else { &server };
    let mut workload = Workload::new(seed(), GENTLE);
    workload.populate(&server, 40);
    let mut refreshed = Copied::of(target, SUFFIX, filter);
    let mut following = Copied::of(target, SUFFIX, filter);
    following.follow();
    for round in 0..=number("SYNCREPL_ROUNDS").unwrap_or(5) {
        println!("round {round}");
        refresh(&mut refreshed);
        following.wait_equal();
        match round % 4 {
            1 => stop(&mut following),
            3 => following.kill(),
            _ => {}
        }
        for change in workload.round(&server, 60) {
            println!("{change}");
        }
        if round == 2 {
            server.stop();
            server.start_again();
            let up = |line: &str| line.contains("up to date again");
            following.follower().wait_for_stderr(up, PATIENCE);
        }
        if round % 2 == 1 {
            following.follow();
        }
    }
    following.wait_equal();
    following.kill();
    refresh(&mut following);
}

#[test]
fn random_changes_to_everything() {
    let [(_, builder), ..] = shapes();
    workload(EVERYTHING, false, builder);
}

#[test]
fn random_changes_to_everything_by_the_administrator() {
    let [_, (_, builder), _] = shapes();
    workload(EVERYTHING, true, builder);
}

#[test]
fn random_changes_to_the_staff() {
    let [.., (_, builder)] = shapes();
    workload(STAFF, false, builder);
}

/// A change in the moment between the refresh and the persist stage is told by nobody, and has no number
/// by which it could be missed.
#[test]
fn change_between_the_stages() {
    let server = start(Ds389::builder().free_ipa().counts_all_writes());
    let [ann, bob] = ["uid=ann", "uid=bob"].map(at);
    apply(&server, &[&ann, &bob].map(|dn| person(dn, "staff")));
    let mut copy = Copied::suffix(&server);
    refresh(&mut copy);
    let proxy = Proxy::to(&server);
    copy.hosts = Some(proxy.url());
    refresh(&mut copy);
    // The command has asked what was written, and its sync search waits: the server tells of no change that
    // is made before it.
    proxy.hold_sync_search();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            wait_until(PATIENCE, || proxy.holds_one());
            apply(&server, &[replace(&ann, "sn", "unheard"), delete(&bob)]);
            proxy.release();
        });
        copy.follow();
    });
    copy.wait_equal();
    stop(&mut copy);
}
