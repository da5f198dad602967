//! Safe connections work. On an unsafe one the command sends no secret, and the message says why.

#[path = "../common/mod.rs"]
mod common;

mod attacker;
mod attacks;
mod certificates;
mod clear;
mod client;
mod configuration;
mod kinds;

use std::path::Path;

use syncrepl_testing::slapd::{Slapd, Variant};
use syncrepl_testing::tls::{Certificates, Pair};
use tempfile::TempDir;

use common::outcome::{Data, Outcome};

/// Certificates, in a folder of their own.
struct Made {
    _folder: TempDir,
    made: Certificates,
}

impl Made {
    fn new() -> Made {
        let folder = TempDir::new().expect("a temporary folder");
        let made = Certificates::make(folder.path());
        Made {
            made,
            _folder: folder,
        }
    }

    /// A server that shows this certificate.
    fn server(&self, pair: &Pair) -> Slapd {
        self.server_with(pair, "")
    }

    fn server_with_lines(&self, lines: &str) -> Slapd {
        self.server_with(&self.made.server, lines)
    }

    fn server_with(&self, pair: &Pair, lines: &str) -> Slapd {
        Slapd::builder(Variant::Plain)
            .tls(&self.made.ca, &pair.cert, &pair.key)
            .extra_global(lines)
            .start()
    }
}

/// The arguments that name a file.
fn file(option: &str, path: &Path) -> [String; 2] {
    [option.to_owned(), path.display().to_string()]
}

/// `refresh` by ldaps that trusts this file.
fn ldaps(data: &Data, server: &Slapd, ca: &Path) -> Vec<String> {
    let mut words = data.sync("refresh", &server.ldaps_url());
    words.extend(file("--ca-file", ca));
    words
}

/// The identity of the bind.
fn bound(outcome: &Outcome) -> &str {
    let line = outcome
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix(r#"{"op":"bind","authzid":""#));
    let line = line.unwrap_or_else(|| panic!("no bind line: {outcome:?}"));
    line.trim_end_matches(r#""}"#)
}
