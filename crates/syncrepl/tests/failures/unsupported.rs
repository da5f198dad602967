//! A provider that says that it is of a kind which is known not to work. The provider in memory wears its root
//! DSE.

use syncrepl_provider::Provider;
use syncrepl_testing::slapd::SUFFIX;

use crate::common::outcome::{Data, Outcome};

/// `vendorName`, `supportedCapabilities`, and what the error says.
type Kind = (
    Option<&'static str>,
    &'static [&'static str],
    &'static [&'static str],
);

const KINDS: [Kind; 4] = [
    (
        Some("Apache Software Foundation"),
        &[],
        &["is ApacheDS", "late or never"],
    ),
    (
        Some("Samba Team (https://www.samba.org)"),
        &["1.2.840.113556.1.4.800"],
        &["is Samba", "does not know RFC 4533", "DirSync"],
    ),
    (
        None,
        &["1.2.840.113556.1.4.1670", "1.2.840.113556.1.4.800"],
        &["is Active Directory", "does not know RFC 4533", "DirSync"],
    ),
    (
        None,
        &["1.2.840.113556.1.4.1851"],
        &["is Active Directory", "does not know RFC 4533"],
    ),
];

fn start((vendor, capabilities, _): Kind) -> Provider {
    let mut builder = Provider::builder().suffix(SUFFIX);
    if let Some(vendor) = vendor {
        builder = builder.vendor_name(vendor);
    }
    for oid in capabilities {
        builder = builder.capability(*oid);
    }
    builder.start().expect("the provider starts")
}

#[test]
fn unsupported_server_is_refused_by_name() {
    for kind in KINDS {
        let provider = start(kind);
        let words = [kind.2, &["not supported", "--any-server"]].concat();
        for subcommand in ["refresh", "follow"] {
            let data = Data::new();
            let outcome = Outcome::run(&data.sync(subcommand, &provider.url()));
            outcome.assert_failed(3, &words);
            assert!(!outcome.stdout.contains(r#""op":"add""#));
            let status = Outcome::run(&["status", "--data", &data.path(), "--format", "json"]);
            let status = status.assert_done();
            assert!(status.stdout.contains(r#""entries":0,"#), "{status:?}");
            assert!(status.stdout.contains(r#""cookie":null"#), "{status:?}");
        }
        let doctor = Outcome::run(&["doctor", "-H", &provider.url(), "-b", SUFFIX]);
        assert_eq!(doctor.code, Some(3), "{doctor:?}");
        let line = doctor
            .stdout
            .lines()
            .find(|line| line.starts_with("✘ server:"));
        let line = line.unwrap_or_else(|| panic!("no line ✘ server: {}", doctor.stdout));
        for word in kind.2 {
            assert!(line.contains(word), "no {word:?} in {line}");
        }
        assert!(doctor.stdout.contains("--any-server"), "{doctor:?}");
    }
}

/// A copy that `--any-server` made is not touched by a run without it.
#[test]
fn any_server_tries_all_the_same() {
    let provider = start(KINDS[0]);
    let data = Data::new();
    let with = |subcommand: &str| {
        let mut words = data.sync(subcommand, &provider.url());
        words.push("--any-server".to_owned());
        Outcome::run(&words)
    };
    let outcome = with("refresh");
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.stdout.contains(r#""op":"add""#), "{outcome:?}");
    for word in ["is ApacheDS", "not supported", "trying all the same"] {
        assert!(outcome.stderr.contains(word), "{outcome:?}");
    }
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
    data.unchanged(|| {
        Outcome::run(&data.sync("refresh", &provider.url())).assert_failed(3, &["is ApacheDS"]);
    });

    let doctor = [
        "doctor",
        "-H",
        &provider.url(),
        "-b",
        SUFFIX,
        "--any-server",
    ];
    let doctor = Outcome::run(&doctor);
    assert_eq!(doctor.code, Some(0), "{doctor:?}");
    assert!(
        doctor
            .stdout
            .contains("! server: ApacheDS, which is not supported")
    );
}
