//! Another bind identity sees other entries and attributes. The copy becomes what that identity sees, and
//! the command tells of real differences only.

use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};

use crate::kept::Kept;
use crate::{describe, dn, password, people, person};

/// ann sees everything. eve, and the identity of the Unix socket, see everything but the addresses.
/// Anonymous sees neither addresses nor ou=hidden.
fn server(variant: Variant) -> Slapd {
    let peer =
        "by dn.regex=\"^gidNumber=[0-9]+.uidNumber=[0-9]+,cn=peercred,cn=external,cn=auth$\" read";
    let (ann, eve) = (dn("ann", "people"), dn("eve", "people"));
    let server = Slapd::builder(variant)
        .ldapi()
        .extra_database(&format!(
            "access to attrs=userPassword by anonymous auth by * none\n\
             access to attrs=mail by dn.exact=\"{ann}\" read by * none\n\
             access to dn.subtree=\"ou=hidden,{SUFFIX}\" by dn.exact=\"{ann}\" read \
             by dn.exact=\"{eve}\" read {peer} by * none\n\
             access to * by * read"
        ))
        .start();
    let setup = people("people", 2) + &people("hidden", 2);
    let user = |uid| person(uid, "people") + &password(uid, "people");
    let users = user("ann") + &user("eve");
    server.ldapmodify(&(setup + &users)).expect("the setup");
    server
}

const HIDDEN: [&str; 3] = ["ou=hidden", "uid=p0,ou=hidden", "uid=p1,ou=hidden"];
const SHOWN: [&str; 4] = [
    "uid=ann,ou=people",
    "uid=eve,ou=people",
    "uid=p0,ou=people",
    "uid=p1,ou=people",
];

fn each(verb: &str, dns: &[&str]) -> Vec<String> {
    dns.iter().map(|dn| format!("{verb} {dn}")).collect()
}

/// Lets the copy become that of another identity.
const NEW: &[&str] = &["--as-new-identity"];

#[derive(Debug, Clone, Copy)]
enum Who {
    Ann,
    Anonymous,
    Peer,
}

fn become_(kept: &mut Kept, server: &Slapd, who: Who) {
    let (ann, eve) = (dn("ann", "people"), dn("eve", "people"));
    match who {
        Who::Ann => kept.becomes(
            &server.url(),
            &["-x", "-D", &ann, "-w", "secret-ann"],
            (&ann, "secret-ann"),
        ),
        Who::Anonymous => kept.becomes(&server.url(), &["-x", "-D", ""], ("", "")),
        Who::Peer => kept.becomes(
            &server.ldapi_url(),
            &["-Y", "EXTERNAL"],
            (&eve, "secret-eve"),
        ),
    }
}

/// The identities in order, with the events that each change of identity brings.
fn changes() -> Vec<(Who, Vec<String>)> {
    use Who::{Ann, Anonymous, Peer};
    let less = [each("change", &SHOWN), each("delete", &HIDDEN)].concat();
    let more = [each("add", &HIDDEN), each("change", &SHOWN)].concat();
    let fewer_addresses = [each("change", &HIDDEN[1..]), each("change", &SHOWN)];
    let mut addresses = fewer_addresses.concat();
    addresses.sort();
    vec![
        (Anonymous, less),
        (Ann, more),
        (Peer, addresses.clone()),
        (Anonymous, each("delete", &HIDDEN)),
        (Peer, each("add", &HIDDEN)),
        (Ann, addresses),
    ]
}

#[test]
fn refreshed_by_one_after_the_other() {
    for variant in Variant::ALL {
        let server = server(variant);
        let mut kept = Kept::of(&server.url());
        become_(&mut kept, &server, Who::Ann);
        assert_eq!(kept.refreshed(&[]).len(), 9);
        kept.assert_equal();
        for (who, told) in changes() {
            let deletes = kept.reader.deletes().len();
            become_(&mut kept, &server, who);
            assert_eq!(kept.refreshed(NEW), told, "{variant:?}, now as {who:?}");
            kept.assert_equal();
            kept.assert_no_phantom_delete(deletes);
            assert_eq!(
                kept.refreshed(&[]),
                [""; 0],
                "{variant:?}, as {who:?} again"
            );
        }
    }
}

#[test]
fn followed_by_one_after_the_other() {
    for variant in Variant::ALL {
        let server = server(variant);
        let mut kept = Kept::of(&server.url());
        become_(&mut kept, &server, Who::Ann);
        kept.refreshed(&[]);
        for (turn, (who, told)) in changes().into_iter().enumerate() {
            become_(&mut kept, &server, who);
            let mark = kept.reader.mark();
            kept.follow(NEW);
            kept.take_output();
            assert_eq!(kept.told_since(mark), told, "{variant:?}, now as {who:?}");
            let (mark, text) = (kept.reader.mark(), turn.to_string());
            server
                .ldapmodify(&(describe("p0", "hidden", &text) + &describe("p0", "people", &text)))
                .expect("the changes");
            kept.wait_equal();
            assert_eq!(kept.stop(), "");
            let mut live = each("change", &["uid=p0,ou=hidden", "uid=p0,ou=people"]);
            if matches!(who, Who::Anonymous) {
                live.remove(0);
            }
            assert_eq!(kept.told_since(mark), live, "{variant:?}, live as {who:?}");
        }
    }
}

/// A run of another identity fails. The copy is still that of the old one, so the next run compares.
#[test]
fn failed_run_leaves_the_comparison_owed() {
    let server = server(Variant::SessionLog);
    let mut kept = Kept::of(&server.url());
    become_(&mut kept, &server, Who::Ann);
    kept.refreshed(&[]);
    become_(&mut kept, &server, Who::Anonymous);
    kept.refresh(&["--as-new-identity", "--max-delete", "2"])
        .assert_failed(6, &["3 of 9"]);
    become_(&mut kept, &server, Who::Ann);
    assert_eq!(kept.refreshed(&[]), [""; 0], "ann sees what she saw");
    become_(&mut kept, &server, Who::Anonymous);
    assert_eq!(kept.refreshed(NEW).len(), 7);
    kept.assert_equal();
}
