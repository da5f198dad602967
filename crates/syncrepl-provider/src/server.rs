//! The listening socket and one thread for each client.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::connection::Connection;
use crate::faults::{Fault, Meter};
use crate::output::Output;
use crate::shared::Shared;

#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    clients: Arc<Clients>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Clients {
    stopping: AtomicBool,
    streams: Mutex<HashMap<u64, TcpStream>>,
}

impl Clients {
    fn with<T>(&self, f: impl FnOnce(&mut HashMap<u64, TcpStream>) -> T) -> T {
        f(&mut self.streams.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn close_all(&self) {
        self.with(|streams| {
            for stream in streams.values() {
                let _ = stream.shutdown(Shutdown::Both);
            }
        });
    }
}

impl Server {
    pub(crate) fn start(shared: Arc<Shared>, port: u16) -> io::Result<Server> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        let address = listener.local_addr()?;
        let clients = Arc::new(Clients::default());
        let for_acceptor = Arc::clone(&clients);
        let acceptor = thread::Builder::new()
            .name("provider".to_owned())
            .spawn(move || accept(&listener, &shared, &for_acceptor))?;
        Ok(Server {
            address,
            clients,
            acceptor: Some(acceptor),
        })
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Closes every connection. The server accepts new ones.
    pub(crate) fn disconnect(&self) {
        self.clients.close_all();
    }

    /// Stops listening, closes every connection and waits until all threads have ended.
    pub(crate) fn stop(&mut self) {
        let Some(acceptor) = self.acceptor.take() else {
            return;
        };
        self.clients.stopping.store(true, Ordering::SeqCst);
        // A blocked `accept` returns only for a connection.
        let knock = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
        self.clients.close_all();
        if knock.is_ok() {
            let _ = acceptor.join();
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>, clients: &Arc<Clients>) {
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    for (number, stream) in (0u64..).zip(listener.incoming()) {
        if clients.stopping.load(Ordering::SeqCst) {
            break;
        }
        threads.retain(|thread| !thread.is_finished());
        let Ok(stream) = stream else {
            // Most likely the process is out of file descriptors. Another connection may soon
            // release one.
            thread::sleep(Duration::from_millis(10));
            continue;
        };
        if let Ok(thread) = welcome(stream, number, shared, clients) {
            threads.push(thread);
        }
    }
    clients.close_all();
    for thread in threads {
        let _ = thread.join();
    }
}

fn welcome(
    stream: TcpStream,
    number: u64,
    shared: &Arc<Shared>,
    clients: &Arc<Clients>,
) -> io::Result<JoinHandle<()>> {
    stream.set_nodelay(true)?;
    let cut = shared.faults.take(|fault| match fault {
        Fault::CutConnection(cut) => Some(*cut),
        _ => None,
    });
    let output = Output::new(stream.try_clone()?, Meter::new(cut));
    let kept = stream.try_clone()?;
    clients.with(|streams| streams.insert(number, kept));
    let connection = Connection::new(Arc::clone(shared), number, stream, output);
    let for_thread = Arc::clone(clients);
    let thread = thread::Builder::new()
        .name("client".to_owned())
        .spawn(move || {
            connection.serve();
            for_thread.with(|streams| streams.remove(&number));
        });
    if thread.is_err() {
        clients.with(|streams| streams.remove(&number));
    }
    thread
}
