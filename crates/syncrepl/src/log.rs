//! The log on stderr.

use std::io::{self, Write};

use syncrepl_client::printable;
use syncrepl_proto::secret::masked;

use tracing_subscriber::EnvFilter;

/// Sends what the library logs to stderr: warnings, and more with each `-v`. RUST_LOG overrides
/// both.
pub(crate) fn start(verbose: u8) {
    let default = match verbose {
        0 => "warn",
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| Masked)
        // With colours it would panic: they are a feature that is left out.
        .with_ansi(false)
        .without_time()
        .with_target(false)
        // When stderr cannot be written, an attempt to say so there would panic.
        .log_internal_errors(false)
        .init();
}

/// stderr, without the passwords of URLs that a line may quote, and without what steers a terminal. Each
/// line comes in one write.
struct Masked;

impl Write for Masked {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let (text, end) = match text.strip_suffix('\n') {
            Some(text) => (text, "\n"),
            None => (&*text, ""),
        };
        let shown = printable(&masked(text)) + end;
        io::stderr().write_all(shown.as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
