//! A line on the terminal while a refresh runs: how many entries, how fast, for how long.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use syncrepl_client::Progress;

/// Shown on stderr, only on a terminal, and only while nothing else is printed there.
pub(crate) struct ProgressLine(Option<ProgressBar>);

impl ProgressLine {
    /// `quiet` when changes are printed to the same terminal, where a line would be torn apart.
    pub(crate) fn new(quiet: bool) -> Self {
        if quiet || !std::io::stderr().is_terminal() {
            return ProgressLine(None);
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        ProgressLine(Some(bar))
    }

    pub(crate) fn is_shown(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn show(&self, progress: Option<Progress>) {
        let Some(bar) = &self.0 else { return };
        let Some(progress) = progress else {
            bar.finish_and_clear();
            return;
        };
        if bar.is_finished() {
            bar.reset();
        }
        let template = if progress.before > 0 {
            bar.set_length(progress.before.max(progress.entries));
            "refresh: {human_pos} of about {human_len} entries, {per_sec}, {elapsed}"
        } else {
            "refresh: {human_pos} entries, {per_sec}, {elapsed}"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_position(progress.entries);
        bar.enable_steady_tick(Duration::from_millis(200));
    }
}
