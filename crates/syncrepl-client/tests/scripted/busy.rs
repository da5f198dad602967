//! A provider that never falls silent, by a clock of its own: the clock moves by what the provider
//! sends, so nothing is waited for.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use syncrepl_client::{Network, Server, Stream, SyncreplMode};
use syncrepl_proto::sync::EntryState::{Add, Modify};

use crate::bench::{Bench, Told, copy, poll_until};
use crate::fake::{BASE, Fake, Step};

const FIRST: &str = "rid=000,csn=20261121205328.954658Z#000000#000#000000";
const ODD: &str = "rid=000,csn=20261121205329.954658Z#000000#000#000000";
const EVEN: &str = "rid=000,csn=20261121205330.954658Z#000000#000#000000";
const P: &str = "cn=p,ou=base,dc=example";
const Q: &str = "cn=q,ou=base,dc=example";
const Z: &str = "cn=z,ou=base,dc=example";
const BUSY: &str = "cn=busy,ou=base,dc=example";
const BELOW_P: &str = "cn=c,cn=p,ou=base,dc=example";

/// The time between two writes.
const PACE: Duration = Duration::from_millis(400);
/// At that pace these writes take 40 s.
const WRITES: usize = 100;

/// How much time has passed at the provider.
#[derive(Clone)]
struct Clock {
    start: Instant,
    passed: Arc<Mutex<Duration>>,
}

impl Clock {
    fn now(&self) -> Instant {
        self.start + self.passed()
    }

    fn passed(&self) -> Duration {
        *self.passed.lock().unwrap()
    }

    /// A moment that has passed changes nothing.
    fn set(&self, now: Instant) {
        let mut passed = self.passed.lock().unwrap();
        *passed = now.saturating_duration_since(self.start).max(*passed);
    }
}

/// Leads to the fake, and hands over one message at each wait.
struct Paced {
    port: u16,
    clock: Clock,
}

struct Line {
    socket: TcpStream,
    clock: Clock,
    /// The next message, and whether it may be read.
    message: Vec<u8>,
    arrived: bool,
    last_write: Option<Instant>,
}

impl Network for Paced {
    fn connect(&self, _: &Server) -> io::Result<Box<dyn Stream>> {
        Ok(Box::new(Line {
            socket: TcpStream::connect(("127.0.0.1", self.port))?,
            clock: self.clock.clone(),
            message: Vec::new(),
            arrived: false,
            last_write: None,
        }))
    }

    fn now(&self) -> Instant {
        self.clock.now()
    }
}

impl Line {
    /// Reads the next whole message, whose length is given in the short or the long form.
    fn fetch(&mut self) -> io::Result<()> {
        let mut head = [0; 2];
        self.socket.read_exact(&mut head)?;
        let mut message = head.to_vec();
        let length = match head[1] {
            short @ 0..0x80 => usize::from(short),
            long => {
                let mut digits = vec![0; usize::from(long & 0x7f)];
                self.socket.read_exact(&mut digits)?;
                message.extend(&digits);
                digits
                    .iter()
                    .fold(0, |length, digit| length << 8 | usize::from(*digit))
            }
        };
        let start = message.len();
        message.resize(start + length, 0);
        self.socket.read_exact(&mut message[start..])?;
        self.message = message;
        Ok(())
    }
}

impl Read for Line {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        if !self.arrived {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = space.len().min(self.message.len());
        space[..count].copy_from_slice(&self.message[..count]);
        self.message.drain(..count);
        self.arrived = !self.message.is_empty();
        Ok(count)
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}

impl Stream for Line {
    fn wait(&mut self, deadline: Option<Instant>) -> io::Result<bool> {
        if self.message.is_empty() {
            self.fetch()?;
        }
        let is_a_write = [ODD, EVEN].iter().any(|cookie| {
            let bytes = cookie.as_bytes();
            self.message
                .windows(bytes.len())
                .any(|window| window == bytes)
        });
        if is_a_write {
            let comes = *self.last_write.get_or_insert_with(|| self.clock.now()) + PACE;
            self.clock
                .set(deadline.map_or(comes, |deadline| comes.min(deadline)));
            if self.clock.now() < comes {
                return Ok(false);
            }
            self.last_write = Some(comes);
        }
        self.arrived = true;
        Ok(true)
    }
}

/// The refresh stage shows 3 when another entry than 2 had the name p already: see `fresh`.
#[test]
fn question_is_put_after_fifteen_seconds_without_silence() {
    let mut bench = Bench::new();
    let mut script = vec![
        Step::Entry(Add, 1, BASE, "first"),
        Step::Entry(Add, 2, P, "first"),
        Step::Entry(Add, 3, BELOW_P, "first"),
        Step::Entry(Add, 4, Z, "first"),
        Step::Entry(Add, 5, BUSY, "first"),
        Step::Phase(false, Some(FIRST), true),
        Step::Entry(Modify, 2, Q, "first"),
        Step::Entry(Modify, 4, P, "first"),
        Step::Cookie(ODD),
    ];
    for number in 0..WRITES {
        let (text, cookie) = [("even", EVEN), ("odd", ODD)][number % 2];
        script.extend([Step::Entry(Modify, 5, BUSY, text), Step::Cookie(cookie)]);
    }
    script.push(Step::Cut);
    let fake = Fake::start("", vec![script]);
    fake.describes(&[
        (1, BASE, "first"),
        (2, Q, "first"),
        (3, BELOW_P, "first"),
        (4, P, "first"),
        (5, BUSY, "first"),
    ]);
    let clock = Clock {
        start: Instant::now(),
        passed: Arc::default(),
    };
    let network = Paced {
        port: fake.port,
        clock: clock.clone(),
    };
    let mut client = syncrepl_client::Syncrepl::builder(bench.data(), &mut bench.told)
        .mode(SyncreplMode::RefreshAndPersist)
        .ldap_url(fake.url())
        .network(network)
        .connect()
        .unwrap();
    let moved = |told: &Told| told.holds(Q) && !told.holds(Z);
    poll_until(&mut client, |told| moved(told)).unwrap();
    let put = clock.passed();
    poll_until(&mut client, |told| told.holds(BELOW_P)).unwrap();
    let waited = clock.passed() - put;
    client.unbind().unwrap();
    assert!(waited <= Duration::from_secs(15), "{waited:?}");
    assert!(waited > Duration::from_secs(14), "{waited:?}");
    assert!(copy(&bench.data()).contains_key(BELOW_P));
}
