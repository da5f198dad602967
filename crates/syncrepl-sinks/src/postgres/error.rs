//! What an error of PostgreSQL means: one table, from the SQLSTATE to what the relay does and what a person does.
//!
//! A server's error can repeat the values of an entry, in DETAIL and in the message itself, and a trigger may
//! write anything into it. So once values are on their way, no text of the server is kept: its SQLSTATE, the
//! names of a constraint and a column, and words of our own.

use std::error::Error as _;
use std::io;

use syncrepl_relay::{SinkError, Trouble};
use tokio_postgres::Error;
use tokio_postgres::error::DbError;

/// What was going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum While {
    /// Nothing of an entry was sent yet, so the server's message is fit to be shown.
    Opening,
    /// Values of entries were sent.
    Sending,
}

/// The error as the relay knows it.
pub(super) fn of(error: &Error, during: While) -> SinkError {
    match error.as_db_error() {
        Some(error) => of_server(error, during),
        None => of_client(error),
    }
}

/// For `map_err`, once values were sent.
pub(super) fn sending(error: Error) -> SinkError {
    of(&error, While::Sending)
}

/// For `map_err`, before values were sent.
pub(super) fn opening(error: Error) -> SinkError {
    of(&error, While::Opening)
}

/// A begin of SQLSTATEs, and what they mean.
struct Row {
    begin: &'static str,
    trouble: Trouble,
    reason: &'static str,
    meaning: &'static str,
    hint: Option<&'static str>,
}

const fn row(
    begin: &'static str,
    trouble: Trouble,
    reason: &'static str,
    meaning: &'static str,
    hint: &'static str,
) -> Row {
    let hint = match hint.is_empty() {
        true => None,
        false => Some(hint),
    };
    Row {
        begin,
        trouble,
        reason,
        meaning,
        hint,
    }
}

use Trouble::{Manual, Passing, Refused};

/// The first row whose begin fits counts.
#[rustfmt::skip]
const TABLE: &[Row] = &[
    row("08P01", Manual, "protocol", "the server does not understand us", "connect to PostgreSQL itself, or to a pooler that keeps sessions"),
    row("08", Passing, "network", "the connection failed", ""),
    row("0A", Manual, "server", "the server does not support this", "PostgreSQL 12 or newer is needed"),
    row("22001", Refused, "refused", "a value is too long for its column", "make the column text"),
    row("22", Refused, "refused", "a column does not take a value", ""),
    row("23505", Refused, "refused", "a UNIQUE constraint refuses a row", "entries may swap their values within one transaction: make the constraint DEFERRABLE INITIALLY DEFERRED"),
    row("23", Refused, "refused", "a constraint refuses a row", ""),
    row("25006", Manual, "read_only", "the server is read-only", "name the primary in `to`"),
    row("25P02", Passing, "server", "the transaction was given up", ""),
    row("25", Passing, "timeout", "the server ended the transaction", ""),
    row("26", Manual, "server", "a prepared statement is gone", "connect to PostgreSQL itself, or to a pooler that keeps sessions"),
    row("28P01", Manual, "credentials", "the server refuses the password", "check the user in `to`, and the file of password_file"),
    row("28", Manual, "credentials", "the server does not let us in", "check the user in `to`, password_file or cert_file, and the server's pg_hba.conf"),
    row("3D", Manual, "database", "there is no such database", "check `to`, or create the database"),
    row("3F", Manual, "schema", "there is no such schema", "check `schema`, or create it"),
    row("40", Passing, "conflict", "another transaction was in the way", ""),
    row("42501", Manual, "rights", "the user lacks a right", "GRANT it SELECT, INSERT, UPDATE and DELETE on the tables; create = true also needs CREATE on the schema"),
    row("42P01", Manual, "table", "a table is missing", "create it, or write create = true"),
    row("42703", Manual, "table", "a column is missing", "add it, or write create = true"),
    row("42804", Manual, "table", "a column is of another type", "make the columns that `columns` names text, or text[] for NAME[]"),
    row("42P10", Manual, "table", "the primary key is missing", "make uuid the primary key of the table, or id where mode = \"events\""),
    row("42", Manual, "table", "a table is not as it has to be", "compare it with the documentation"),
    row("44", Refused, "refused", "a view refuses a row", ""),
    row("53", Passing, "server", "the server is short of something", "look at its disk, memory and connections"),
    row("54", Refused, "refused", "a row is beyond a limit of the server", "an index on a long value may be the cause"),
    row("55P03", Passing, "lock", "a lock was held for too long", ""),
    row("55", Passing, "server", "something is in use", ""),
    row("57014", Passing, "timeout", "the statement took too long", "look for locks that others hold, or give a longer timeout"),
    row("57P", Passing, "server", "the server is starting or stopping", ""),
    row("57", Passing, "server", "the server was interrupted", ""),
    row("58", Passing, "server", "the server had trouble with its system", ""),
    row("P0", Refused, "refused", "a trigger refuses a row", ""),
    row("XX001", Manual, "server", "the server's data is damaged", "look into its log"),
    row("XX002", Manual, "server", "an index of the server is damaged", "look into its log"),
    row("XX", Passing, "server", "the server met an error of its own", "look into its log"),
    row("", Manual, "server", "the server answers with an error", "look into its log"),
];

