//! `nats-server`: one, or a cluster of three.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::judge::Judge;
use crate::ports::free_port;
use crate::tools;
use crate::wait::wait_until;

const PATIENCE: Duration = Duration::from_secs(60);

/// A server. Dropping it stops the process.
#[derive(Debug)]
pub struct Nats {
    folder: TempDir,
    port: u16,
    child: Option<Child>,
}

impl Nats {
    /// Starts a server without any login.
    ///
    /// # Panics
    /// When it is not installed, or does not come up.
    pub fn start() -> Nats {
        Nats::with("")
    }

    /// As [`Nats::start`], with these lines in its configuration.
    pub fn with(lines: &str) -> Nats {
        let mut nats = Nats::new(free_port());
        nats.configure(lines);
        nats.launch();
        nats
    }

    fn new(port: u16) -> Nats {
        let folder = tempfile::Builder::new().prefix("syncrepl-nats-").tempdir();
        Nats {
            folder: folder.expect("a temporary folder"),
            port,
            child: None,
        }
    }

    /// Writes the configuration, for the next start.
    pub fn configure(&self, lines: &str) {
        let store = self.store().display().to_string();
        let port = self.port;
        let text = format!(
            "listen: \"127.0.0.1:{port}\"\njetstream {{ store_dir: \"{store}\" }}\n{lines}\n"
        );
        fs::write(self.folder().join("nats.conf"), text).expect("writing nats.conf");
    }

    /// Starts it again, after it was ended.
    pub fn launch(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        self.spawn();
        self.wait_up();
    }

    fn spawn(&mut self) {
        let log = self.folder().join("log");
        let log = fs::File::options().create(true).append(true).open(log);
        let log = log.expect("the log");
        let child = Command::new(tools::find("nats-server"))
            .arg("-c")
            .arg(self.folder().join("nats.conf"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the log"))
            .stderr(log)
            .spawn()
            .expect("nats-server starts");
        self.child = Some(child);
    }

    /// Waits for its greeting: it greets when it has read what it stored.
    fn wait_up(&mut self) {
        wait_until(PATIENCE, || {
            let child = self.child.as_mut().expect("a process");
            let ended = child.try_wait().expect("waiting for nats-server");
            let log = self.folder.path().join("log");
            assert!(
                ended.is_none(),
                "nats-server ended: {}",
                fs::read_to_string(log).unwrap_or_default()
            );
            self.greets()
        });
    }

    fn greets(&self) -> bool {
        let Ok(stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)) else {
            return false;
        };
        let waits = stream.set_read_timeout(Some(Duration::from_secs(1)));
        waits.expect("a time limit");
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).is_ok() && line.starts_with("INFO ")
    }

    /// Ends it with SIGKILL.
    pub fn kill9(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("killing nats-server");
            child.wait().expect("waiting for nats-server");
        }
    }

    /// Ends it with SIGTERM, so that all that it took is on the disk.
    pub fn stop(&mut self) {
        self.signal("TERM");
        if let Some(mut child) = self.child.take() {
            child.wait().expect("waiting for nats-server");
        }
    }

    /// Sends a signal, by its name without `SIG`.
    pub fn signal(&self, name: &str) {
        let child = self.child.as_ref().expect("a process");
        tools::signal(child.id(), name);
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The target of a sink.
    pub fn target(&self, stream: &str, prefix: &str) -> String {
        format!("nats://{}/{stream}?subject={prefix}", self.address())
    }

    /// Who looks into it.
    pub fn judge(&self) -> Judge {
        Judge::new(&self.address())
    }

    /// Its files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What it stores: a copy of this folder is a backup, while it does not run.
    pub fn store(&self) -> PathBuf {
        self.folder().join("store")
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Three servers that keep the same streams.
#[derive(Debug)]
pub struct Cluster {
    /// The servers.
    pub nodes: Vec<Nats>,
}

impl Cluster {
    /// Starts them, and waits until they answer for JetStream.
    ///
    /// # Panics
    /// When one does not come up.
    pub fn start() -> Cluster {
        let routes: Vec<u16> = (0..3).map(|_| free_port()).collect();
        let urls: Vec<_> = routes
            .iter()
            .map(|port| format!("\"nats-route://127.0.0.1:{port}\""))
            .collect();
        let urls = urls.join(", ");
        let mut nodes: Vec<Nats> = (0..3).map(|_| Nats::new(free_port())).collect();
        for (number, (node, port)) in nodes.iter_mut().zip(&routes).enumerate() {
            node.configure(&format!(
                "server_name: n{number}\n\
                 cluster {{ name: C, listen: \"127.0.0.1:{port}\", routes: [{urls}] }}"
            ));
            node.spawn();
        }
        for node in &mut nodes {
            node.wait_up();
        }
        let cluster = Cluster { nodes };
        wait_until(PATIENCE, || {
            cluster.judge().try_ask("NAMES", "", "").is_ok()
        });
        cluster
    }

    /// The target of a sink.
    pub fn target(&self, stream: &str, prefix: &str) -> String {
        format!(
            "nats://{}/{stream}?subject={prefix}",
            self.addresses().join(",")
        )
    }

    fn addresses(&self) -> Vec<String> {
        self.nodes.iter().map(Nats::address).collect()
    }

    /// Who looks into a server that runs.
    pub fn judge(&self) -> Judge {
        let up = self.nodes.iter().find(|node| node.child.is_some());
        up.expect("a server that runs").judge()
    }

    /// The number of the server that leads a stream, if one does.
    pub fn leader(&self, stream: &str) -> Option<usize> {
        let info = self.judge().try_ask("INFO", stream, "").ok()?;
        let name = info["cluster"]["leader"].as_str()?;
        name.strip_prefix('n')?.parse().ok()
    }
}
