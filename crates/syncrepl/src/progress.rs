//! The progress line on stderr and the output on stdout, which may share one terminal. The line shows,
//! while a refresh runs, how many entries came, of how many, how fast and for how long.

use std::fmt;
use std::io::{self, IsTerminal, Stdout, Write};
use std::sync::OnceLock;
use std::time::Duration;

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use syncrepl_client::Progress;

/// The line of this process, for those who write to stderr beside it.
static SHOWN: OnceLock<ProgressBar> = OnceLock::new();

/// Takes the progress line away while something else is written to its terminal.
pub(crate) fn beside<T>(write: impl FnOnce() -> T) -> T {
    match SHOWN.get() {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

/// The progress line. There is none where stderr is no terminal. All clones show the same line.
#[derive(Clone)]
pub(crate) struct ProgressLine(Option<ProgressBar>);

impl ProgressLine {
    pub(crate) fn new() -> Self {
        if !io::stderr().is_terminal() {
            return ProgressLine(None);
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        // Hidden until a refresh has something to show.
        bar.finish_and_clear();
        // A process has one terminal, and so one line.
        let _ = SHOWN.set(bar.clone());
        ProgressLine(Some(bar))
    }

    /// Whether stderr is a terminal, so that the line can be shown.
    pub(crate) fn is_shown(&self) -> bool {
        self.0.is_some()
    }

    /// Shows how far a refresh is; without one, takes the line away.
    pub(crate) fn show(&self, progress: Option<Progress>) {
        let Some(bar) = &self.0 else { return };
        let Some(progress) = progress else {
            bar.finish_and_clear();
            return;
        };
        let template = if progress.before > 0 {
            bar.set_length(progress.before.max(progress.entries));
            "refresh: {human_pos} of about {human_len} entries, {rate}/s, {elapsed}"
        } else {
            "refresh: {human_pos} entries, {rate}/s, {elapsed}"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.with_key("rate", rate));
        }
        if bar.is_finished() {
            bar.reset();
        }
        bar.set_position(progress.entries);
        bar.enable_steady_tick(Duration::from_millis(200));
    }
}

/// How many entries came a second; nobody reads the fourth digit behind the point.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // rounded, and never negative
fn rate(state: &ProgressState, out: &mut dyn fmt::Write) {
    // A rate that cannot be written is left out.
    let _ = write!(out, "{}", HumanCount(state.per_sec().round() as u64));
}

/// Standard output. Where it shares a terminal with the progress line, it takes that line away while it
/// writes, and writes whole lines only: so the progress line never tears one apart.
pub(crate) struct Screen {
    out: Stdout,
    bar: Option<ProgressBar>,
    /// The beginning of a line whose end is still to be written.
    begun: Vec<u8>,
}

impl Screen {
    pub(crate) fn new(progress: &ProgressLine) -> Self {
        let out = io::stdout();
        let bar = progress.0.clone().filter(|_| out.is_terminal());
        Screen {
            out,
            bar,
            begun: Vec::new(),
        }
    }
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(bar) = &self.bar else {
            return self.out.write(bytes);
        };
        self.begun.extend_from_slice(bytes);
        let Some(end) = self.begun.iter().rposition(|byte| *byte == b'\n') else {
            return Ok(bytes.len());
        };
        let rest = self.begun.split_off(end + 1);
        let lines = std::mem::replace(&mut self.begun, rest);
        bar.suspend(|| {
            self.out.write_all(&lines)?;
            self.out.flush()
        })?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if let Some(bar) = &self.bar
            && !self.begun.is_empty()
        {
            let rest = std::mem::take(&mut self.begun);
            bar.suspend(|| self.out.write_all(&rest))?;
        }
        self.out.flush()
    }
}