fn of_server(error: &DbError, during: While) -> SinkError {
    let state = error.code().code();
    // The last row fits everything.
    let Some(row) = TABLE.iter().find(|row| state.starts_with(row.begin)) else {
        return SinkError::manual("server", format!("SQLSTATE {state}"));
    };
    let mut message = format!("{} (SQLSTATE {state}", row.meaning);
    match during {
        While::Opening => message += &format!(": {}", printable(error.message())),
        While::Sending => message += &named(error),
    }
    message.push(')');
    let made = match row.trouble {
        Trouble::Passing => SinkError::passing(row.reason, message),
        Trouble::Manual => SinkError::manual(row.reason, message),
        Trouble::Refused => SinkError::refused(row.reason, message),
    };
    match row.hint {
        Some(hint) => made.with_hint(hint),
        None => made,
    }
}

/// The names of what is concerned. RAISE in a trigger may set them to anything, so then there are none.
fn named(error: &DbError) -> String {
    if error.routine() == Some("exec_stmt_raise") {
        return String::new();
    }
    [
        ("constraint", error.constraint()),
        ("column", error.column()),
    ]
    .into_iter()
    .filter_map(|(what, name)| Some(format!(", {what} {}", printable(name?))))
    .collect()
}

/// At most 200 characters, none of which steers a terminal.
fn printable(text: &str) -> String {
    let plain = |c: char| match c.is_control() {
        true => ' ',
        false => c,
    };
    text.chars().take(200).map(plain).collect()
}

fn of_client(error: &Error) -> SinkError {
    let mut causes = vec![error.to_string()];
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(tls) = find_tls(cause) {
            return of_tls(tls);
        }
        causes.push(cause.to_string());
        source = cause.source();
    }
    let message = printable(&causes.join(": "));
    match causes[0].as_str() {
        "invalid configuration" | "authentication error" => {
            SinkError::manual("credentials", message)
                .with_hint("the server asks for a password: name its file by password_file")
        }
        "error performing TLS handshake" if message.contains("does not support TLS") => {
            SinkError::manual("tls", "the server does not offer TLS").with_hint(
                "switch it on there (ssl = on), or write allow_clear = true if nobody can listen",
            )
        }
        // Neither depends on the server: a value that does not fit its parameter is a fault of ours.
        text if text.starts_with("error serializing") || text.starts_with("expected ") => {
            SinkError::manual("internal", causes.swap_remove(0))
        }
        _ => SinkError::passing("network", message),
    }
}

fn find_tls<'a>(cause: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    cause.downcast_ref::<rustls::Error>().or_else(|| {
        let inner = cause.downcast_ref::<io::Error>()?.get_ref()?;
        inner.downcast_ref::<rustls::Error>()
    })
}

fn of_tls(error: &rustls::Error) -> SinkError {
    let message = printable(&format!("TLS: {error}"));
    match error {
        rustls::Error::InvalidCertificate(_) => SinkError::manual("tls", message).with_hint(
            "name the authority of the server's certificate by ca_file, and the server as its certificate does",
        ),
        rustls::Error::AlertReceived(_) => {
            SinkError::manual("tls", message).with_hint("check cert_file and key_file")
        }
        _ => SinkError::passing("tls", message),
    }
}
