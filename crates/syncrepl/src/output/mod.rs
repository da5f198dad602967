//! The output of `refresh` and `follow`. A format is one file here and one line in [`FORMATS`].

mod format;
pub(crate) mod json;
pub(crate) mod ldif;
mod none;
pub(crate) mod text;

use std::io::{self, BufWriter, IsTerminal};

use clap::ValueEnum;
use clap::builder::PossibleValue;
use syncrepl_client::Callback;

pub(crate) use format::{Choice, Format};

use crate::progress::{ProgressLine, Screen};

/// The formats that `--format` offers.
const FORMATS: &[Choice] = &[
    // In the order of the help.
    json::FORMAT,
    text::FORMAT,
    ldif::FORMAT,
    none::FORMAT,
];

impl ValueEnum for Choice {
    fn value_variants<'a>() -> &'a [Self] {
        FORMATS
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name).help(self.help))
    }
}

/// The callback of `refresh` and `follow`: the format, and beside it the log.
pub(crate) type Output = (Box<dyn Format>, Log);

/// Opens a format on stdout. Without a choice: text on a terminal, JSON in a pipe.
pub(crate) fn open(choice: Option<Choice>, progress: &ProgressLine) -> Output {
    let default = match io::stdout().is_terminal() {
        true => text::FORMAT,
        false => json::FORMAT,
    };
    let out = BufWriter::with_capacity(64 << 10, Screen::new(progress));
    let choice = choice.unwrap_or(default);
    ((choice.open)(out), Log)
}

/// Puts what the client tells developers into the log, whatever the format.
pub(crate) struct Log;

impl Callback for Log {
    fn debug(&mut self, message: &str) {
        tracing::info!("{message}");
    }
}
