//! An HTTP server that only writes down what came, and can be told to fail.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// What the receiver does with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Answers with this status, and no body.
    Status(u16),
    /// Answers with a status, headers and a body.
    Full(u16, Vec<(String, String)>, Vec<u8>),
    /// Answers with status 200 after a while.
    Slow(Duration),
    /// Reads the request, and never answers.
    Hang,
    /// Reads the request, and cuts the connection.
    Swallow,
    /// Cuts the connection after so many bytes of the body. The request is not written down.
    CutAfter(usize),
    /// Answers with these bytes, and cuts the connection.
    Raw(Vec<u8>),
    /// Answers with status 200, and closes the connection.
    ThenClose,
}

/// A request as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `POST`,
    pub method: String,
    /// and the path with the query.
    pub path: String,
    /// The headers, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// The number of its connection, from 0 on.
    pub connection: usize,
}

impl Request {
    /// The value of a header that stands there once.
    ///
    /// # Panics
    /// It stands there twice.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(header, _)| header == name);
        let value = values.next();
        assert!(values.next().is_none(), "{name} is there twice");
        value.map(|(_, value)| value.as_str())
    }
}

/// The server. Dropping it ends it.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    requests: Mutex<Vec<Request>>,
    replies: Mutex<VecDeque<Reply>>,
    connections: AtomicUsize,
    counts_only: AtomicBool,
    count: AtomicUsize,
    ended: AtomicBool,
}

impl Receiver {
    /// Starts it on a free port of this machine.
    ///
    /// # Panics
    /// There is no free port.
    pub fn start() -> Receiver {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("its address");
        let shared = Arc::<Shared>::default();
        let theirs = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if theirs.ended.load(Ordering::Acquire) {
                    break;
                }
                let shared = Arc::clone(&theirs);
                let number = shared.connections.fetch_add(1, Ordering::AcqRel);
                thread::spawn(move || shared.serve(&stream, number));
            }
        });
        Receiver { address, shared }
    }

    /// The URL of a path: `http://127.0.0.1:PORT/path`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What it does with the next requests, before it goes back to status 200.
    pub fn reply(&self, replies: impl IntoIterator<Item = Reply>) {
        lock(&self.shared.replies).extend(replies);
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.shared.requests).clone()
    }

    /// From now on requests are counted, and not written down.
    pub fn count_only(&self) {
        self.shared.counts_only.store(true, Ordering::Release);
    }

    /// How many requests came whole.
    pub fn count(&self) -> usize {
        self.shared.count.load(Ordering::Acquire)
    }

    /// How many connections came.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Acquire)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Release);
        // Wakes the thread that waits for a connection.
        let _ = TcpStream::connect(self.address);
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// Serves a connection until one side closes it.
    fn serve(&self, stream: &TcpStream, number: usize) {
        let mut reader = BufReader::new(stream);
        while let Some(mut request) = head(&mut reader) {
            request.connection = number;
            let length = request.header("content-length").map(str::parse);
            let length: usize = length.and_then(Result::ok).unwrap_or(0);
            let reply = lock(&self.replies)
                .pop_front()
                .unwrap_or(Reply::Status(200));
            if let Reply::CutAfter(bytes) = reply {
                let mut some = vec![0; bytes.min(length)];
                let _ = reader.read_exact(&mut some);
                break;
            }
            request.body = vec![0; length];
            if reader.read_exact(&mut request.body).is_err() {
                break;
            }
            if !self.counts_only.load(Ordering::Acquire) {
                lock(&self.requests).push(request);
            }
            self.count.fetch_add(1, Ordering::AcqRel);
            if !self.answer(stream, &reply) {
                break;
            }
        }
        // What is unread makes a reset of it.
        let _ = stream.shutdown(Shutdown::Both);
    }

    /// Answers. Returns whether the connection stays.
    fn answer(&self, mut stream: &TcpStream, reply: &Reply) -> bool {
        let (status, headers, body): (u16, &[(String, String)], &[u8]) = match reply {
            Reply::Status(status) => (*status, &[], &[]),
            Reply::Full(status, headers, body) => (*status, headers, body),
            Reply::Slow(time) => {
                thread::sleep(*time);
                (200, &[], &[])
            }
            Reply::ThenClose => (200, &[], &[]),
            Reply::Swallow | Reply::CutAfter(_) => return false,
            Reply::Raw(bytes) => {
                let _ = stream.write_all(bytes);
                return false;
            }
            Reply::Hang => {
                while !self.ended.load(Ordering::Acquire) {
                    thread::sleep(Duration::from_millis(5));
                }
                return false;
            }
        };
        let mut answer = format!("HTTP/1.1 {status} As told\r\n");
        for (name, value) in headers {
            answer += &format!("{name}: {value}\r\n");
        }
        answer += &format!("content-length: {}\r\n\r\n", body.len());
        let answer = [answer.as_bytes(), body].concat();
        stream.write_all(&answer).is_ok() && *reply != Reply::ThenClose
    }
}

/// The head of a request; `None` at the end.
fn head(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    let mut next = || -> Option<String> {
        line.clear();
        let read = reader.read_line(&mut line).ok()?;
        (read > 0).then(|| line.trim_end().to_owned())
    };
    let first = next()?;
    let mut words = first.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let line = next()?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    Some(Request {
        method,
        path,
        headers,
        body: Vec::new(),
        connection: 0,
    })
}
