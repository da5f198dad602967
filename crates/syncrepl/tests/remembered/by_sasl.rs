//! A SASL bind is remembered by its mechanism and names.

use crate::common::outcome::{Data, Outcome};
use crate::{ANN, EVE, again, assert_is_seen_by, bound, server, told, words};

#[test]
fn scram_with_its_names() {
    let server = server();
    let data = Data::new();
    let ann = ["-Y", "SCRAM-SHA-512", "-U", "ann", "-w", "secret-ann"];
    Outcome::run(&words(&data, &server.url(), &ann)).assert_done();
    again(&data, &[]).assert_failed(2, &["password", "ann", "SCRAM-SHA-512", "-y"]);
    let outcome = again(&data, &["-w", "secret-ann"]);
    assert_eq!(bound(outcome.assert_done()), format!("dn:{ANN}"));
    // The provider calls a simple bind by the same name: it is nobody else.
    let outcome = again(&data, &["-D", ANN, "-w", "secret-ann"]);
    assert_eq!(told(outcome.assert_done()), [""; 0]);
    // From now on it is a simple bind.
    again(&data, &["-w", "secret-ann"]).assert_done();

    let acting = [&ann[..], &["-X", "u:eve"]].concat();
    data.unchanged(|| again(&data, &acting))
        .assert_failed(5, &[ANN, EVE]);
    again(&data, &[&acting[..], &["--as-new-identity"]].concat()).assert_done();
    again(&data, &[]).assert_failed(2, &["ann", "acting as u:eve"]);
    let outcome = again(&data, &["-w", "secret-ann"]);
    assert_eq!(bound(outcome.assert_done()), format!("dn:{EVE}"));
    assert_is_seen_by(&data, &server, EVE, "secret-eve");
}

#[test]
fn external_on_a_local_socket() {
    let server = server();
    let data = Data::new();
    let url = server.ldapi_url();
    Outcome::run(&words(&data, &url, &["-Y", "EXTERNAL"])).assert_done();
    let outcome = again(&data, &[]);
    assert!(bound(outcome.assert_done()).contains("cn=peercred"));
    again(&data, &["-w", "secret-ann"]).assert_failed(2, &["SASL EXTERNAL", "takes no password"]);
    // Over the network it cannot be proven, and is not replaced by somebody else.
    let outcome = data.unchanged(|| Outcome::run(&words(&data, &server.url(), &[])));
    assert_ne!(outcome.code, Some(0), "{outcome:?}");
    let outcome = data.unchanged(|| again(&data, &["-D", ""]));
    outcome.assert_failed(5, &["cn=peercred", "anonymous"]);
}
