//! What a program prints for people goes to the log: bounded, and made fit to be shown.

use std::io::{BufRead, BufReader, PipeReader, Read};
use std::time::{Duration, Instant};

use syncrepl_client::printable;

/// The most bytes of a line.
const LINE: u64 = 1000;
/// The most lines a second.
const LINES: u32 = 50;
const TOO_MANY: u32 = LINES + 1;
const SECOND: Duration = Duration::from_secs(1);

/// Writes the lines into the log until all who hold the other end of the pipe have gone.
pub(super) fn follow(pipe: PipeReader, sink: String) {
    let mut pipe = BufReader::new(pipe);
    let (mut began, mut lines) = (Instant::now(), 0_u32);
    while let Some(line) = next_line(&mut pipe) {
        if began.elapsed() >= SECOND {
            (began, lines) = (Instant::now(), 0);
        }
        lines = lines.saturating_add(1);
        match lines {
            ..=LINES => tracing::warn!(sink, "its program says: {line}"),
            TOO_MANY => tracing::warn!(
                sink,
                "its program says more than {LINES} lines within a second: the rest is left out"
            ),
            _ => {}
        }
    }
}

/// The next line; `None` at the end. What is too long of it is skipped.
fn next_line(pipe: &mut impl BufRead) -> Option<String> {
    let mut line = Vec::new();
    let read = pipe.by_ref().take(LINE).read_until(b'\n', &mut line);
    if read.is_err() || line.is_empty() {
        return None;
    }
    let is_whole = line.last() == Some(&b'\n') || (line.len() as u64) < LINE;
    let text = printable(String::from_utf8_lossy(&line).trim_end());
    match is_whole {
        true => Some(text),
        false => {
            pipe.skip_until(b'\n').ok()?;
            Some(text + "…")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_line_is_cut_and_the_next_one_is_whole() {
        let long = format!("{}\nnext \x1b[1m\n", "x".repeat(5000));
        let mut pipe = long.as_bytes();
        assert_eq!(next_line(&mut pipe), Some("x".repeat(1000) + "…"));
        assert_eq!(next_line(&mut pipe).as_deref(), Some("next \\u{1b}[1m"));
        assert_eq!(next_line(&mut pipe), None);
    }
}
