//! The user that a server runs as, when root runs the tests: 389-ds insists on another.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use crate::release::{Release, is_root};

/// A user and its group, by number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Account {
    user: u32,
    group: u32,
}

impl Account {
    /// The account of that name, from that package; `None` when the tests do not run as root.
    pub(crate) fn to_run_as(release: Release, name: &str, package: &str) -> Option<Account> {
        if !is_root() {
            return None;
        }
        let accounts = release.file(Path::new("/etc/passwd"));
        let accounts = fs::read_to_string(accounts).expect("/etc/passwd");
        let fields: Vec<&str> = accounts
            .lines()
            .map(|line| line.split(':').collect::<Vec<_>>())
            .find(|fields| fields[0] == name)
            .unwrap_or_else(|| panic!("no user {name}: apt-get install {package}"));
        let number = |at: usize| fields[at].parse().expect("a number in /etc/passwd");
        Some(Account {
            user: number(2),
            group: number(3),
        })
    }

    /// Its number.
    pub(crate) fn user(self) -> u32 {
        self.user
    }

    /// The number of its group.
    pub(crate) fn group(self) -> u32 {
        self.group
    }

    /// Gives this account a folder with all that is in it, and lets everybody look in.
    pub(crate) fn own(self, folder: &Path) {
        self.give(folder);
        let everybody = fs::Permissions::from_mode(0o755);
        fs::set_permissions(folder, everybody).expect("opening the folder");
    }

    fn give(self, path: &Path) {
        chown(path, Some(self.user), Some(self.group)).expect("giving a file away");
        if path.is_dir() {
            for entry in fs::read_dir(path).expect("reading a folder") {
                self.give(&entry.expect("reading a folder").path());
            }
        }
    }
}
