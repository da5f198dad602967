//! TLS: who is trusted, and who we are.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use syncrepl_relay::Trouble;
use syncrepl_testing::tls::{Certificates, Pair};

use crate::support::{accepted, event, owner, send, sink};

/// A receiver in Python that answers 204 to each POST.
struct Encrypted {
    process: Child,
    port: u16,
}

const SERVER: &str = r#"
import http.server, ssl, sys
cert, key, ca = sys.argv[1:]
class Hook(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(204)
        self.end_headers()
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(cert, key)
if ca:
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(ca)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
print(server.server_port, flush=True)
server.serve_forever()
"#;

impl Encrypted {
    fn start(server: &Pair, client_ca: Option<&std::path::Path>) -> Encrypted {
        let mut process = Command::new("python3")
            .args(["-c", SERVER])
            .args([&server.cert, &server.key])
            .arg(client_ca.map_or("".as_ref(), |path| path.as_os_str()))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("python3: apt-get install python3");
        let mut line = String::new();
        let stdout = process.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        Encrypted {
            process,
            port: line.trim().parse().unwrap(),
        }
    }

    fn url(&self) -> String {
        format!("https://localhost:{}/", self.port)
    }
}

impl Drop for Encrypted {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn certificate_is_verified() {
    let folder = tempfile::tempdir().unwrap();
    let made = Certificates::make(folder.path());
    let good = Encrypted::start(&made.server, None);
    let mut trusted = sink(&good.url(), &[("ca_file", json!(made.ca))]);
    trusted.open(&owner("hook")).unwrap();
    for number in 1..=3 {
        assert_eq!(send(&mut *trusted, &[event(number)]).unwrap(), accepted(1));
    }
    let expired = Encrypted::start(&made.expired, None);
    let elsewhere = Encrypted::start(&made.wrong_name, None);
    for (url, keys) in [
        (good.url(), vec![("ca_file", json!(made.other_ca))]),
        (good.url(), vec![]),
        (expired.url(), vec![("ca_file", json!(made.ca))]),
        (elsewhere.url(), vec![("ca_file", json!(made.ca))]),
    ] {
        let mut sink = sink(&url, &keys);
        sink.open(&owner("hook")).unwrap();
        let error = send(&mut *sink, &[event(1)]).unwrap_err();
        assert_eq!(
            (error.trouble(), error.reason()),
            (Trouble::Manual, "tls"),
            "{error}"
        );
    }
}

#[test]
fn receiver_may_want_a_certificate_of_ours() {
    let folder = tempfile::tempdir().unwrap();
    let made = Certificates::make(folder.path());
    let server = Encrypted::start(&made.server, Some(&made.ca));
    let rsa = made.rsa_client();
    let keys = |pair: &Pair| -> Vec<(&'static str, Value)> {
        vec![
            ("ca_file", json!(made.ca)),
            ("cert_file", json!(pair.cert)),
            ("key_file", json!(pair.key)),
        ]
    };
    for pair in [&made.client, &rsa] {
        let mut sink = sink(&server.url(), &keys(pair));
        sink.open(&owner("hook")).unwrap();
        assert_eq!(send(&mut *sink, &[event(1)]).unwrap(), accepted(1));
    }
    let mut without = sink(&server.url(), &[("ca_file", json!(made.ca))]);
    without.open(&owner("hook")).unwrap();
    let error = send(&mut *without, &[event(1)]).unwrap_err();
    assert_ne!(error.trouble(), Trouble::Refused, "{error}");
    // A key that belongs to another certificate is no panic.
    let mixed = Pair {
        cert: made.client.cert.clone(),
        key: rsa.key.clone(),
    };
    let error = sink(&server.url(), &keys(&mixed))
        .open(&owner("hook"))
        .unwrap_err();
    assert_eq!(
        (error.trouble(), error.reason()),
        (Trouble::Manual, "tls"),
        "{error}"
    );
}
