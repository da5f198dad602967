//! The lines on stderr: messages of the command, and the log. All of them begin with the command's name. Where a
//! run goes on for long and nothing else writes the time beside a line, it begins with the time.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;
use std::time::SystemTime;

use syncrepl_client::printable;
use syncrepl_proto::secret::masked;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::exit::stderr_has_colour;
use crate::progress;

/// Whether lines begin with the time.
static TIMES: OnceLock<bool> = OnceLock::new();

/// Sends what the library logs to stderr: warnings, and more with each `-v`. RUST_LOG overrides
/// both. `stays` says that the run goes on for long, so that it matters when a line was written.
pub(crate) fn start(verbose: u8, stays: bool) {
    let long = stays || verbose > 0;
    // The first call decides; there is no other.
    let _ = TIMES.set(long && !io::stderr().is_terminal() && !is_journal());
    let default = match verbose {
        0 => "warn",
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| Lines)
        // With colours it would panic: they are a feature that is left out.
        .with_ansi(false)
        // When stderr cannot be written, an attempt to say so there would panic.
        .log_internal_errors(false)
        .event_format(Plain)
        .init();
}

/// Prints one line in the command's name.
pub(crate) fn say(message: &str) {
    // The last gate: the message may quote a word that was typed in a wrong place, or the name of a file
    // that steers the terminal.
    let message = printable(&masked(message));
    let time = match TIMES.get() {
        Some(true) => format!("{} ", humantime::format_rfc3339_millis(SystemTime::now())),
        _ => String::new(),
    };
    let name = match stderr_has_colour() {
        true => "\x1b[1;31msyncrepl:\x1b[0m",
        false => "syncrepl:",
    };
    let line = format!("{time}{name} {message}\n");
    // stderr may be closed, and eprintln would panic then.
    let _ = progress::beside(|| io::stderr().write_all(line.as_bytes()));
}

/// Whether stderr goes to systemd's journal, which notes the time itself.
fn is_journal() -> bool {
    use std::os::unix::fs::MetadataExt;
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else {
        return false;
    };
    std::fs::metadata("/proc/self/fd/2")
        .is_ok_and(|stderr| format!("{}:{}", stderr.dev(), stderr.ino()) == stream)
}

/// The form of an event of the log, before the command's name.
struct Plain;

impl<S, N> FormatEvent<S, N> for Plain
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        writer.write_str(match *event.metadata().level() {
            Level::ERROR => "error: ",
            Level::WARN => "warning: ",
            // The story of a run.
            Level::INFO => "",
            Level::DEBUG => "debug: ",
            Level::TRACE => "trace: ",
        })?;
        context
            .field_format()
            .format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}

/// Takes the lines of the log. Each comes in one write.
struct Lines;

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        say(text.strip_suffix('\n').unwrap_or(&text));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
