//! SASL against providers that cheat. The tests of the command show the successful binds, on a real
//! provider.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use syncrepl_proto::message::{Authentication, LdapResult, Message, Operation};

use super::super::credentials::ScramHash;
use super::scripted::{bind_response, linger, serve, short};
use super::*;

/// Reads one SASL bind request: its message ID, mechanism and credentials.
fn bind_request(stream: &mut TcpStream) -> Option<(u32, String, Vec<u8>)> {
    let mut frames = Frames::default();
    loop {
        match stream.read(frames.space()) {
            Ok(count @ 1..) => frames.filled(count),
            _ => return None,
        }
        let Some(bytes) = frames.poll_message().unwrap() else {
            continue;
        };
        let message = Message::decode(bytes).unwrap();
        let Operation::BindRequest(request) = message.op else {
            return None;
        };
        let Authentication::Sasl(mechanism, credentials) = request.authentication else {
            panic!("a simple bind, which would give a password away");
        };
        let credentials = credentials.unwrap_or_default().to_vec();
        return Some((message.id, mechanism.to_owned(), credentials));
    }
}

fn answer(stream: &mut TcpStream, id: u32, code: u32, credentials: Option<&[u8]>) {
    let op = Operation::BindResponse(LdapResult::new(code), credentials);
    stream.write_all(&Message::encode(id, &op, &[])).unwrap();
}

/// The outcome of a SCRAM bind. The server sends `first`, with the client's nonce in place of
/// `NONCE`, then a result with `last`.
fn scram(first: &str, code: u32, last: Option<&str>) -> Result<()> {
    let (first, last) = (first.to_owned(), last.map(str::to_owned));
    let (port, thread) = serve(move |mut stream| {
        let (id, mechanism, said) = bind_request(&mut stream).unwrap();
        assert_eq!(mechanism, "SCRAM-SHA-256");
        let said = String::from_utf8(said).unwrap();
        assert!(said.starts_with("n,,n=ann,r="), "{said}");
        let (_, nonce) = said.split_once("r=").unwrap();
        let first = first.replace("NONCE", nonce);
        answer(&mut stream, id, 14, Some(first.as_bytes()));
        if let Some((id, _, proof)) = bind_request(&mut stream) {
            assert!(proof.starts_with(b"c=biws,r="));
            answer(&mut stream, id, code, last.as_ref().map(String::as_bytes));
        }
        linger(stream);
    });
    let mut connection = open(&Server::ldap("127.0.0.1", port), &ConnectOptions::default())?;
    let outcome = connection.bind(&Credentials::scram("ann", "geheim"));
    if outcome.is_err() {
        // The connection sends nothing more to a server that cheated.
        fails(connection.who_am_i(), ErrorKind::Unreachable, &["given up"]);
    }
    drop(connection);
    thread.join().unwrap();
    outcome
}

const FIRST: &str = "r=NONCEmore,s=c2FsdA==,i=4096";

#[test]
fn server_without_password_fails() {
    let wrong = "v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    // The last message comes with the success, as a challenge of its own, or not at all.
    for (code, last) in [
        (0, Some(wrong)),
        (14, Some(wrong)),
        (0, Some("v=")),
        (0, Some("v=!")),
        (0, None),
        (0, Some("")),
        (0, Some("e=other-error")),
    ] {
        let error = fails(
            scram(FIRST, code, last),
            ErrorKind::Credentials,
            &["SCRAM-SHA-256", "the server", "may not be the provider"],
        );
        assert!(!error.is_retryable());
    }
    fails(
        scram(FIRST, 0, Some(wrong)),
        ErrorKind::Credentials,
        &["the server could not prove that it knows the password"],
    );
}

