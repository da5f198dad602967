//! Journal and sinks for Prometheus. The only texts in it are names from the configuration and words of our own.

use std::fmt::Write;
use std::time::{Duration, SystemTime};

use syncrepl_client::journal::JournalSize;
use syncrepl_relay::{EventKind, RelayState};

use super::source::{Delivered, SinkSeen};
use crate::state::between;

const GAUGE: &str = "gauge";
const COUNTER: &str = "counter";

/// Further labels of a line, its name's end and its value.
type Line = (String, f64);

pub(super) fn page(delivered: &Delivered, size: &JournalSize, now: SystemTime) -> String {
    let mut page = String::new();
    journal(&mut page, delivered, size, now);
    standing(&mut page, &delivered.sinks);
    counted(&mut page, &delivered.sinks);
    sending(&mut page, &delivered.sinks);
    page
}

fn journal(page: &mut String, delivered: &Delivered, size: &JournalSize, now: SystemTime) {
    let oldest = delivered
        .journal
        .oldest
        .map_or(Duration::ZERO, |time| between(time, now));
    for (name, help, value) in [
        (
            "syncrepl_journal_rows",
            "Rows in the journal.",
            size.rows as f64,
        ),
        (
            "syncrepl_journal_bytes",
            "About how many bytes they take.",
            size.bytes as f64,
        ),
        (
            "syncrepl_journal_oldest_seconds",
            "The age of the oldest row.",
            oldest.as_secs_f64(),
        ),
        (
            "syncrepl_journal_folded",
            "Entries of which rows were dropped before every sink had them.",
            size.folded as f64,
        ),
    ] {
        head(page, name, GAUGE, help);
        // Writing to a String cannot fail.
        let _ = writeln!(page, "{name} {value}");
    }
}

/// Where each sink stands.
fn standing(page: &mut String, sinks: &[SinkSeen]) {
    let states = |sink: &SinkSeen| {
        let state = |state: RelayState| {
            let label = format!(",state=\"{}\"", state.to_string().replace(' ', "_"));
            (label, f64::from(u8::from(sink.status.state == state)))
        };
        RelayState::ALL.into_iter().map(state).collect()
    };
    let help = "What the relay of a sink does: the state with the value 1.";
    family(page, sinks, "syncrepl_sink_state", GAUGE, help, states);
    let help = "The age of the oldest row of the journal that the sink does not have; 0 for none.";
    let behind = |sink: &SinkSeen| one(sink.behind.as_secs_f64());
    family(
        page,
        sinks,
        "syncrepl_sink_behind_seconds",
        GAUGE,
        help,
        behind,
    );
    let help = "Events that the sink has refused for good, and that wait for a person.";
    let dead = |sink: &SinkSeen| one(sink.dead as f64);
    family(page, sinks, "syncrepl_sink_dead", GAUGE, help, dead);
    let help = "From the commit of the newest acknowledged change to its acknowledgement.";
    let age = |sink: &SinkSeen| {
        sink.status
            .age
            .map_or_else(Vec::new, |age| one(age.as_secs_f64()))
    };
    family(page, sinks, "syncrepl_sink_age_seconds", GAUGE, help, age);
}

/// The counts of this run.
fn counted(page: &mut String, sinks: &[SinkSeen]) {
    let help = "Events that the sink has acknowledged in this run.";
    let sent = |sink: &SinkSeen| {
        let count = |kind: EventKind| {
            let count = sink
                .status
                .sent
                .get(kind.word())
                .copied()
                .unwrap_or_default();
            (format!(",type=\"{}\"", kind.word()), count as f64)
        };
        EventKind::ALL.into_iter().map(count).collect()
    };
    family(page, sinks, "syncrepl_sink_sent_total", COUNTER, help, sent);
    let help = "How often the relay had to try again, by the reason.";
    let retries = |sink: &SinkSeen| {
        let retries = sink.status.retries.iter();
        retries
            .map(|(reason, count)| (format!(",reason=\"{}\"", label(reason)), *count as f64))
            .collect()
    };
    family(
        page,
        sinks,
        "syncrepl_sink_retries_total",
        COUNTER,
        help,
        retries,
    );
    let help = "How often the sink stood before where it had stood.";
    let rewound = |sink: &SinkSeen| one(sink.status.rewound as f64);
    family(
        page,
        sinks,
        "syncrepl_sink_rewound_total",
        COUNTER,
        help,
        rewound,
    );
}

fn sending(page: &mut String, sinks: &[SinkSeen]) {
    let name = "syncrepl_sink_send_seconds";
    head(
        page,
        name,
        "summary",
        "How long the sink took to take a batch of events.",
    );
    for sink in sinks {
        let (count, time) = sink.status.sending;
        let (sink, time) = (label(&sink.name), time.as_secs_f64());
        let _ = writeln!(
            page,
            "{name}_sum{{sink=\"{sink}\"}} {time}\n{name}_count{{sink=\"{sink}\"}} {count}"
        );
    }
}

fn one(value: f64) -> Vec<Line> {
    vec![(String::new(), value)]
}

fn head(page: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(page, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

/// One kind of metric, with its lines for each sink.
fn family(
    page: &mut String,
    sinks: &[SinkSeen],
    name: &str,
    kind: &str,
    help: &str,
    lines: impl Fn(&SinkSeen) -> Vec<Line>,
) {
    head(page, name, kind, help);
    for sink in sinks {
        for (labels, value) in lines(sink) {
            let _ = writeln!(
                page,
                "{name}{{sink=\"{}\"{labels}}} {value}",
                label(&sink.name)
            );
        }
    }
}

/// A text as the value of a label.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}
