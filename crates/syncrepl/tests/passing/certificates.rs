//! The files of TLS are replaced while `follow` runs, one after the other.

use std::fs;
use std::path::Path;

use syncrepl_testing::slapd::{Slapd, Variant};
use syncrepl_testing::tls::Certificates;
use tempfile::TempDir;

use crate::common::PATIENCE;
use crate::common::outcome::Data;
use crate::{describe, follow, wait_commit, wait_copied};

fn copy(from: &Path, to: &Path) {
    fs::copy(from, to).expect("a copy");
}

#[test]
fn certificate_and_key_are_replaced() {
    let folder = TempDir::new().expect("a temporary folder");
    let made = Certificates::make(folder.path());
    let server = Slapd::builder(Variant::Plain)
        .tls(&made.ca, &made.server.cert, &made.server.key)
        .extra_global("TLSVerifyClient demand")
        .start();
    let data = Data::new();
    let at = |name: &str| data.folder.path().join(name);
    let (cert, key, ca) = (at("cert.pem"), at("key.pem"), at("ca.pem"));
    copy(&made.client.cert, &cert);
    copy(&made.client.key, &key);
    copy(&made.ca, &ca);
    let [cert_path, key_path, ca_path] = [&cert, &key, &ca].map(|path| path.display().to_string());
    let options = [
        "--ca-file",
        &ca_path,
        "--cert",
        &cert_path,
        "--key",
        &key_path,
    ];
    let run = follow(&data, &server.ldaps_url(), &options);
    wait_commit(&run);

    // The new key is not there yet.
    let other = made.rsa_client();
    copy(&other.cert, &cert);
    server.stop();
    server.start_again();
    let unfit = |line: &str| line.contains("does not belong to") && line.contains("trying again");
    run.wait_for_stderr(unfit, PATIENCE);
    copy(&other.key, &key);
    run.wait_for_stderr(|line| line.contains("up to date again"), PATIENCE);

    // Another authority is trusted for a moment.
    copy(&made.other_ca, &ca);
    run.signal("HUP");
    let unknown = |line: &str| line.contains("unknown authority") && line.contains("trying again");
    run.wait_for_stderr(unknown, PATIENCE);
    copy(&made.ca, &ca);
    describe(&server, "trusted again");
    run.wait_for_line(|line| line.contains("trusted again"), PATIENCE);
    wait_copied(&data, &server);
}
