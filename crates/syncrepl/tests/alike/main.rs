//! Entries side by side whose names differ in letter case alone: by a case-exact attribute, or by letters
//! that Unicode folds and the server does not.

#[path = "../common/mod.rs"]
mod common;

use common::Copied;
use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};

const SCHEMA: &str = "\
attributetype ( 1.3.6.1.1.1.1.32 NAME 'automountKey' EQUALITY caseExactMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.3.6.1.1.1.1.33 NAME 'automountInformation' EQUALITY caseExactMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
objectclass ( 1.3.6.1.1.1.2.17 NAME 'automount' SUP top STRUCTURAL
  MUST ( automountKey $ automountInformation ) )";

fn server(variant: Variant) -> Slapd {
    Slapd::builder(variant).extra_global(SCHEMA).start()
}

fn key(name: &str, above: &str) -> String {
    format!(
        "dn: automountKey={name},{above}{SUFFIX}\nchangetype: add\nobjectClass: automount\n\
         automountKey: {name}\nautomountInformation: nfs:/{name}\n\n"
    )
}

fn device(name: &str) -> String {
    format!("dn: cn={name},{SUFFIX}\nchangetype: add\nobjectClass: device\ncn: {name}\n\n")
}

fn rename(from: &str, to: &str) -> String {
    format!("dn: {from},{SUFFIX}\nchangetype: modrdn\nnewrdn: {to}\ndeleteoldrdn: 1\n\n")
}

fn delete(dn: &str) -> String {
    format!("dn: {dn},{SUFFIX}\nchangetype: delete\n\n")
}

/// Steps that bring names side by side and apart again; each is told, and the copy is right after it.
fn steps() -> Vec<String> {
    vec![
        key("Data", "") + &key("data", ""),
        device("Weiß") + &device("WEIẞ"),
        key("c", "automountKey=Data,") + &key("c", "automountKey=data,"),
        key("d", "automountKey=c,automountKey=data,"),
        rename("automountKey=Data", "automountKey=third"),
        rename("automountKey=third", "automountKey=Data"),
        rename("automountKey=data", "automountKey=DATA"),
        key("data", ""),
        delete("automountKey=c,automountKey=Data") + &delete("automountKey=Data"),
        rename("automountKey=data", "automountKey=Data"),
        delete("automountKey=Data"),
        // One is left, and its letter case is spelling again.
        rename("automountKey=DATA", "automountKey=data"),
        rename("cn=Weiß", "cn=Weiss"),
        delete("cn=WEIẞ"),
    ]
}

#[test]
fn refreshes_tell_alike_names_apart() {
    for variant in Variant::ALL {
        let server = server(variant);
        let mut copy = Copied::suffix(&server);
        copy.refresh();
        for step in steps() {
            println!("{step}");
            server.ldapmodify(&step).expect("a step");
            copy.refresh();
            copy.assert_equal();
            copy.assert_quiet();
        }
    }
}

#[test]
fn follow_tells_alike_names_apart() {
    for variant in Variant::ALL {
        let server = server(variant);
        let mut copy = Copied::suffix(&server);
        copy.follow();
        for step in steps() {
            println!("{step}");
            server.ldapmodify(&step).expect("a step");
            copy.wait_equal();
        }
        copy.stop();
        copy.assert_quiet();
    }
}

/// A copy that begins with them, in whichever order they come; then they swap their names.
#[test]
fn copy_begins_with_alike_names() {
    let server = server(Variant::Plain);
    let steps = steps();
    for step in &steps[..4] {
        server.ldapmodify(step).expect("a step");
    }
    let mut copy = Copied::suffix(&server);
    copy.refresh();
    copy.assert_equal();
    copy.assert_quiet();
    let swap = [
        rename("automountKey=Data", "automountKey=t"),
        rename("automountKey=data", "automountKey=Data"),
        rename("automountKey=t", "automountKey=data"),
    ];
    server.ldapmodify(&swap.concat()).expect("a swap");
    copy.refresh();
    copy.assert_equal();
    copy.assert_quiet();
    for (name, information) in [("Data", "nfs:/data"), ("data", "nfs:/Data")] {
        let dn = format!("automountKey={name},{SUFFIX}");
        let store = syncrepl_client::Store::open(copy.data()).expect("the store opens");
        let record = store.get(&dn).expect("a read").expect("a record");
        assert_eq!(record.dn(), dn);
        let attributes = record.attrs();
        let found: Vec<_> = attributes.values("automountInformation").collect();
        assert_eq!(found, [information.as_bytes()]);
    }
}

/// LDIF output that a directory can apply.
#[test]
fn ldif_of_alike_names_can_be_applied() {
    let (server, other) = (server(Variant::Plain), server(Variant::Plain));
    let copy = Copied::suffix(&server);
    let base = Copied::suffix(&other);
    let refresh = || {
        let arguments = copy.arguments("refresh").into_iter();
        let arguments: Vec<_> = arguments
            .map(|word| {
                if word == "json" {
                    "ldif".to_owned()
                } else {
                    word
                }
            })
            .collect();
        let output = common::outcome::command(&arguments)
            .output()
            .expect("it runs");
        assert!(output.status.success());
        common::text(&output.stdout)
    };
    refresh();
    for step in steps() {
        server.ldapmodify(&step).expect("a step");
        let ldif = refresh();
        other
            .ldapmodify(&ldif)
            .unwrap_or_else(|error| panic!("{error:?}\n{ldif}"));
        let dns = |copied: &Copied<'_>| -> Vec<String> {
            let mut dns: Vec<_> = copied
                .expected()
                .entries
                .into_values()
                .map(|entry| entry.dn)
                .collect();
            dns.sort();
            dns
        };
        assert_eq!(dns(&copy), dns(&base), "{ldif}");
    }
}
