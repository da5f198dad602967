//! The choices a provider starts with, and the builder that collects them. `provider` starts it.

use std::fmt;
use std::io;

use crate::entry::{Entry, Stored};
use crate::refusal::Refusal;

/// How a refresh with a cookie tells the consumer which entries are gone (RFC 4533 §3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RefreshStyle {
    /// A present phase: the provider names every unchanged entry, and the consumer deletes the
    /// entries that are not named. slapd does this without a session log.
    #[default]
    PresentPhase,
    /// A delete phase: the provider names the deleted entries, from its change log. slapd does this
    /// with a session log.
    DeletePhase,
}

/// The answer to a cookie older than the oldest change in the change log.
///
/// This applies to [`RefreshStyle::DeletePhase`] only, because a present phase needs no log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OldCookie {
    /// The provider runs a present phase instead.
    #[default]
    PresentPhase,
    /// The provider refuses with e-syncRefreshRequired (RFC 4533 §2.6).
    RefreshRequired,
}

/// The answer to a cookie that this provider cannot have made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum UnknownCookie {
    /// The provider ignores the cookie and sends every entry. slapd does so too, and then tells of
    /// no deletes.
    #[default]
    AsNone,
    /// The provider refuses with e-syncRefreshRequired (RFC 4533 §2.6).
    RefreshRequired,
    /// The provider refuses with this result code.
    Result(u32),
}

/// Every choice; [`Builder`] documents each.
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
    pub(crate) capabilities: Vec<String>,
    pub(crate) opaque_cookies: bool,
    pub(crate) style: RefreshStyle,
    pub(crate) first: RefreshStyle,
    pub(crate) old_cookie: OldCookie,
    pub(crate) unknown_cookie: UnknownCookie,
    pub(crate) change_log: usize,
    pub(crate) seed: Option<u64>,
}

impl Config {
    /// The DN that may write, and its password: the chosen ones, or the defaults of
    /// [`Builder::root`].
    pub(crate) fn root(&self) -> (String, String) {
        self.root.clone().unwrap_or_else(|| {
            let suffix = self.suffixes.first().map_or("", String::as_str);
            (format!("cn=admin,{suffix}"), "secret".to_owned())
        })
    }
}

/// The configuration of a [`Provider`](crate::Provider), made by
/// [`Provider::builder`](crate::Provider::builder).
///
/// By default the provider serves `dc=example,dc=com` with that one entry, and behaves like
/// OpenLDAP's slapd. Everybody may read; `cn=admin,dc=example,dc=com` with the password `secret`
/// may write.
#[must_use = "a builder does nothing until it is started"]
pub struct Builder {
    pub(crate) config: Config,
}

impl fmt::Debug for Builder {
    /// Without the entries, and without passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("port", &self.config.port)
            .field("suffixes", &self.config.suffixes)
            .finish_non_exhaustive()
    }
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
                capabilities: Vec::new(),
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

    /// The port to listen on at 127.0.0.1. Default: a free port.
    pub fn port(mut self, port: u16) -> Self {
        self.config.port = port;
        self
    }

    /// Adds a naming context. Default: `dc=example,dc=com` alone.
    pub fn suffix(mut self, dn: impl Into<String>) -> Self {
        self.config.suffixes.push(dn.into());
        self
    }

    /// Whether the provider starts with an entry for each naming context. Default: true.
    pub fn suffix_entries(mut self, there: bool) -> Self {
        self.config.suffix_entries = there;
        self
    }

    /// Adds an entry to start with. Give parents before their children, and an attribute once for
    /// each of its values.
    pub fn entry<N: AsRef<str>, V: AsRef<[u8]>>(
        mut self,
        dn: impl Into<String>,
        attributes: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let attributes = crate::directory::group(attributes);
        self.config.entries.push((dn.into(), attributes));
        self
    }

    /// Starts with the entries that [`Provider::entries`](crate::Provider::entries) returned, their
    /// entryUUIDs and CSNs included, but with an empty change log.
    ///
    /// This imitates a restored backup or a restarted server.
    pub fn restore(mut self, entries: impl IntoIterator<Item = Entry>) -> Self {
        self.config.restored.extend(entries);
        self
    }

    /// The DN that may write, and its password. Default: `cn=admin` below the first naming context,
    /// and `secret`.
    pub fn root(mut self, dn: impl Into<String>, password: impl Into<String>) -> Self {
        self.config.root = Some((dn.into(), password.into()));
        self
    }

    /// Adds a DN that may read, and its password. An entry with a plaintext `userPassword` may bind
    /// without being listed here.
    pub fn user(mut self, dn: impl Into<String>, password: impl Into<String>) -> Self {
        self.config.users.push((dn.into(), password.into()));
        self
    }

    /// Whether anonymous clients may read. Default: true.
    pub fn anonymous_reads(mut self, may: bool) -> Self {
        self.config.anonymous_reads = may;
        self
    }

    /// Whether every client may write, anonymous ones included. Default: false.
    pub fn anyone_writes(mut self, may: bool) -> Self {
        self.config.anyone_writes = may;
        self
    }

    /// The `vendorName` of the root DSE (RFC 3045). Default: none; the root DSE then has the object
    /// class `OpenLDAProotDSE`, like OpenLDAP's.
    pub fn vendor_name(mut self, name: impl Into<String>) -> Self {
        self.config.vendor_name = Some(name.into());
        self
    }

    /// A value of `supportedCapabilities` in the root DSE, by which a domain controller can be known. The root
    /// DSE then has no object class of its own. Default: none.
    pub fn capability(mut self, oid: impl Into<String>) -> Self {
        self.config.capabilities.push(oid.into());
        self
    }

    /// Whether cookies have a form of this provider's own, in place of OpenLDAP's `rid=000,csn=…`.
    /// Default: false.
    pub fn opaque_cookies(mut self, opaque: bool) -> Self {
        self.config.opaque_cookies = opaque;
        self
    }

    /// How a refresh with a cookie tells which entries are gone. Default:
    /// [`RefreshStyle::PresentPhase`].
    pub fn refresh_style(mut self, style: RefreshStyle) -> Self {
        self.config.style = style;
        self
    }

    /// How a refresh without a cookie ends: with refreshDeletes TRUE (`DeletePhase`), like slapd,
    /// or FALSE (`PresentPhase`). Default: `DeletePhase`.
    ///
    /// RFC 4533 allows both. Either way the provider has sent every entry.
    pub fn first_refresh(mut self, style: RefreshStyle) -> Self {
        self.config.first = style;
        self
    }

    /// The answer to a cookie older than the oldest change in the change log. Default:
    /// [`OldCookie::PresentPhase`].
    pub fn old_cookie(mut self, choice: OldCookie) -> Self {
        self.config.old_cookie = choice;
        self
    }

    /// The answer to a cookie that this provider cannot have made. Default:
    /// [`UnknownCookie::AsNone`].
    pub fn unknown_cookie(mut self, choice: UnknownCookie) -> Self {
        self.config.unknown_cookie = choice;
        self
    }

    /// The number of changes that the change log keeps. Default: 1000.
    pub fn change_log(mut self, changes: usize) -> Self {
        self.config.change_log = changes;
        self
    }

    /// The seed of all randomness, the entryUUIDs above all. Default: random;
    /// [`Provider::seed`](crate::Provider::seed) tells it.
    pub fn seed(mut self, seed: u64) -> Self {
        self.config.seed = Some(seed);
        self
    }
}

/// Turns a refusal into an I/O error that names the entry.
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
