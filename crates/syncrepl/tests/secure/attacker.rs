//! An attacker between the command and its server. It remembers every byte that the command sends.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use syncrepl_testing::tls::Pair;
use syncrepl_testing::tools;
use syncrepl_testing::wait_until;

/// The longest wait of a test.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The tag of a BindRequest (RFC 4511 §4.2).
const BIND_REQUEST: u8 = 0x60;

/// The attacker. It listens until the process ends.
pub struct Attacker {
    port: u16,
    heard: Arc<Mutex<Vec<u8>>>,
    connections: Arc<AtomicUsize>,
}

impl Attacker {
    /// Starts an attacker that does `what` with each connection and its number.
    pub fn new(what: impl Fn(Victim, usize) + Send + Sync + 'static) -> Attacker {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let attacker = Attacker {
            port: listener.local_addr().expect("its port").port(),
            heard: Arc::default(),
            connections: Arc::default(),
        };
        let (heard, connections) = (attacker.heard.clone(), attacker.connections.clone());
        let what = Arc::new(what);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let number = connections.fetch_add(1, Ordering::SeqCst);
                let (what, heard) = (what.clone(), heard.clone());
                std::thread::spawn(move || what(Victim { stream, heard }, number));
            }
        });
        attacker
    }

    pub fn url(&self, scheme: &str) -> String {
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub fn heard(&self, bytes: &[u8]) -> bool {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.windows(bytes.len()).any(|window| window == bytes)
    }

    /// Asserts that the command sent something, and nothing but a StartTLS request or TLS: no name, no
    /// password, and no bind.
    #[track_caller]
    pub fn assert_nothing_leaked(&self, secrets: &[&str]) {
        assert!(self.connections() > 0, "nobody came");
        for secret in secrets {
            assert!(!self.heard(secret.as_bytes()), "{secret} was sent");
        }
    }
}

/// One connection of the command.
pub struct Victim {
    stream: TcpStream,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Victim {
    fn note(&self, bytes: &[u8]) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.extend(bytes);
    }

    /// Reads the StartTLS request, which has to come first.
    #[track_caller]
    pub fn start_tls(&mut self) {
        let mut head = [0; 2];
        self.stream.read_exact(&mut head).expect("a message");
        assert_eq!(head[0], 0x30, "no LDAP message");
        assert!(head[1] < 0x80, "longer than a StartTLS request is");
        let mut rest = vec![0; usize::from(head[1])];
        self.stream.read_exact(&mut rest).expect("a whole message");
        self.note(&rest);
        assert_ne!(rest.get(3), Some(&BIND_REQUEST), "it binds in clear");
        assert!(
            rest.ends_with(b"1.3.6.1.4.1.1466.20037"),
            "not StartTLS: {rest:02x?}"
        );
    }

    pub fn send(&mut self, bytes: &[u8]) {
        // The command may have left.
        let _ = self.stream.write_all(bytes);
    }

    /// Waits for bytes of the command, without an answer.
    pub fn hear(&mut self) -> usize {
        let mut buffer = [0; 4096];
        let count = self.stream.read(&mut buffer).unwrap_or(0);
        self.note(&buffer[..count]);
        count
    }

    /// Reads all that the command sends, until it closes.
    pub fn hear_all(&mut self) {
        while self.hear() > 0 {}
    }

    /// Passes all bytes on between the command and that port.
    pub fn join(mut self, port: u16) {
        let server = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("the other port");
        let mut from = server.try_clone().expect("a socket");
        let mut to = self.stream.try_clone().expect("a socket");
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Both);
        });
        let mut server = server;
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = self.stream.read(&mut buffer) {
            self.note(&buffer[..count]);
            if server.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        let _ = server.shutdown(Shutdown::Both);
    }
}

/// An ExtendedResponse to message 1 (RFC 4511 §4.12) with that result code.
pub fn start_tls_response(code: u8) -> Vec<u8> {
    vec![
        0x30, 0x0c, 0x02, 1, 1, 0x78, 0x07, 0x0a, 1, code, 0x04, 0, 0x04, 0,
    ]
}

/// A BindResponse: success.
pub fn bind_response(id: u8) -> Vec<u8> {
    vec![
        0x30, 0x0c, 0x02, 1, id, 0x61, 0x07, 0x0a, 1, 0, 0x04, 0, 0x04, 0,
    ]
}

/// A TLS server that shows a certificate of the attacker's choice, and records what it receives.
pub struct Decoy {
    child: Child,
    heard: PathBuf,
    pub port: u16,
}

impl Decoy {
    pub fn new(folder: &Path, pair: &Pair) -> Decoy {
        let heard = folder.join("decoy");
        let output = File::create(&heard).expect("a file");
        let child = Command::new(tools::find("openssl"))
            .args(["s_server", "-accept", "127.0.0.1:0", "-cert"])
            .arg(&pair.cert)
            .arg("-key")
            .arg(&pair.key)
            // The server ends with its input.
            .stdin(Stdio::piped())
            .stdout(output)
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl starts");
        let mut decoy = Decoy {
            child,
            heard,
            port: 0,
        };
        wait_until(PATIENCE, || {
            let said = String::from_utf8_lossy(&decoy.said()).into_owned();
            let port = said
                .lines()
                .find_map(|line| line.strip_prefix("ACCEPT 127.0.0.1:")?.parse().ok());
            decoy.port = port.unwrap_or(0);
            decoy.port != 0
        });
        decoy
    }

    fn said(&self) -> Vec<u8> {
        fs::read(&self.heard).expect("what it wrote")
    }

    /// Whether it received these bytes, decrypted.
    pub fn was_told(&self, secret: &str) -> bool {
        self.said()
            .windows(secret.len())
            .any(|window| window == secret.as_bytes())
    }
}

impl Drop for Decoy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
