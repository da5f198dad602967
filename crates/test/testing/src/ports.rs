//! Ports for servers.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crate::tools;

/// The locks on the ports that this process was given, until it ends.
static GIVEN: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// A port below those that the kernel gives to outgoing connections, so that a server that is down
/// for a moment finds its own again; and one that no other test has: two slapd may take the same
/// port as long as neither listens, and the second to do so ends when it has said that it is up.
pub(crate) fn free_port() -> u16 {
    let folder = folder();
    fs::create_dir_all(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    for _ in 0..1000 {
        let port = fastrand::u16(10_240..32_000);
        let path = folder.join(port.to_string());
        let lock = File::create(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        if lock.try_lock().is_ok() && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
            given.push(lock);
            return port;
        }
    }
    panic!("no free port on 127.0.0.1");
}

/// Where the locks are, of this user.
fn folder() -> PathBuf {
    std::env::temp_dir().join(format!("syncrepl-ports-{}", tools::user_name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_port_is_given_twice() {
        let port = free_port();
        let path = folder().join(port.to_string());
        assert!(File::open(path).unwrap().try_lock().is_err());
    }
}
