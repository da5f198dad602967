//! The one place where SQLite's result codes become kinds of [`Error`].

use std::error::Error as StdError;
use std::path::Path;

use rusqlite::{ErrorCode, ffi};

use crate::error::{Error, ErrorKind};

/// The error for a statement of ours that failed.
pub(super) fn of_store(err: rusqlite::Error) -> Error {
    let error = match code(&err) {
        Some(ErrorCode::DiskFull) => Error::new(ErrorKind::NoSpace, "the disk is full").with_hint(
            "nothing was half done; free some space where the store is and where temporary files go",
        ),
        Some(ErrorCode::DatabaseCorrupt) => {
            Error::new(ErrorKind::Store, "the store is damaged").with_hint(DAMAGED)
        }
        Some(ErrorCode::NotADatabase) => {
            Error::new(ErrorKind::NotAStore, "the file is not a SQLite database").with_hint(DAMAGED)
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            return refresh_running().with_source(err);
        }
        Some(ErrorCode::AuthorizationForStatementDenied) => {
            Error::new(ErrorKind::SqlRefused, "the SQL was refused")
        }
        Some(ErrorCode::SystemIoFailure) => {
            let kind = match may_lack_space(&err) {
                true => ErrorKind::NoSpace,
                false => ErrorKind::Store,
            };
            Error::new(kind, "the store could not be read or written")
                // A full disk may be the cause: SQLite does not say so when its shared memory finds
                // no space.
                .with_hint("free some space if there is none; else look at the disk and the file system")
        }
        Some(ErrorCode::ReadOnly) => Error::new(ErrorKind::Store, "the store is read-only")
            // The cause may also be that SQLite found no space for its files beside it.
            .with_hint("the file and its directory must be writable, with space left"),
        Some(ErrorCode::CannotOpen) => Error::new(ErrorKind::Store, "the store cannot be opened")
            .with_hint("the file and its directory must exist and be writable, with space left"),
        Some(ErrorCode::OperationInterrupted) => {
            Error::new(ErrorKind::Stopped, "the statement was interrupted")
        }
        Some(ErrorCode::OutOfMemory) => Error::new(ErrorKind::Store, "out of memory"),
        Some(ErrorCode::ConstraintViolation) => {
            Error::new(ErrorKind::InvalidInput, "a constraint refused the change")
                .with_hint("look at the foreign keys and triggers of your own tables")
        }
        _ => Error::new(ErrorKind::Store, "the store cannot be used").with_hint(DAMAGED),
    };
    error.with_source(err)
}

impl From<rusqlite::Error> for Error {
    /// The error for a statement of ours that failed, by `of_store`.
    fn from(err: rusqlite::Error) -> Self {
        of_store(err)
    }
}

/// The error for a statement of a user that failed. `refusal` is the authorizer's reason, if it
/// refused.
pub(super) fn of_sql(err: rusqlite::Error, refusal: Option<String>) -> Error {
    match (code(&err), refusal) {
        (Some(ErrorCode::AuthorizationForStatementDenied), Some(reason)) => {
            refused(&reason).with_source(err)
        }
        (
            None
            | Some(
                ErrorCode::Unknown
                | ErrorCode::ConstraintViolation
                | ErrorCode::TypeMismatch
                | ErrorCode::TooBig
                | ErrorCode::ParameterOutOfRange
                | ErrorCode::ApiMisuse
                | ErrorCode::OperationAborted
                | ErrorCode::SchemaChanged
                // a query of the same connection still runs and locks the table
                | ErrorCode::DatabaseLocked,
            ),
            _,
        ) => Error::new(ErrorKind::InvalidInput, "the SQL failed").with_source(err),
        _ => of_store(err),
    }
}

/// The error for a file at `path` that could not be opened or recognised.
pub(super) fn of_open(path: &Path, err: rusqlite::Error) -> Error {
    let file = path.display();
    let error = match code(&err) {
        Some(ErrorCode::NotADatabase) => return not_a_store(path, "is not a SQLite database"),
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            // SQLite's own words say no more than the path.
            return Error::new(ErrorKind::Store, format!("{file} cannot be opened")).with_hint(
                "you need the right to read and write the file, and to create files beside it, \
                 for which there must be space",
            );
        }
        Some(ErrorCode::ReadOnly) => Error::new(
            ErrorKind::Store,
            format!("{file} or its directory is read-only"),
        )
        .with_hint("you need the right to create files beside it, for which there must be space"),
        _ => return of_store(err),
    };
    error.with_source(err)
}

