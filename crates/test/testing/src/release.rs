//! Which release of a server a test starts: the installed one, or the newer one in the root of Debian 13
//! that `scripts/servers.sh` makes and keeps.
//!
//! A newer server runs in that root by `chroot`, in a mount namespace of its own: whatever ends the
//! process, its mounts go with it. The temporary folder has the same path inside and outside.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::tools;

/// A release of a server program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// What this machine has installed: OpenLDAP 2.5 and 389 Directory Server 2 on Debian 12.
    Installed,
    /// OpenLDAP 2.6 and 389 Directory Server 3. Needs root.
    Newer,
}

/// Gives the program what it has outside, then becomes it: the process id stays. A new tmpfs stands for
/// `/dev/shm`, without which ns-slapd ends without a word.
const ENTER: &str = "\
root=$1 shared=$2
shift 2
mount -t proc proc \"$root/proc\"
mount -t tmpfs -o mode=1777 tmpfs \"$root/dev/shm\"
mount --bind \"$shared\" \"$root$shared\"
exec chroot \"$root\" \"$@\"
";

impl Release {
    /// The release for tests that name none: what `SYNCREPL_RELEASE` says, `installed` or `newer`. So any
    /// test of a server runs on the newer ones too.
    ///
    /// # Panics
    /// When the variable says something else.
    pub fn chosen() -> Release {
        match std::env::var("SYNCREPL_RELEASE").as_deref() {
            Err(_) | Ok("" | "installed") => Release::Installed,
            Ok("newer") => Release::Newer,
            Ok(other) => panic!("SYNCREPL_RELEASE is installed or newer, not {other:?}"),
        }
    }

    /// The program of that name, as this release has it.
    ///
    /// # Panics
    /// When it is not there, or when only root could start it; the message says what to do.
    pub(crate) fn program(self, name: &str) -> Executable {
        match self {
            Release::Installed => Executable {
                path: tools::find(name),
                root: None,
            },
            Release::Newer => {
                let root = root();
                let path = Path::new("/usr/sbin").join(name);
                assert!(
                    self.file(&path).exists(),
                    "there is no {name} in {}: run scripts/servers.sh make",
                    root.display()
                );
                assert!(
                    is_root(),
                    "only root may chroot and mount: run this test as root"
                );
                Executable {
                    path,
                    root: Some(root),
                }
            }
        }
    }

    /// Where a file lies that the server has at this path.
    pub(crate) fn file(self, path: &Path) -> PathBuf {
        match self {
            Release::Installed => path.to_owned(),
            Release::Newer => root().join(path.strip_prefix("/").unwrap_or(path)),
        }
    }
}

/// A program, and the root in which it runs.
#[derive(Debug, Clone)]
pub(crate) struct Executable {
    pub(crate) path: PathBuf,
    pub(crate) root: Option<PathBuf>,
}

impl Executable {
    /// A command that becomes this program, without its arguments.
    pub(crate) fn command(&self) -> Command {
        let Some(root) = &self.root else {
            return Command::new(&self.path);
        };
        let shared = std::env::temp_dir();
        let inside = root.join(shared.strip_prefix("/").expect("a whole path in TMPDIR"));
        fs::create_dir_all(&inside).unwrap_or_else(|e| panic!("{}: {e}", inside.display()));
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "--propagation", "private", "--"])
            .args(["sh", "-euc", ENTER, "sh"])
            .args([root, &shared, &self.path]);
        command
    }
}

/// The rule of `scripts/servers.sh`.
fn root() -> PathBuf {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(root) = variable("SYNCREPL_SERVERS") {
        return PathBuf::from(root);
    }
    let cache = variable("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || PathBuf::from(variable("HOME").expect("HOME is not set")).join(".cache");
    cache.unwrap_or_else(home).join("syncrepl/trixie")
}

/// Whether root runs this.
pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").expect("/proc").uid() == 0
}
