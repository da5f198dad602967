//! The choices a provider is started with, and the builder that takes them.

use std::io;

use crate::Provider;
use crate::entry::{Entry, Stored};
use crate::refusal::Refusal;

/// How a refresh that began with a cookie tells what is gone (RFC 4533 §3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RefreshStyle {
    /// A present phase: everything that is still there is named, what is not named is gone. What
    /// slapd does without a session log.
    #[default]
    PresentPhase,
    /// A delete phase, from the change log: what is gone is named. What slapd does with one.
    DeletePhase,
}

/// What happens to a cookie that is older than the change log reaches. Without a delete phase no
/// cookie is too old.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OldCookie {
    /// A present phase instead.
    #[default]
    PresentPhase,
    /// e-syncRefreshRequired (RFC 4533 §2.6).
    RefreshRequired,
}

/// What happens to a cookie that this provider cannot have made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum UnknownCookie {
    /// It counts as none: everything is sent. slapd does so, and tells no deletes then.
    #[default]
    AsNone,
    /// e-syncRefreshRequired (RFC 4533 §2.6).
    RefreshRequired,
    /// This result code.
    Result(u32),
}

/// Everything that can be chosen.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) port: u16,
    pub(crate) suffixes: Vec<String>,
    pub(crate) suffix_entries: bool,
    pub(crate) entries: Vec<(String, Vec<Stored>)>,
    pub(crate) restored: Vec<Entry>,
    pub(crate) root: Option<(String, String)>,
    pub(crate) users: Vec<(String, String)>,
    pub(crate) anonymous_reads: bool,
    pub(crate) anyone_writes: bool,
    pub(crate) vendor_name: Option<String>,
    pub(crate) opaque_cookies: bool,
    pub(crate) style: RefreshStyle,
    pub(crate) first: RefreshStyle,
    pub(crate) old_cookie: OldCookie,
    pub(crate) unknown_cookie: UnknownCookie,
    pub(crate) change_log: usize,
    pub(crate) seed: Option<u64>,
}

impl Config {
    /// The root DN and its password.
    pub(crate) fn root(&self) -> (String, String) {
        self.root.clone().unwrap_or_else(|| {
            let suffix = self.suffixes.first().map_or("", String::as_str);
            (format!("cn=admin,{suffix}"), "secret".to_owned())
        })
    }
}

/// Describes a [`Provider`]; made by [`Provider::builder`]. Without any choice made it serves
/// `dc=example,dc=com`, empty but for that entry, behaves as OpenLDAP's slapd does, lets anyone
/// read, and `cn=admin,dc=example,dc=com` with the password `secret` write.
#[derive(Debug)]
#[must_use = "a builder does nothing until it is started"]
pub struct Builder {
    config: Config,
}

impl Builder {
    pub(crate) fn new() -> Builder {
        Builder {
            config: Config {
                port: 0,
                suffixes: Vec::new(),
                suffix_entries: true,
                entries: Vec::new(),
                restored: Vec::new(),
                root: None,
                users: Vec::new(),
                anonymous_reads: true,
                anyone_writes: false,
                vendor_name: None,
                opaque_cookies: false,
                style: RefreshStyle::default(),
                first: RefreshStyle::DeletePhase,
                old_cookie: OldCookie::default(),
                unknown_cookie: UnknownCookie::default(),
                change_log: 1000,
                seed: None,
            },
        }
    }

    /// The loopback port to listen on; a free one by default.
    pub fn port(mut self, port: u16) -> Self {
        self.config.port = port;
        self
    }

    /// A naming context; given more than once, one more. `dc=example,dc=com` when there is none.
    pub fn suffix(mut self, dn: impl Into<String>) -> Self {
        self.config.suffixes.push(dn.into());
        self
    }

    /// Whether the entries of the naming contexts are there from the start; true by default.
    pub fn suffix_entries(mut self, there: bool) -> Self {
        self.config.suffix_entries = there;
        self
    }

    /// An entry to begin with. Parents come before their children; an attribute with several
    /// values is given several times.
    pub fn entry<N: AsRef<str>, V: AsRef<[u8]>>(
        mut self,
        dn: impl Into<String>,
        attributes: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let attributes = crate::directory::group(attributes);
        self.config.entries.push((dn.into(), attributes));
        self
    }

