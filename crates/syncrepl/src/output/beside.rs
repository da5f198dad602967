//! What goes on beside every format: the story of the run in the log, signs of life for the service manager, and
//! the output that is opened anew when a commit is whole in it.

use std::sync::Arc;
use std::time::Instant;

use syncrepl_client::{BoundLdap, Callback, CallbackResult, Cursor, Items, Record};
use syncrepl_relay::Shared;
use tracing::info;

use super::out::Sink;
use crate::service::Service;

/// The callback that is called after that of the format.
pub(crate) struct Beside {
    pub(crate) sink: Sink,
    pub(crate) service: Service,
    began: Instant,
    changes: u64,
    counted: Counted,
    /// The relays to wake, if this run delivers.
    pub(crate) relays: Option<Arc<Shared>>,
    refreshed: bool,
}

/// A number of things, in words.
pub(crate) fn number_of(count: u64, one: &str, many: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        _ => format!("{count} {many}"),
    }
}

/// The number of commits, and of the changes in them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) commits: u64,
    pub(crate) changes: u64,
}

impl Beside {
    pub(super) fn new(sink: Sink) -> Self {
        Beside {
            sink,
            service: Service::of_process(),
            began: Instant::now(),
            changes: 0,
            counted: Counted::default(),
            relays: None,
            refreshed: false,
        }
    }

    /// Takes the numbers since the last call.
    pub(crate) fn take_counted(&mut self) -> Counted {
        std::mem::take(&mut self.counted)
    }

    fn note_change(&mut self) -> CallbackResult {
        self.changes += 1;
        self.service.beat();
        Ok(())
    }
}

impl Callback for Beside {
    fn bind_complete(&mut self, _: &mut BoundLdap<'_>, _: &Cursor<'_>) -> CallbackResult {
        self.began = Instant::now();
        self.service.beat();
        Ok(())
    }

    fn refresh_done(&mut self, items: &Items<'_>, _: &Cursor<'_>) -> CallbackResult {
        let seconds = self.began.elapsed().as_secs_f64();
        let entries = number_of(items.len(), "entry", "entries");
        info!("refresh of {entries} in {seconds:.1} s");
        self.refreshed = true;
        self.service.beat();
        Ok(())
    }

    fn record_add(&mut self, _: &Record<'_>, _: &Cursor<'_>) -> CallbackResult {
        self.note_change()
    }

    fn record_delete(&mut self, _: &Record<'_>, _: &Cursor<'_>) -> CallbackResult {
        self.note_change()
    }

    fn record_rename(&mut self, _: &str, _: &Record<'_>, _: &Cursor<'_>) -> CallbackResult {
        self.note_change()
    }

    fn record_change(&mut self, _: &Record<'_>, _: &Record<'_>, _: &Cursor<'_>) -> CallbackResult {
        self.note_change()
    }

    fn cookie_change(&mut self, _: &[u8]) -> CallbackResult {
        self.service.beat();
        Ok(())
    }

    fn committed(&mut self) {
        self.counted.commits += 1;
        self.counted.changes += std::mem::take(&mut self.changes);
        self.sink.renew_if_asked();
        match &self.relays {
            Some(relays) if self.refreshed => relays.refreshed(),
            Some(relays) => relays.wake(),
            None => {}
        }
    }

    fn debug(&mut self, message: &str) {
        info!("{message}");
    }
}
