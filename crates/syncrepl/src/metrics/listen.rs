//! Where the pages are served: at an address, or at a socket in the file system that only this user may open.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, result};

/// A path of a socket has at most so many bytes, on every system; the name for the moment of its making too.
const LONGEST_PATH: usize = 90;

/// A client that is connected.
pub(super) trait Client: Read + Write {
    /// Limits the next read and the next write.
    fn limit(&self, time: Duration) -> io::Result<()>;
    /// Tells the client that the answer is whole.
    fn end(&self) -> io::Result<()>;
}

impl Client for TcpStream {
    fn limit(&self, time: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(time))?;
        self.set_write_timeout(Some(time))
    }

    fn end(&self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

impl Client for UnixStream {
    fn limit(&self, time: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(time))?;
        self.set_write_timeout(Some(time))
    }

    fn end(&self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

/// The address or the socket that clients connect to.
pub(super) enum Listener {
    /// An address.
    Tcp(TcpListener),
    /// A socket in the file system.
    Unix(UnixListener),
}

impl Listener {
    pub(super) fn try_clone(&self) -> io::Result<Listener> {
        Ok(match self {
            Listener::Tcp(listener) => Listener::Tcp(listener.try_clone()?),
            Listener::Unix(listener) => Listener::Unix(listener.try_clone()?),
        })
    }

    pub(super) fn accept(&self) -> io::Result<Box<dyn Client>> {
        Ok(match self {
            Listener::Tcp(listener) => Box::new(listener.accept()?.0),
            Listener::Unix(listener) => Box::new(listener.accept()?.0),
        })
    }
}

/// The file of a socket; removed when dropped.
pub(crate) struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Without the file a client learns that nobody serves; with it too, only later.
        let _ = fs::remove_file(&self.0);
    }
}

/// Listens at a socket that nobody but this user, and root, may open.
///
/// # Errors
/// Something else is at that path, or another process serves there.
pub(super) fn at_path(path: &Path) -> io::Result<(UnixListener, SocketFile)> {
    if path.as_os_str().len() > LONGEST_PATH {
        return Err(io::Error::other("its path is too long for a socket"));
    }
    match fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => {
            return Err(io::Error::other("a file that is no socket is there"));
        }
        Ok(_) if UnixStream::connect(path).is_ok() => {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        _ => {}
    }
    // It gets its name only when it has its permissions. This also replaces the socket of a killed process.
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let private = tempfile::Builder::new()
        .prefix(".")
        .rand_bytes(4)
        .tempdir_in(folder)?;
    let new = private.path().join("s");
    let listener = UnixListener::bind(&new)?;
    fs::set_permissions(&new, fs::Permissions::from_mode(0o600))?;
    fs::rename(&new, path)?;
    Ok((listener, SocketFile(path.to_owned())))
}

/// The addresses that this text names, which may have to be of this machine alone.
///
/// # Errors
/// The fault of the text; `allow` is how a person allows an address that other machines reach.
pub(super) fn resolve(
    address: &str,
    remote: bool,
    allow: &str,
) -> result::Result<Vec<SocketAddr>, String> {
    let wrong =
        |problem: &str| format!("{problem}; give an address and a port, such as 127.0.0.1:9142");
    let found = address.to_socket_addrs();
    let addresses: Vec<_> = found.map_err(|_| wrong("no such address"))?.collect();
    if addresses.is_empty() {
        return Err(wrong("no such address"));
    }
    if !remote && !are_local(&addresses) {
        let problem = format!(
            "other machines can reach this address, without a password (allow it by {allow})"
        );
        return Err(wrong(&problem));
    }
    Ok(addresses)
}

/// Whether only this machine reaches these addresses.
pub(super) fn are_local(addresses: &[SocketAddr]) -> bool {
    addresses.iter().all(|address| address.ip().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_unless_asked() {
        assert!(resolve("127.0.0.1:9142", false, "x").is_ok());
        assert!(resolve("[::1]:9142", false, "x").is_ok());
        for address in ["0.0.0.0:9142", "[::]:9142", "192.0.2.1:9142"] {
            assert!(resolve(address, false, "x").is_err(), "{address}");
            assert!(resolve(address, true, "x").is_ok(), "{address}");
        }
        for wrong in ["", "9142", "127.0.0.1", "127.0.0.1:x"] {
            assert!(resolve(wrong, true, "x").is_err(), "{wrong}");
        }
    }

    #[test]
    fn socket_is_for_this_user_alone_and_replaces_a_dead_one_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("page.sock");
        drop(UnixListener::bind(&path).unwrap());
        let (listener, file) = at_path(&path).unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            1,
            "nothing else stays"
        );
        assert!(at_path(&path).is_err(), "it is served");
        drop((listener, file));
        assert!(!path.exists());
        fs::write(&path, "a file").unwrap();
        assert!(at_path(&path).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"a file");
    }
}
