//! A given network: streams in place of sockets, and a clock that only the test moves.

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use syncrepl_proto::message::{LdapResult, Message, Operation};

use super::super::network::{GivenNetwork, Network, Stream};
use super::super::{ConnectOptions, Connection, Credentials, Server};
use crate::error::ErrorKind;
use crate::stop::StopHandle;

/// A provider that responds to a bind and to nothing else.
struct Deaf(Arc<Mutex<Instant>>);

struct DeafStream {
    clock: Arc<Mutex<Instant>>,
    answer: Vec<u8>,
}

impl Network for Deaf {
    fn connect(&self, server: &Server) -> io::Result<Box<dyn Stream>> {
        match server.host() {
            Some("deaf.example") => Ok(Box::new(DeafStream {
                clock: self.0.clone(),
                answer: Vec::new(),
            })),
            _ => Err(io::ErrorKind::ConnectionRefused.into()),
        }
    }

    fn now(&self) -> Instant {
        *self.0.lock().unwrap()
    }
}

impl Read for DeafStream {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        if self.answer.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = self.answer.len().min(space.len());
        space[..count].copy_from_slice(&self.answer[..count]);
        self.answer.drain(..count);
        Ok(count)
    }
}

impl Write for DeafStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let request = Message::decode(bytes).unwrap();
        if let Operation::BindRequest(_) = request.op {
            let answer = Operation::BindResponse(LdapResult::new(0), None);
            self.answer = Message::encode(request.id, &answer, &[]);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for DeafStream {
    fn wait(&mut self, deadline: Option<Instant>) -> io::Result<bool> {
        if self.answer.is_empty() {
            *self.clock.lock().unwrap() = deadline.unwrap();
        }
        Ok(!self.answer.is_empty())
    }
}

#[test]
fn given_network_supplies_streams_and_time() {
    let begin = Instant::now();
    let clock = Arc::new(Mutex::new(begin));
    let day = Duration::from_secs(24 * 3600);
    let options = ConnectOptions {
        network: GivenNetwork(Some(Arc::new(Deaf(clock.clone())))),
        response_timeout: day,
        ..ConnectOptions::default()
    };
    let open = |host| Connection::open(&Server::ldap(host, 389), &options, &StopHandle::new());

    let refused = open("elsewhere.example").unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unreachable);

    let mut connection = open("deaf.example").unwrap();
    connection.bind(&Credentials::Anonymous).unwrap();
    assert_eq!(*clock.lock().unwrap(), begin);
    let silent = connection.who_am_i().unwrap_err();
    assert_eq!(silent.kind(), ErrorKind::Unreachable);
    assert_eq!(*clock.lock().unwrap(), begin + day);
    assert!(begin.elapsed() < Duration::from_secs(60));
}