/// Messages that rsasl would panic on or compute with for a long time.
#[test]
fn malformed_server_messages_fail() {
    use ErrorKind::{Credentials, Protocol};
    for (first, kind, words) in [
        ("", Protocol, "malformed"),
        ("r", Protocol, "malformed"),
        ("r=NONCEmore", Protocol, "malformed"),
        ("r=NONCEmore,", Protocol, "malformed"),
        ("r=NONCEmore,,", Protocol, "malformed"),
        ("r=NONCEmore,s=c2FsdA==,", Protocol, "malformed"),
        ("r=NONCEmore,s=c2FsdA==,i", Protocol, "malformed"),
        ("r=NONCEmore,s=c2FsdA==,i=", Protocol, "malformed"),
        ("r=NONCEmore,s=c2FsdA==,i=-1", Protocol, "malformed"),
        ("r=NONCEmore,s=,i=4096", Protocol, "malformed"),
        ("m=x,r=NONCEmore,s=c2FsdA==,i=4096", Protocol, "malformed"),
        ("r=NONCEmore,s=!,i=4096", Protocol, "cannot be used"),
        ("r=NONCE,s=c2FsdA==,i=4096", Protocol, "nonce"),
        ("r=other,s=c2FsdA==,i=4096", Protocol, "nonce"),
        (
            "r=NONCEmore,s=c2FsdA==,i=4095",
            Credentials,
            "4095 iterations",
        ),
        (
            "r=NONCEmore,s=c2FsdA==,i=4294967295",
            Credentials,
            "4294967295 iterations",
        ),
    ] {
        let began = Instant::now();
        fails(scram(first, 0, None), kind, &["SCRAM-SHA-256", words]);
        assert!(began.elapsed() < LONG, "{first}");
    }
}

#[test]
fn early_success_proves_nothing() {
    let (port, thread) = serve(|mut stream| {
        let (id, ..) = bind_request(&mut stream).unwrap();
        stream.write_all(&bind_response(id, 0)).unwrap();
        linger(stream);
    });
    let server = Server::ldap("127.0.0.1", port);
    let mut connection = open(&server, &ConnectOptions::default()).unwrap();
    let outcome = connection.bind(&Credentials::scram("ann", "geheim"));
    fails(outcome, ErrorKind::Credentials, &["did not prove"]);
    drop(connection);
    thread.join().unwrap();
}

#[test]
fn endless_challenges_fail() {
    let (port, thread) = serve(|mut stream| {
        while let Some((id, ..)) = bind_request(&mut stream) {
            answer(&mut stream, id, 14, None);
        }
    });
    let server = Server::ldap("127.0.0.1", port);
    let mut connection = open(&server, &ConnectOptions::default()).unwrap();
    let outcome = connection.bind(&Credentials::external());
    fails(outcome, ErrorKind::Protocol, &["order of SASL EXTERNAL"]);
    drop(connection);
    thread.join().unwrap();
}

#[test]
fn silence_and_stop_end_the_bind() {
    let (port, thread) = serve(linger);
    let server = Server::ldap("127.0.0.1", port);
    let mut connection = open(&server, &short()).unwrap();
    let outcome = connection.bind(&Credentials::scram("ann", "geheim"));
    fails(
        outcome,
        ErrorKind::Unreachable,
        &["does not answer the SASL SCRAM-SHA-256 bind"],
    );
    drop(connection);
    thread.join().unwrap();
}

/// The options of `ldapsearch` give these credentials.
#[test]
fn mechanisms_check_their_options() {
    let sasl = |mechanism: &str, authcid: &str, realm: Option<&str>| {
        Credentials::sasl(Sasl {
            mechanism: mechanism.to_owned(),
            authcid: Some(authcid.to_owned()),
            realm: realm.map(str::to_owned),
            password: Some("geheim".into()),
            ..Sasl::default()
        })
    };
    let name_and_hash = |credentials| match credentials {
        Credentials::SaslScram {
            authcid, mechanism, ..
        } => (authcid, mechanism),
        other => panic!("{other:?}"),
    };
    for (mechanism, name, realm, hash, authcid) in [
        ("scram-sha-1", "ann", None, ScramHash::Sha1, "ann"),
        (
            "SCRAM-SHA-256",
            "ann",
            Some("r"),
            ScramHash::Sha256,
            "ann@r",
        ),
        (
            "SCRAM-SHA-512",
            "ann@q",
            Some("r"),
            ScramHash::Sha512,
            "ann@q",
        ),
    ] {
        let credentials = sasl(mechanism, name, realm).unwrap();
        assert_eq!(name_and_hash(credentials), (authcid.to_owned(), hash));
    }
    fails(
        sasl("SCRAM-SHA-256", "", None),
        ErrorKind::InvalidInput,
        &["-U"],
    );
    fails(
        sasl("EXTERNAL", "ann", None),
        ErrorKind::InvalidInput,
        &["no password"],
    );
}
