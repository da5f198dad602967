//! The control socket: `syncrepl sinks`, `sink` and `dead` speak to a running daemon through it. One request a
//! connection: a line of JSON, answered by a line of JSON. Only the user that runs the daemon, and root, may.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io, thread};

use serde_json::{Value, json};
use syncrepl_client::printable;

use super::Relays;
use crate::exit::complain;

/// The longest request.
const LONGEST: u64 = 8192;
/// The time limit of a request.
const LIMIT: Duration = Duration::from_secs(2);
/// A path of a socket has at most so many bytes, on every system.
const LONGEST_PATH: usize = 100;

/// The socket; removed when dropped.
pub(crate) struct Control {
    path: PathBuf,
}

impl Drop for Control {
    fn drop(&mut self) {
        // Nobody waits for the answer of a daemon that has ended.
        let _ = fs::remove_file(&self.path);
    }
}

/// Where the daemon of this store listens: in the folder that systemd made for the run, else beside the store.
pub(crate) fn path_of(data: &Path) -> PathBuf {
    let beside = || {
        let mut path = data.as_os_str().to_owned();
        path.push("-control.sock");
        PathBuf::from(path)
    };
    match std::env::var_os("RUNTIME_DIRECTORY") {
        Some(folder) if !folder.is_empty() => PathBuf::from(folder).join("control.sock"),
        _ => beside(),
    }
}

impl Control {
    /// Listens. Without a socket the run goes on, and says so.
    pub(super) fn listen(data: &Path, relays: Relays) -> Option<Control> {
        let path = path_of(data);
        match listener(&path) {
            Ok(listener) => {
                thread::Builder::new()
                    .name("control".to_owned())
                    .spawn(move || {
                        for client in listener.incoming().flatten() {
                            if let Err(error) = serve(client, &relays) {
                                tracing::debug!("control: {error}");
                            }
                        }
                    })
                    .ok()?;
                Some(Control { path })
            }
            Err(error) => {
                complain(&format!(
                    "warning: no control socket {}: {error}; `syncrepl sink` cannot reach this run",
                    path.display()
                ));
                None
            }
        }
    }
}

fn listener(path: &Path) -> io::Result<UnixListener> {
    if path.as_os_str().len() > LONGEST_PATH {
        return Err(io::Error::other("its path is too long for a socket"));
    }
    // The lock of the store says that no other daemon has it: an old socket is one of a run that was killed.
    if fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket()) {
        fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

fn serve(mut client: UnixStream, relays: &Relays) -> io::Result<()> {
    client.set_read_timeout(Some(LIMIT))?;
    client.set_write_timeout(Some(LIMIT))?;
    let mut line = String::new();
    BufReader::new((&client).take(LONGEST)).read_line(&mut line)?;
    let answer = match serde_json::from_str::<Value>(&line) {
        Ok(request) => answer(&request, relays),
        Err(_) => Err("the request is no JSON".to_owned()),
    };
    let answer = match answer {
        Ok(value) => json!({ "ok": value }),
        Err(problem) => json!({ "error": problem }),
    };
    writeln!(client, "{answer}")
}

fn answer(request: &Value, relays: &Relays) -> Result<Value, String> {
    let word = |name: &str| {
        request
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let sink = word("sink");
    if word("do") == "sinks" {
        return Ok(relays
            .status
            .iter()
            .map(|(name, status)| sink_status(name, &status.get()))
            .collect());
    }
    if !relays.status.iter().any(|(name, _)| name == sink) {
        return Err(format!("no sink here is named {sink:?}"));
    }
    let failed = |error: syncrepl_relay::DeliveryError| error.to_string();
    let (delivery, shared) = (&relays.delivery, &relays.shared);
    match word("do") {
        "pause" => {
            delivery.put_paused(sink, true).map_err(failed)?;
            shared.pause(sink, true);
        }
        "resume" => {
            delivery.put_paused(sink, false).map_err(failed)?;
            shared.pause(sink, false);
        }
        "resync" => {
            delivery.put_resync(sink, true).map_err(failed)?;
            shared.changed(sink);
        }
        "allow-removal" => shared.allow_removal(sink),
        "changed" => shared.changed(sink),
        other => return Err(format!("{other:?} is no request")),
    }
    Ok(Value::Null)
}

/// The state of a sink as JSON.
pub(crate) fn sink_status(name: &str, status: &syncrepl_relay::RelayStatus) -> Value {
    let time = |time: std::time::SystemTime| syncrepl_relay::rfc3339(time);
    json!({
        "sink": name,
        "state": status.state.to_string(),
        "since": status.since.map(time),
        "sent": status.sent.iter().map(|(word, count)| ((*word).to_owned(), json!(count))).collect::<serde_json::Map<_, _>>(),
        "dead": status.dead,
        "last_error": status.last_error.as_ref().map(|(text, at)| json!({ "message": printable(text), "time": time(*at) })),
    })
}

/// Asks the daemon of a store; `None`: there is none.
///
/// # Errors
/// The daemon does not answer.
pub(crate) fn ask(data: &Path, request: &Value) -> io::Result<Option<Value>> {
    let client = match UnixStream::connect(path_of(data)) {
        Ok(client) => client,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
            ) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    client.set_read_timeout(Some(Duration::from_secs(10)))?;
    writeln!(&client, "{request}")?;
    let mut line = String::new();
    BufReader::new(&client).read_line(&mut line)?;
    serde_json::from_str(&line)
        .map(Some)
        .map_err(io::Error::other)
}
