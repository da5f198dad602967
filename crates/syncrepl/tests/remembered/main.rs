//! The data file remembers by which servers, as whom and over what encryption its copy was made. A run that is
//! told nothing else does the same again, and none becomes somebody else, or goes in clear, unasked.

#[path = "../common/mod.rs"]
mod common;

mod by_sasl;
mod domain;
mod earlier;
mod identity;
mod name_server;
mod servers;
mod tls;

use syncrepl_client::rusqlite::Connection;
use syncrepl_testing::judge;
use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};

use common::outcome::{Data, Outcome};

const ANN: &str = "uid=ann,ou=people,dc=example,dc=com";
const EVE: &str = "uid=eve,ou=people,dc=example,dc=com";

/// ann and eve see everything, others do not see ou=hidden. SCRAM takes their passwords too, and ann may act
/// as eve.
fn server() -> Slapd {
    let server = Slapd::builder(Variant::SessionLog)
        .ldapi()
        .extra_global(
            "sasl-auxprops slapd\nsasl-host localhost\npassword-hash {CLEARTEXT}\nauthz-policy to\n\
             authz-regexp uid=([^,@]*),cn=scram.*,cn=auth uid=$1,ou=people,dc=example,dc=com",
        )
        .extra_database(&format!(
            "access to attrs=userPassword by * auth\n\
             access to dn.subtree=\"ou=hidden,{SUFFIX}\" by dn.exact=\"{ANN}\" read \
             by dn.exact=\"{EVE}\" read by * none\n\
             access to * by * read"
        ))
        .start();
    let unit = |name: &str| {
        format!(
            "dn: ou={name},{SUFFIX}\nchangetype: add\nobjectClass: organizationalUnit\nou: {name}\n\n"
        )
    };
    let person = |uid: &str, more: &str| {
        format!(
            "dn: uid={uid},ou=people,{SUFFIX}\nchangetype: add\nobjectClass: inetOrgPerson\nuid: {uid}\n\
             cn: {uid}\nsn: {uid}\nuserPassword: secret-{uid}\n{more}\n"
        )
    };
    let ann = person("ann", &format!("authzTo: dn.exact:{EVE}\n"));
    let setup = unit("people") + &unit("hidden") + &ann + &person("eve", "");
    server.ldapmodify(&setup).expect("the setup");
    server
}

/// The words of a refresh of the whole suffix.
fn words(data: &Data, url: &str, more: &[&str]) -> Vec<String> {
    let path = data.path();
    let words = [
        "refresh", "--data", &path, "--format", "json", "-H", url, "-b", SUFFIX,
    ];
    words
        .iter()
        .chain(more)
        .map(|&word| word.to_owned())
        .collect()
}

/// A refresh that names the file, and no server and no search.
fn again(data: &Data, more: &[&str]) -> Outcome {
    let path = data.path();
    let words = ["refresh", "--data", &path, "--format", "json"];
    Outcome::run(&[&words[..], more].concat())
}

/// A copy that ann made.
fn anns(server: &Slapd) -> Data {
    let data = Data::new();
    let ann = ["-D", ANN, "-w", "secret-ann"];
    Outcome::run(&words(&data, &server.url(), &ann)).assert_done();
    assert_is_seen_by(&data, server, ANN, "secret-ann");
    data
}

/// Asserts that the copy is what `ldapsearch` shows to somebody.
#[track_caller]
fn assert_is_seen_by(data: &Data, server: &Slapd, dn: &str, password: &str) {
    let filter = "(objectClass=*)";
    let shown = judge::search(&server.url(), dn, password, SUFFIX, "sub", filter, &[]);
    let copy = judge::from_dump_json(&data.dump());
    judge::assert_same("dump", &copy, "search", &shown);
}

/// The authzId of the bind.
#[track_caller]
fn bound(outcome: &Outcome) -> &str {
    let mut lines = outcome.stdout.lines();
    let line = lines.find_map(|line| line.strip_prefix(r#"{"op":"bind","authzid":""#));
    let line = line.unwrap_or_else(|| panic!("no bind line: {outcome:?}"));
    line.trim_end_matches(r#""}"#)
}

/// The told changes of entries: their kinds and DNs.
fn told(outcome: &Outcome) -> Vec<String> {
    let mut told = Vec::new();
    for line in outcome.stdout.lines() {
        for kind in ["add", "change", "delete"] {
            if line.starts_with(&format!("{{\"op\":\"{kind}\"")) {
                let dn = line.split_once(r#""dn":""#).expect("a dn").1;
                told.push(format!("{kind} {}", dn.split_once('"').expect("its end").0));
            }
        }
    }
    told
}

/// The value of a setting of ours.
fn setting(data: &Data, name: &str) -> Option<String> {
    let store = Connection::open(data.path()).expect("the file opens");
    let query = "SELECT CAST(value AS TEXT) FROM syncrepl_settings WHERE name = ?1";
    store.query_row(query, [name], |row| row.get(0)).ok()
}
