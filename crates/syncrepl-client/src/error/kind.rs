//! The kinds of errors, and the party that has to act on each.

/// The kind of an error, coarse enough to decide what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A filter, a URL or an option that you gave cannot be used.
    InvalidInput,
    /// The store holds the copy of another search.
    UrlConflict,
    /// The store holds the copy that another identity sees.
    /// [`Builder::allow_new_identity`](crate::Builder::allow_new_identity) lets it become that of the new one.
    IdentityConflict,
    /// The provider answered with a result code that is not success (RFC 4511 §4.1.9).
    Refused,
    /// The provider is of a kind that is known not to work: it does not know RFC 4533, or breaks it.
    /// [`Builder::any_server`](crate::Builder::any_server) tries all the same.
    Unsupported,
    /// One end could not prove its identity: there is no Kerberos ticket, or an expired one, or the
    /// provider failed.
    Credentials,
    /// The provider sent something that RFC 4511 or RFC 4533 does not allow.
    Protocol,
    /// The provider has no sync state yet, so its answer proves nothing.
    NotReady,
    /// The provider cannot be reached, or the connection was lost.
    Unreachable,
    /// TLS could not be established or checked, or the provider refused StartTLS.
    Tls,
    /// Another consumer uses the store.
    StoreLocked,
    /// A write through another handle while a refresh stage is open.
    RefreshRunning,
    /// The file is not a store of this library.
    NotAStore,
    /// The store was written by a newer version.
    NewerVersion,
    /// The store, or the disk below it, failed.
    Store,
    /// There is no space left where the store is: the disk is full, or a quota or limit is reached.
    /// Nothing was half done.
    NoSpace,
    /// A file of the store was deleted, moved or replaced while a consumer used it.
    StoreGone,
    /// SQL that a cursor or handle must not run was refused.
    SqlRefused,
    /// A guard stopped a refresh, or a group of changes, that would have deleted too much.
    Guard,
    /// A callback returned an error.
    Callback,
    /// A stop request ended a wait for the provider, a second one abandoned a refresh stage, or somebody
    /// interrupted a statement.
    Stopped,
}

/// The party that has to act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// The caller: the request cannot be met as it was made.
    You,
    /// The provider, or its administrator.
    Server,
    /// The network between the two.
    Network,
    /// The file system or the database file.
    Disk,
}

impl ErrorKind {
    /// The party that has to act on an error of this kind.
    pub(super) fn fault(self) -> Fault {
        match self {
            ErrorKind::InvalidInput
            | ErrorKind::UrlConflict
            | ErrorKind::IdentityConflict
            | ErrorKind::Credentials
            | ErrorKind::SqlRefused
            | ErrorKind::Callback
            | ErrorKind::RefreshRunning
            | ErrorKind::StoreLocked
            | ErrorKind::Stopped => Fault::You,
            ErrorKind::Refused
            | ErrorKind::Unsupported
            | ErrorKind::Protocol
            | ErrorKind::NotReady
            | ErrorKind::Guard
            | ErrorKind::Tls => Fault::Server,
            ErrorKind::Unreachable => Fault::Network,
            ErrorKind::NotAStore
            | ErrorKind::NewerVersion
            | ErrorKind::Store
            | ErrorKind::NoSpace
            | ErrorKind::StoreGone => Fault::Disk,
        }
    }
}
