//! Errors after which `follow` does not try again. It ends at once, and one line says why.

use syncrepl_testing::Ds389;
use syncrepl_testing::ds389::{PASSWORD, READER, SUFFIX};
use syncrepl_testing::slapd::{Slapd, Variant};

use crate::common::outcome::{Data, Outcome};

/// The command does not follow a referral. The message names its target, escaped for a terminal.
#[test]
fn referral_names_its_target() {
    let server = Slapd::builder(Variant::Plain)
        .extra_global("referral ldap://other.example:1389")
        .start();
    for subcommand in ["refresh", "follow"] {
        let data = Data::new();
        let (path, url) = (data.path(), server.url());
        let words = [
            subcommand,
            "--data",
            &path,
            "-H",
            &url,
            "-b",
            "dc=elsewhere",
            "--format",
            "json",
        ];
        Outcome::run(&words).assert_failed(
            3,
            &[
                "the sync search",
                "referral (10)",
                "it points to ldap://other.example:1389/dc=elsewhere",
                "not followed",
            ],
        );
    }
}

#[test]
fn missing_base() {
    let server = Slapd::start(Variant::Plain);
    let (data, url) = (Data::new(), server.url());
    let path = data.path();
    let words = [
        "follow",
        "--data",
        &path,
        "-H",
        &url,
        "-b",
        "ou=nowhere,dc=example,dc=com",
    ];
    Outcome::run(&words).assert_failed(3, &["noSuchObject (32)", "namingContexts"]);
}

/// Result code 53 may pass when it answers a search. In a bind it is 389-ds's answer for a disabled account.
#[test]
fn disabled_account() {
    let server = Ds389::start();
    let off = format!(
        "dn: {READER}\nchangetype: modify\nreplace: nsAccountLock\nnsAccountLock: true\n-\n"
    );
    server.ldapmodify(&off).expect("it is switched off");
    let (data, url) = (Data::new(), server.url());
    let path = data.path();
    let words = [
        "follow", "--data", &path, "-H", &url, "-b", SUFFIX, "-D", READER, "-w", PASSWORD,
    ];
    Outcome::run(&words).assert_failed(3, &["the bind", "unwillingToPerform (53)"]);
}
