//! The fixture of 389 Directory Server works as the tests expect. One server, because it is slow.

mod paused;

use std::net::TcpStream;
use std::time::Duration;

use syncrepl_testing::ds389::{PASSWORD, READER, SUFFIX};
use syncrepl_testing::judge::try_search;
use syncrepl_testing::{Ds389, assert_same, wait_until};

const ANN: &str =
    "dn: cn=ann,dc=example,dc=com\nchangetype: add\nobjectClass: person\ncn: ann\nsn: a\n";

#[test]
fn one_server_and_what_can_be_done_to_it() {
    let server = Ds389::builder().trims().start();
    let all = || server.search(SUFFIX, "(objectClass=*)", &[]);
    assert_eq!(all().len(), 1);
    server.ldapmodify(ANN).expect("adding ann");
    let again = server.ldapmodify(ANN).expect_err("adding ann again");
    assert!(again.contains("Already exists (68)"), "{again}");
    let before = all();
    assert_eq!(before.len(), 2);
    // Known by an id, not by a DN.
    let uuid = before.uuid_of("cn=ann,dc=example,dc=com").expect("ann");
    assert_eq!((uuid.len(), uuid.starts_with("dn:")), (36, false));

    server.backup("monday");
    server
        .ldapmodify(&ANN.replace("ann", "bob"))
        .expect("adding bob");
    assert_eq!(all().len(), 3);
    server.restore("monday");
    assert_same("before", &before, "restored", &all());

    server
        .ldapmodify(&ANN.replace("ann", "cyd"))
        .expect("adding cyd");
    let with_cyd = all();
    server.kill();
    assert!(TcpStream::connect(("127.0.0.1", server.port())).is_err());
    server.start_again();
    assert_same("before the kill", &with_cyd, "after it", &all());

    // It forgets changes, but for the last.
    wait_until(Duration::from_secs(20), || {
        let (first, last) = server.remembers();
        first == last && first > 1
    });

    server.pause();
    paused::keeps_silent(server.port(), || server.resume());
    let found = try_search(
        &server.url(),
        READER,
        PASSWORD,
        SUFFIX,
        "base",
        "(dc=*)",
        &[],
    );
    assert_eq!(found.expect("an answer").len(), 1);
    let (port, folder) = (server.port(), server.folder().to_owned());
    drop(server);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    assert!(!folder.exists());
}
