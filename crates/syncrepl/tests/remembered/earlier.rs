//! Files of earlier versions know the authzId and one URL.

use syncrepl_client::rusqlite::Connection;

use crate::common::outcome::{Data, Outcome};
use crate::{ANN, again, anns, bound, server, setting, told, words};

/// Takes out of the file what earlier versions did not write.
pub fn make_earlier(data: &Data) {
    let store = Connection::open(data.path()).expect("the file opens");
    for name in [
        "bind",
        "bind_name",
        "bind_authzid",
        "servers",
        "starttls",
        "encrypted",
        "ca_file",
        "certificate",
        "key",
    ] {
        let delete = "DELETE FROM syncrepl_settings WHERE name = 'syncrepl_' || ?1";
        store.execute(delete, [name]).expect("it is deleted");
    }
}

#[test]
fn bind_dn_from_the_authzid() {
    let server = server();
    let data = anns(&server);
    make_earlier(&data);
    again(&data, &[]).assert_failed(2, &["password", ANN]);
    data.unchanged(|| again(&data, &["-D", ""]))
        .assert_failed(5, &[ANN, "anonymous"]);
    let outcome = again(&data, &["-w", "secret-ann"]);
    assert_eq!(bound(outcome.assert_done()), format!("dn:{ANN}"));
    assert_eq!(told(&outcome), [""; 0]);
    assert_eq!(setting(&data, "syncrepl_bind_name").as_deref(), Some(ANN));
}

#[test]
fn anonymous_stays_so() {
    let server = server();
    let data = Data::new();
    Outcome::run(&words(&data, &server.url(), &[])).assert_done();
    make_earlier(&data);
    data.unchanged(|| again(&data, &["-D", ANN, "-w", "secret-ann"]))
        .assert_failed(5, &[ANN, "anonymous"]);
    assert_eq!(bound(again(&data, &[]).assert_done()), "");
}

/// Its DN is none to bind by. The mechanism has to be said once.
#[test]
fn identity_of_a_socket() {
    let server = server();
    let data = Data::new();
    let external = words(&data, &server.ldapi_url(), &["-Y", "EXTERNAL"]);
    Outcome::run(&external).assert_done();
    make_earlier(&data);
    data.unchanged(|| again(&data, &[]))
        .assert_failed(5, &["cn=peercred", "anonymous", "-Y"]);
    again(&data, &["-Y", "EXTERNAL"]).assert_done();
    again(&data, &[]).assert_done();
}
