//! How the command ends: one message on stderr, and an exit code that a script can act on.

use std::fmt;
use std::io::{self, IsTerminal};
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};
use syncrepl_client::{Error, ErrorKind};

use crate::log;

/// Why the command failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The library returned this error.
    Client(Error),
    /// The library returned this error, and `doctor` has already printed why.
    Diagnosed(Error),
    /// The command line asks for something that cannot be done.
    Usage(String),
    /// The command cannot write to stdout. The reader may have gone away.
    Output(io::Error),
    /// A copy was not confirmed to be current in time. The text says which.
    NotCurrent(String),
    /// The file of deliveries cannot be used. The text says why, and what to do.
    Delivery(String),
    /// A sink needs a person. The text says which, and what to do.
    NeedsPerson(String),
    /// The system refuses what the command needs to run. The text says what failed.
    System(&'static str, io::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Client(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Output(error)
    }
}

impl Failure {
    /// The exit code (see `--help`).
    fn code(&self) -> u8 {
        match self {
            Failure::Usage(_) => 2,
            Failure::Output(_) | Failure::System(..) => 1,
            Failure::Delivery(_) => 5,
            Failure::NotCurrent(_) => 7,
            Failure::NeedsPerson(_) => 8,
            Failure::Client(error) | Failure::Diagnosed(error) => match error.kind() {
                ErrorKind::InvalidInput => 2,
                // busy, unavailable: a script does the same as if the server was not reached
                // (RFC 4511 §4.1.9).
                ErrorKind::Refused if matches!(error.result_code(), Some(51 | 52)) => 4,
                ErrorKind::Refused | ErrorKind::Credentials | ErrorKind::Unsupported => 3,
                ErrorKind::Unreachable | ErrorKind::Tls | ErrorKind::NotReady => 4,
                ErrorKind::StoreLocked
                | ErrorKind::UrlConflict
                | ErrorKind::IdentityConflict
                | ErrorKind::NotAStore
                | ErrorKind::NewerVersion
                | ErrorKind::RefreshRunning
                | ErrorKind::Store
                | ErrorKind::NoSpace
                | ErrorKind::StoreGone => 5,
                ErrorKind::Guard => 6,
                _ => 1,
            },
        }
    }

    /// Prints the failure as one message, and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        if self.is_broken_pipe() {
            complain(
                "the reader of the output went away: nothing since the last commit was kept, and \
                 the next run tells it again (--format none keeps the copy without output)",
            );
        } else {
            complain(&self.to_string());
        }
        ExitCode::from(self.code())
    }

    /// Does the same as [`report`](Failure::report) for a subcommand that only prints. It is silent when
    /// the reader went away: nothing is lost.
    pub(crate) fn report_of_reading(&self) -> ExitCode {
        if self.is_broken_pipe() {
            return ExitCode::from(self.code());
        }
        self.report()
    }

    fn is_broken_pipe(&self) -> bool {
        fn broken(error: &(dyn std::error::Error + 'static)) -> bool {
            error
                .downcast_ref::<io::Error>()
                .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
                || error.source().is_some_and(broken)
        }
        match self {
            Failure::Output(error) => error.kind() == io::ErrorKind::BrokenPipe,
            Failure::Client(error) => error.kind() == ErrorKind::Callback && broken(error),
            Failure::Usage(_)
            | Failure::Diagnosed(_)
            | Failure::NotCurrent(_)
            | Failure::Delivery(_)
            | Failure::NeedsPerson(_)
            | Failure::System(..) => false,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Client(error) => write!(f, "{error}"),
            Failure::Diagnosed(_) => write!(
                f,
                "a refresh would end with exit code {}, because of the lines marked ✘",
                self.code()
            ),
            Failure::Usage(message)
            | Failure::NotCurrent(message)
            | Failure::Delivery(message)
            | Failure::NeedsPerson(message) => f.write_str(message),
            Failure::Output(error) => write!(f, "the output cannot be written: {error}"),
            Failure::System(what, error) => write!(f, "{what}: {error}"),
        }
    }
}

/// The failure of arguments that cannot be used.
pub(crate) fn wrong_usage(message: &str) -> Failure {
    Failure::Usage(format!("{message} (see syncrepl --help)"))
}

/// Prints one line on stderr, in the command's name.
pub(crate) fn complain(message: &str) {
    log::say(message);
}

/// Whether stderr is a terminal, and colour is not switched off (NO_COLOR, TERM=dumb).
pub(crate) fn stderr_has_colour() -> bool {
    colour_allowed() && io::stderr().is_terminal()
}

/// Whether stdout is a terminal, and colour is not switched off.
pub(crate) fn stdout_has_colour() -> bool {
    colour_allowed() && io::stdout().is_terminal()
}

fn colour_allowed() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Prints what clap has to say. Help and version are no failure; anything else is wrong usage.
pub(crate) fn usage(mut error: clap::Error) -> ExitCode {
    without_words(&mut error);
    // If clap cannot print, this command cannot print an error either.
    let _ = error.print();
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// Takes the words that were typed out of a message of clap: one of them may be a password in a wrong
/// place. The message names the option, or the number of the word. A word that is nearly one of ours
/// stays.
fn without_words(error: &mut clap::Error) {
    // "To pass '…' as a value, use '-- …'"
    error.remove(ContextKind::Suggested);
    let unknown = error.kind() == clap::error::ErrorKind::UnknownArgument;
    for (kind, like) in [
        (ContextKind::InvalidValue, ContextKind::SuggestedValue),
        (
            ContextKind::InvalidSubcommand,
            ContextKind::SuggestedSubcommand,
        ),
        (ContextKind::InvalidArg, ContextKind::SuggestedArg),
    ] {
        // Of other errors this is the option's own name.
        if kind == ContextKind::InvalidArg && !unknown || error.get(like).is_some() {
            continue;
        }
        let word = match error.get(kind) {
            // An empty value is how clap says that there is none.
            Some(ContextValue::String(word)) if !word.is_empty() => word.clone(),
            _ => continue,
        };
        let is_word = |typed: &String| {
            let option = typed.split_once('=').map(|(option, _)| option);
            *typed == word || option == Some(&word)
        };
        // The word itself is not there if it is a part of one, as in -xq.
        let place = match std::env::args().skip(1).position(|typed| is_word(&typed)) {
            Some(index) => format!("word {}", index + 1),
            None => "…".to_owned(),
        };
        error.insert(kind, ContextValue::String(place));
    }
}
