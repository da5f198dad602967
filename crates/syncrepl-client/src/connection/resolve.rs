//! Names to addresses. What asks the network for a name blocks, so it runs in a thread of its own.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::mpsc::{TryRecvError, channel};

use super::options::ConnectOptions;
use super::server::Server;
use super::socket::Endpoint;
use super::waiter::Waiter;
use crate::error::{Error, ErrorKind, Result};
use crate::stop::StopHandle;

/// The addresses of `server`, in the order the system prefers.
pub(super) fn endpoints(
    server: &Server,
    options: &ConnectOptions,
    stop: &StopHandle,
) -> Result<Vec<Endpoint>> {
    if let Some(network) = &options.network.0 {
        return Ok(vec![Endpoint::Given(network.clone())]);
    }
    if let Some(path) = server.socket_path() {
        return Ok(vec![Endpoint::Unix(path.to_owned())]);
    }
    let (host, port) = (
        server.host().unwrap_or_default().to_owned(),
        server.port().unwrap_or(Server::LDAP_PORT),
    );
    if let Ok(address) = host.parse() {
        return Ok(vec![Endpoint::Tcp(SocketAddr::new(address, port))]);
    }
    let found = in_a_thread(options, stop, move || {
        (host.as_str(), port).to_socket_addrs().map(Vec::from_iter)
    })?;
    let found = found.map_err(|error| {
        Error::new(
            ErrorKind::Unreachable,
            format!("the name of {server} cannot be resolved"),
        )
        .with_source(error)
        .with_hint("is the name right, and does this machine reach its name server?")
    })?;
    Ok(found.into_iter().map(Endpoint::Tcp).collect())
}

/// Runs what may block for long and cannot be interrupted. The inner result is a timeout if `work` takes longer
/// than a connection may.
///
/// # Errors
/// `Stopped`, when a stop was requested meanwhile.
pub(super) fn in_a_thread<T: Send + 'static>(
    options: &ConnectOptions,
    stop: &StopHandle,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<io::Result<T>> {
    let mut waiter = Waiter::new(stop)?;
    let (sender, answer) = channel();
    let waker = waiter.waker();
    let thread = std::thread::Builder::new().name("syncrepl-resolver".to_owned());
    let started = thread.spawn(move || {
        // The receiver may be gone: a stop or the deadline came first.
        let _ = sender.send(work());
        let _ = waker.wake();
    });
    if let Err(error) = started {
        return Ok(Err(error));
    }
    let deadline = options.network.after(options.connect_timeout);
    loop {
        match answer.try_recv() {
            Ok(found) => return Ok(found),
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => {
                let message = "the resolver ended without an answer";
                return Ok(Err(io::Error::other(message)));
            }
        }
        waiter.abandon_at(options.abandon_at)?;
        if !waiter.wait(deadline)? {
            return Ok(Err(io::ErrorKind::TimedOut.into()));
        }
    }
}
