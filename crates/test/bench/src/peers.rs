//! Who is measured, and by which words each is told what to do.

use std::path::{Path, PathBuf};

use syncrepl_testing::slapd::{ADMIN, PASSWORD, SUFFIX, Slapd};
use syncrepl_testing::tools;

use crate::receive;

/// Who is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Peer {
    /// Ours, printing JSON.
    Syncrepl,
    /// OpenLDAP's command, in C, which stores nothing.
    Ldapsearch,
    /// `syncrepl-client` of PyPI.
    SyncreplClient,
    /// `python-ldap` of PyPI, its example of a consumer that stores in a `shelve` file.
    PythonLdap,
    /// The `ldap3` crate, copying into a map in memory.
    Ldap3,
    /// This program, which receives the bytes and does nothing with them.
    Receiver,
}

impl Peer {
    pub(crate) const ALL: [Peer; 6] = [
        Peer::Syncrepl,
        Peer::Ldapsearch,
        Peer::SyncreplClient,
        Peer::PythonLdap,
        Peer::Ldap3,
        Peer::Receiver,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Peer::Syncrepl => "syncrepl",
            Peer::Ldapsearch => "ldapsearch",
            Peer::SyncreplClient => "syncrepl_client (Python)",
            Peer::PythonLdap => "python-ldap",
            Peer::Ldap3 => "ldap3 crate",
            Peer::Receiver => "received only",
        }
    }
}

/// Where the peers' programs are.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    pub(crate) syncrepl: PathBuf,
    /// The interpreter of the virtual environment, and the folder of the scripts.
    pub(crate) python: Option<(PathBuf, PathBuf)>,
    pub(crate) ldap3: Option<PathBuf>,
}

impl Programs {
    pub(crate) fn has(&self, peer: Peer) -> bool {
        match peer {
            Peer::Syncrepl | Peer::Ldapsearch | Peer::Receiver => true,
            Peer::SyncreplClient | Peer::PythonLdap => self.python.is_some(),
            Peer::Ldap3 => self.ldap3.is_some(),
        }
    }

    /// The command that copies the whole suffix to `data`, once, or staying there.
    pub(crate) fn command(
        &self,
        peer: Peer,
        server: &Slapd,
        data: &Path,
        follow: bool,
        cookie: Option<&str>,
    ) -> Vec<String> {
        if peer == Peer::Receiver {
            let me = std::env::current_exe().expect("the name of this program");
            let words = [receive::WORD.to_owned(), server.port().to_string()];
            return [me.display().to_string()]
                .into_iter()
                .chain(words)
                .collect();
        }
        let url = server.url();
        let data = data.display().to_string();
        let words: Vec<&str> = match peer {
            Peer::Syncrepl => vec![
                if follow { "follow" } else { "refresh" },
                "-H",
                &url,
                "-x",
                "-D",
                ADMIN,
                "-w",
                PASSWORD,
                "-b",
                SUFFIX,
                "--data",
                &data,
                "--format",
                "json",
            ],
            Peer::Ldapsearch => vec![
                "-x", "-LLL", "-H", &url, "-D", ADMIN, "-w", PASSWORD, "-b", SUFFIX, "-E",
            ],
            _ => vec![
                if follow { "follow" } else { "refresh" },
                &url,
                ADMIN,
                PASSWORD,
                SUFFIX,
                &data,
            ],
        };
        let mut command = vec![];
        let program = |path: &Path| path.display().to_string();
        match (peer, &self.python, &self.ldap3) {
            (Peer::Syncrepl, ..) => command.push(program(&self.syncrepl)),
            (Peer::Ldapsearch, ..) => command.push(program(&tools::find("ldapsearch"))),
            (Peer::Ldap3, _, Some(ldap3)) => command.push(program(ldap3)),
            (_, Some((python, scripts)), _) => {
                let script = match peer {
                    Peer::SyncreplClient => "with_syncrepl_client.py",
                    _ => "with_python_ldap.py",
                };
                command.extend([program(python), program(&scripts.join(script))]);
            }
            _ => panic!("{} is not there", peer.name()),
        }
        command.extend(words.into_iter().map(str::to_owned));
        if peer == Peer::Ldapsearch {
            let mode = if follow { "rp" } else { "ro" };
            command.push(match cookie {
                Some(cookie) => format!("sync={mode}/{cookie}"),
                None => format!("sync={mode}"),
            });
        }
        command
    }
}
