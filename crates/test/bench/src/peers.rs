//! The programs that are measured, and the command line of each.

use std::path::{Path, PathBuf};

use syncrepl_testing::slapd::{ADMIN, PASSWORD, SUFFIX, Slapd};
use syncrepl_testing::tools;

use crate::receive;

/// A program that is measured.
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
        let (url, data) = (server.url(), data.display().to_string());
        let word = if follow { "follow" } else { "refresh" };
        let sync = match (follow, cookie) {
            (true, Some(cookie)) => format!("sync=rp/{cookie}"),
            (true, None) => "sync=rp".to_owned(),
            (false, Some(cookie)) => format!("sync=ro/{cookie}"),
            (false, None) => "sync=ro".to_owned(),
        };
        let port = server.port().to_string();
        let credentials = ["-D", ADMIN, "-w", PASSWORD, "-b", SUFFIX];
        let words: Vec<&str> = match peer {
            Peer::Receiver => vec![receive::WORD, &port],
            Peer::Syncrepl => [
                &[word, "-H", &url, "-x"][..],
                &credentials,
                &["--data", &data, "--format", "json"],
            ]
            .concat(),
            Peer::Ldapsearch => [
                &["-x", "-LLL", "-H", &url][..],
                &credentials,
                &["-E", &sync],
            ]
            .concat(),
            _ => vec![word, &url, ADMIN, PASSWORD, SUFFIX, &data],
        };
        let mut command = self.program(peer);
        command.extend(words.into_iter().map(str::to_owned));
        command
    }

    /// The program, with its interpreter before it.
    fn program(&self, peer: Peer) -> Vec<String> {
        let word = |path: &Path| path.display().to_string();
        match (peer, &self.python, &self.ldap3) {
            (Peer::Receiver, ..) => {
                let me = std::env::current_exe().expect("the name of this program");
                vec![word(&me)]
            }
            (Peer::Syncrepl, ..) => vec![word(&self.syncrepl)],
            (Peer::Ldapsearch, ..) => vec![word(&tools::find("ldapsearch"))],
            (Peer::Ldap3, _, Some(ldap3)) => vec![word(ldap3)],
            (_, Some((python, scripts)), _) => {
                let script = match peer {
                    Peer::SyncreplClient => "with_syncrepl_client.py",
                    _ => "with_python_ldap.py",
                };
                vec![word(python), word(&scripts.join(script))]
            }
            _ => panic!("{} is not there", peer.name()),
        }
    }
}