    /// Begins with entries of another provider, as [`Provider::entries`] returned them: with their
    /// entryUUIDs and CSNs, but without a change log. A backup restored, a server restarted.
    pub fn restore(mut self, entries: impl IntoIterator<Item = Entry>) -> Self {
        self.config.restored.extend(entries);
        self
    }

    /// The DN that may write, and its password; `cn=admin` below the first naming context, and
    /// `secret`, by default.
    pub fn root(mut self, dn: impl Into<String>, password: impl Into<String>) -> Self {
        self.config.root = Some((dn.into(), password.into()));
        self
    }

    /// A DN that may read, and its password. An entry with a plain `userPassword` may bind too.
    pub fn user(mut self, dn: impl Into<String>, password: impl Into<String>) -> Self {
        self.config.users.push((dn.into(), password.into()));
        self
    }

    /// Whether anonymous clients may read; true by default.
    pub fn anonymous_reads(mut self, may: bool) -> Self {
        self.config.anonymous_reads = may;
        self
    }

    /// Whether every client may write, anonymous ones too; false by default.
    pub fn anyone_writes(mut self, may: bool) -> Self {
        self.config.anyone_writes = may;
        self
    }

    /// The `vendorName` of the root DSE (RFC 3045). Without one the root DSE looks like OpenLDAP's,
    /// which has no `vendorName` but the object class `OpenLDAProotDSE`.
    pub fn vendor_name(mut self, name: impl Into<String>) -> Self {
        self.config.vendor_name = Some(name.into());
        self
    }

    /// Whether cookies have a form of their own instead of OpenLDAP's `rid=000,csn=…`; false by
    /// default.
    pub fn opaque_cookies(mut self, opaque: bool) -> Self {
        self.config.opaque_cookies = opaque;
        self
    }

    /// How a refresh that began with a cookie tells what is gone; by a present phase by default.
    pub fn refresh_style(mut self, style: RefreshStyle) -> Self {
        self.config.style = style;
        self
    }

    /// How a refresh without a cookie ends: as if deletes had been told, as slapd does and as is
    /// the default, or as a present phase. Both are legal, and both mean that what was sent is
    /// everything.
    pub fn first_refresh(mut self, style: RefreshStyle) -> Self {
        self.config.first = style;
        self
    }

    /// What happens to a cookie that is older than the change log reaches.
    pub fn old_cookie(mut self, choice: OldCookie) -> Self {
        self.config.old_cookie = choice;
        self
    }

    /// What happens to a cookie that this provider cannot have made.
    pub fn unknown_cookie(mut self, choice: UnknownCookie) -> Self {
        self.config.unknown_cookie = choice;
        self
    }

    /// How many changes the change log keeps; 1000 by default.
    pub fn change_log(mut self, changes: usize) -> Self {
        self.config.change_log = changes;
        self
    }

    /// The seed of everything random, entryUUIDs above all; chosen by chance when it is not given,
    /// see [`Provider::seed`].
    pub fn seed(mut self, seed: u64) -> Self {
        self.config.seed = Some(seed);
        self
    }

    /// Starts to listen on 127.0.0.1.
    ///
    /// # Errors
    /// When the port is taken, or an entry to begin with cannot be added; the [`Refusal`] is then
    /// the source of the error.
    pub fn start(mut self) -> io::Result<Provider> {
        if self.config.suffixes.is_empty() {
            self.config.suffixes.push("dc=example,dc=com".to_owned());
        }
        Provider::start(self.config)
    }
}

/// A refusal as an I/O error, naming the entry it is about.
pub(crate) fn refused(dn: &str, refusal: Refusal) -> io::Error {
    #[derive(Debug)]
    struct At(String, Refusal);
    impl std::fmt::Display for At {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "{}: {}", self.0, self.1)
        }
    }
    impl std::error::Error for At {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&self.1)
        }
    }
    io::Error::new(io::ErrorKind::InvalidInput, At(dn.to_owned(), refusal))
}