/// The error when the file system refuses `what` with the file at `path`.
pub(super) fn of_file(path: &Path, what: &str, err: std::io::Error) -> Error {
    let file = path.display();
    if let Some(directory) = path.parent().filter(|directory| !directory.is_dir()) {
        let directory = directory.display();
        let message = format!("{file} cannot be {what}: the directory {directory} does not exist");
        return Error::new(ErrorKind::Store, message).with_hint("create it, or check the path");
    }
    let kind = match err.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => ErrorKind::NoSpace,
        _ => ErrorKind::Store,
    };
    let error = Error::new(kind, format!("{file} cannot be {what}"));
    match err.kind() {
        std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
            error.with_hint("you need the right to create files in its directory")
        }
        std::io::ErrorKind::StorageFull => error.with_hint("free some space where the store is"),
        _ => error,
    }
    .with_source(err)
}

/// The message for an error of a function given to a handle.
pub(super) const FUNCTION_FAILED: &str = "the function given to the store failed";

/// The error when a function of a user returned one. An [`Error`] stays as it is.
pub(super) fn of_function(err: Box<dyn StdError + Send + Sync>, message: &str) -> Error {
    match err.downcast::<Error>() {
        Ok(error) => *error,
        Err(other) => Error::new(ErrorKind::Callback, message).with_source(other),
    }
}

/// The error when a callback returned one. An [`Error`] that the callback passes on keeps its kind where
/// that says more: the disk failed, the SQL was refused, the provider of a lent connection broke the
/// protocol, or another try may help.
pub(crate) fn of_callback(err: Box<dyn StdError + Send + Sync>) -> Error {
    const MESSAGE: &str = "the callback failed";
    match err.downcast::<Error>() {
        Ok(error)
            if error.is_retryable()
                || matches!(
                    error.kind(),
                    ErrorKind::Store
                        | ErrorKind::NoSpace
                        | ErrorKind::SqlRefused
                        | ErrorKind::Protocol
                        | ErrorKind::Stopped
                ) =>
        {
            *error
        }
        Ok(error) => Error::new(ErrorKind::Callback, MESSAGE).with_source(*error),
        Err(other) => Error::new(ErrorKind::Callback, MESSAGE).with_source(other),
    }
}

/// The error for SQL that must not run.
pub(super) fn refused(reason: &str) -> Error {
    Error::new(
        ErrorKind::SqlRefused,
        format!("the SQL was refused: {reason}"),
    )
}

/// The error when a user's SQL has ended the transaction.
pub(super) fn transaction_ended() -> Error {
    Error::new(
        ErrorKind::SqlRefused,
        "the callback's SQL ended the transaction",
    )
    .with_hint(
        "INSERT OR ROLLBACK, ON CONFLICT ROLLBACK and RAISE(ROLLBACK) do that; use ABORT instead",
    )
}

/// The error for a write while another connection writes.
pub(super) fn refresh_running() -> Error {
    Error::new(
        ErrorKind::RefreshRunning,
        "the store is being written by somebody else",
    )
    .with_hint("a refresh is probably running: write again once it is done, or inside a callback")
}

/// The error for a file at `path` that is no store.
pub(super) fn not_a_store(path: &Path, why: &str) -> Error {
    Error::new(ErrorKind::NotAStore, format!("{} {why}", path.display()))
        .with_hint("name another file; the store is created where there is none")
}

/// The error for a file at `path` with nothing in it yet.
pub(super) fn empty(path: &Path) -> Error {
    Error::new(ErrorKind::NotAStore, format!("{} is empty", path.display()))
        .with_hint("the first refresh fills it; check the path")
}

/// The error for a store at `path` that lacks what every store has.
pub(super) fn damaged(path: &Path, what: &str) -> Error {
    Error::new(
        ErrorKind::Store,
        format!("{} is damaged: {what}", path.display()),
    )
    .with_hint(DAMAGED)
}

/// Whether a write failed, or the memory shared with readers could not grow. SQLite says that the disk is full
/// only where the system says so: not for a quota, a limit on the size of files, or that memory.
fn may_lack_space(err: &rusqlite::Error) -> bool {
    let code = match err {
        rusqlite::Error::SqlInputError { error, .. } => Some(error),
        _ => err.sqlite_error(),
    };
    let writes = [
        ffi::SQLITE_IOERR_WRITE,
        ffi::SQLITE_IOERR_TRUNCATE,
        ffi::SQLITE_IOERR_SHMSIZE,
        ffi::SQLITE_IOERR_SHMMAP,
    ];
    code.is_some_and(|error| writes.contains(&error.extended_code))
}

/// Whether another connection holds the lock.
pub(super) fn is_busy(err: &rusqlite::Error) -> bool {
    matches!(
        code(err),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

/// The hint of an error that says that the store is damaged.
pub(crate) const DAMAGED: &str = "restore it from a backup, or delete it and start afresh";

fn code(err: &rusqlite::Error) -> Option<ErrorCode> {
    match err {
        rusqlite::Error::SqlInputError { error, .. } => Some(error.code),
        _ => err.sqlite_error_code(),
    }
}
