//! Somebody between the command and the server changes, repeats or drops what the security layer protects.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use syncrepl_testing::Kdc;
use syncrepl_testing::slapd::Slapd;

use crate::common::outcome::Data;
use crate::{by_name, refresh, server, set_description};

/// An attack on a buffer of the security layer.
#[derive(Clone, Copy, Debug)]
enum Mischief {
    Flip,
    Repeat,
    LeaveOut,
}

/// The one buffer that is longer than this holds the changed entry. Another follows it, with the end
/// of the refresh, and so betrays that it was left out.
const LONG: usize = 100_000;

/// Passes bytes on between both ends, and attacks the first long buffer that the server protects.
fn tampering(server: &Slapd, mischief: Mischief) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let (port, to) = (
        listener.local_addr().expect("its port").port(),
        server.port(),
    );
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let server = TcpStream::connect(("127.0.0.1", to)).expect("the server");
            let (mut from, mut back) = (
                client.try_clone().expect("a socket"),
                server.try_clone().expect("a socket"),
            );
            std::thread::spawn(move || std::io::copy(&mut from, &mut back));
            std::thread::spawn(move || relay(server, client, mischief));
        }
    });
    format!("ldap://localhost:{port}")
}

fn relay(mut server: TcpStream, mut client: TcpStream, mischief: Mischief) -> std::io::Result<()> {
    let mut attacked = false;
    loop {
        // An LDAP message begins with 0x30 and here has a short length; a buffer of the layer with
        // four octets of length, the first of them 0.
        let mut bytes = vec![0; 2];
        server.read_exact(&mut bytes)?;
        let protected = bytes[0] == 0;
        let length = match bytes[..] {
            [0, high] => {
                let mut low = [0; 2];
                server.read_exact(&mut low)?;
                bytes.extend(low);
                u32::from_be_bytes([0, high, low[0], low[1]]) as usize
            }
            [0x30, short @ ..=0x7f] => usize::from(short),
            [0x30, 0x81] => {
                bytes.push(0);
                server.read_exact(&mut bytes[2..])?;
                usize::from(bytes[2])
            }
            _ => panic!("neither LDAP nor a security layer: {bytes:?}"),
        };
        let start = bytes.len();
        bytes.resize(start + length, 0);
        server.read_exact(&mut bytes[start..])?;
        let now = protected && length > LONG && !attacked;
        attacked |= now;
        match mischief {
            _ if !now => {}
            Mischief::Flip => *bytes.last_mut().expect("a byte") ^= 1,
            Mischief::Repeat => client.write_all(&bytes)?,
            Mischief::LeaveOut => bytes.clear(),
        }
        client.write_all(&bytes)?;
    }
}

/// An attacker changes, repeats or drops a buffer of the server. The command ends the connection.
#[test]
fn attacker_in_the_middle() {
    let kdc = Kdc::start();
    kdc.kinit("ann", "1h");
    for secprops in ["minssf=1,maxssf=1", "minssf=128"] {
        let server = server(&kdc, secprops);
        let data = Data::new();
        refresh(&kdc, "ann", &data, &by_name(&server.url()), &[]).assert_done();
        set_description(&server, &"news".repeat(100_000));
        data.unchanged(|| {
            for mischief in [Mischief::Flip, Mischief::Repeat, Mischief::LeaveOut] {
                let outcome = refresh(&kdc, "ann", &data, &tampering(&server, mischief), &[]);
                println!("{mischief:?}");
                outcome.assert_failed(4, &["protection", "failed", "changed the bytes"]);
                // The first, unharmed copy of a repeated buffer may be printed. The run commits none of it.
                let may_be_printed = matches!(mischief, Mischief::Repeat);
                assert!(may_be_printed || !outcome.stdout.contains("news"));
            }
        });
    }
}
