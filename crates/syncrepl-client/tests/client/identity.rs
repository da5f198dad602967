//! As whom a copy was made, in the library.

use syncrepl_client::{Credentials, ErrorKind, Fault, RunStatus, Syncrepl};
use syncrepl_testing::slapd::{ADMIN, PASSWORD};

use crate::common::{Fixture, Tape, refresh};

#[test]
fn another_identity_is_refused() {
    let fixture = Fixture::with(&["ann"]);
    let admin = || Credentials::simple(ADMIN, PASSWORD);
    refresh(fixture.builder(()).credentials(admin())).unwrap();
    let remembered = fixture.store().remembered().unwrap();
    let bind = remembered.bind.expect("it is remembered");
    assert_eq!(bind.name.as_deref(), Some(ADMIN));
    assert!(bind.needs_password() && bind.mechanism.is_none());

    // Nobody says as whom: the store does, and lacks the password.
    let error = refresh(fixture.builder(())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains(ADMIN), "{error}");
    let again = bind.credentials(Some(PASSWORD.into())).unwrap();
    refresh(Syncrepl::builder(fixture.data(), ()).credentials(again)).unwrap();

    // The run that fails leaves its own state, and nothing else.
    let copy = || {
        let mut status = fixture.store().status().unwrap();
        status.run = RunStatus::default();
        status
    };
    let before = copy();
    let tape = Tape::new();
    let nobody = fixture
        .builder(tape.callback())
        .credentials(Credentials::Anonymous);
    let error = refresh(nobody).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::IdentityConflict);
    assert_eq!((error.fault(), error.is_retryable()), (Fault::You, false));
    assert_eq!(tape.lines(), [""; 0], "the callback hears nothing");
    assert_eq!(copy(), before);

    let nobody = fixture
        .builder(tape.callback())
        .credentials(Credentials::Anonymous)
        .allow_new_identity(true);
    refresh(nobody).unwrap();
    assert_eq!(tape.changes(), [""; 0], "it sees the same");
    // Anonymous needs no word.
    refresh(fixture.builder(())).unwrap();
}
