//! A name with several addresses. All of 127.0.0.0/8 belongs to this machine.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::thread::JoinHandle;

use super::super::socket::Endpoint;
use super::scripted::linger;
use super::*;

/// Listeners on several addresses with one port, like the addresses of one name. Each accepts
/// connections until the client closes, and reports which listener accepted one.
struct Name {
    port: u16,
    listeners: Vec<(SocketAddr, TcpListener)>,
}

fn at(last: u8, port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)), port)
}

impl Name {
    fn with(listening: &[u8]) -> Name {
        for _ in 0..50 {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = free.local_addr().unwrap().port();
            drop(free);
            let listeners: Option<Vec<_>> = listening
                .iter()
                .map(|&last| Some((at(last, port), TcpListener::bind(at(last, port)).ok()?)))
                .collect();
            if let Some(listeners) = listeners {
                return Name { port, listeners };
            }
        }
        panic!("no port is free on all of them");
    }

    /// Connects to the addresses in this order.
    fn open(&self, order: &[u8], options: &ConnectOptions) -> Result<Connection> {
        let endpoints = order.iter().map(|&last| Endpoint::Tcp(at(last, self.port)));
        let server = Server::ldap("name.example", self.port);
        let stop = StopHandle::new();
        Connection::first_of(endpoints.collect(), &server, options, None, &stop)
    }

    /// Connects, and returns the last number of the address reached.
    #[track_caller]
    fn reached(&self, order: &[u8], options: &ConnectOptions) -> u8 {
        let connection = self.open(order, options).unwrap();
        let address = connection.address().unwrap();
        let (_, listener) = self
            .listeners
            .iter()
            .find(|(at, _)| *at == address)
            .expect("a listener");
        // The listener confirms that the connection arrived there.
        let taken = listener.accept().unwrap().0;
        let lingering: JoinHandle<()> = std::thread::spawn(move || linger(taken));
        drop(connection);
        lingering.join().unwrap();
        match address.ip() {
            IpAddr::V4(ip) => ip.octets()[3],
            IpAddr::V6(_) => panic!("{address}"),
        }
    }
}

fn with(addresses: Addresses) -> ConnectOptions {
    ConnectOptions {
        addresses,
        ..ConnectOptions::default()
    }
}

#[test]
fn addresses_are_tried_in_order() {
    let name = Name::with(&[3, 4]);
    let options = ConnectOptions::default();
    assert_eq!(name.reached(&[2, 3, 4], &options), 3);
    assert_eq!(name.reached(&[4, 2, 3], &options), 4);
    let nobody = name.open(&[2, 5], &options);
    let words = [
        "no address of ldap://name.example",
        "at 127.0.0.2:",
        "at 127.0.0.5:",
    ];
    let error = fails(nobody, ErrorKind::Unreachable, &words);
    assert!(error.is_retryable());
}

/// An address that accepts connections and does not serve them is still tried, after the others.
#[test]
fn failed_address_comes_last() {
    let name = Name::with(&[3, 4]);
    let last = with(Addresses::Last(at(3, name.port)));
    assert_eq!(name.reached(&[3, 4], &last), 4);
    assert_eq!(name.reached(&[2, 3, 4, 5], &last), 4);
    assert_eq!(name.reached(&[3, 5], &last), 3);
    assert_eq!(name.reached(&[3], &last), 3);
    let elsewhere = with(Addresses::Last(at(9, name.port)));
    assert_eq!(name.reached(&[3, 4], &elsewhere), 3);
}

/// A connection beside the sync search must reach the same machine, whatever the name resolves to
/// by now.
#[test]
fn only_one_address_is_tried() {
    let name = Name::with(&[3]);
    let server = Server::ldap("no-such-host.invalid", name.port);
    let only = with(Addresses::Only(at(3, name.port)));
    let connection = open(&server, &only).unwrap();
    assert_eq!(connection.address(), Some(at(3, name.port)));
    drop(connection);
    let gone = open(&server, &with(Addresses::Only(at(4, name.port))));
    fails(
        gone,
        ErrorKind::Unreachable,
        &["no-such-host.invalid", "at 127.0.0.4:"],
    );
}

/// The system watches the connection as well.
#[test]
fn system_probes_quiet_connection() {
    let name = Name::with(&[3]);
    let connection = name.open(&[3], &ConnectOptions::default()).unwrap();
    let socket = connection.transport.tcp().unwrap();
    assert!(socket.keepalive().unwrap());
    let (after, every) = (socket.tcp_keepalive_time(), socket.tcp_keepalive_interval());
    assert_eq!(
        (after.unwrap(), every.unwrap()),
        (Duration::from_secs(15), Duration::from_secs(5))
    );
    #[cfg(target_os = "linux")]
    assert_eq!(
        socket.tcp_user_timeout().unwrap(),
        Some(Duration::from_secs(30))
    );
}
