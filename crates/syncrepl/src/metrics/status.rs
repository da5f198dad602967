//! The page for people: the copy, the sinks, the dead letters and the last events. It shows no value of an entry,
//! and DNs only where whoever may look may read the copy too. It needs no script.

use std::cmp::Reverse;
use std::path::Path;
use std::time::{Duration, SystemTime};

use syncrepl_client::Status;
use syncrepl_client::journal::JournalSize;
use syncrepl_relay::{Recent, RelayState};

use super::html::Html;
use super::source::{Delivered, Letter, SinkSeen};
use crate::state::{self, between, rough, written};

const STYLE: &str = include_str!("status.css");
/// So many events are shown.
const EVENTS: usize = 50;
/// So many attributes of an event are named.
const NAMES: usize = 20;
/// So much of a name or a DN is shown, in characters,
const NAME: usize = 100;
/// and so much of an error.
const ERROR: usize = 400;

/// The facts on the page.
pub(super) struct View<'a> {
    /// The copy and its run.
    pub(super) copy: &'a Status,
    /// The copy is current if it was confirmed within this time.
    pub(super) ready_within: Duration,
    /// Journal and sinks; `None` before they are started.
    pub(super) delivered: Option<&'a Delivered>,
    /// The size of the journal.
    pub(super) size: &'a JournalSize,
    /// Some dead letters of each sink.
    pub(super) letters: &'a [Letter],
    /// Whether DNs are shown.
    pub(super) show_names: bool,
    /// The file of the copy.
    pub(super) data: &'a Path,
    /// The moment.
    pub(super) now: SystemTime,
}

impl View<'_> {
    /// The page, in HTML.
    pub(super) fn page(&self) -> String {
        let mut html = Html::default();
        html.markup("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">")
            .markup("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">")
            .markup("<title>syncrepl</title><style>")
            .markup(STYLE)
            .markup("</style></head><body><main>\n<h1>syncrepl</h1>\n<p>");
        let current = self.copy.is_current_within(self.ready_within);
        mark(
            &mut html,
            current,
            if current { "current" } else { "not current" },
        );
        html.markup(" <span class=\"dim\">as of ")
            .text(&written(self.now))
            .markup("</span></p>\n");
        self.facts(&mut html);
        html.markup("<h2>Sinks</h2>\n");
        match self.delivered {
            None => html.markup("<p>They are not started yet.</p>\n"),
            Some(delivered) if delivered.sinks.is_empty() => {
                html.markup("<p>There are none.</p>\n")
            }
            Some(delivered) => self.sinks(&mut html, &delivered.sinks),
        };
        if let Some(delivered) = self.delivered {
            self.dead(&mut html, &delivered.sinks);
            events(&mut html, &delivered.sinks, self.show_names);
        }
        html.markup("</main></body></html>\n");
        html.done()
    }

    fn facts(&self, html: &mut Html) {
        let run = &self.copy.run;
        html.markup("<dl>\n");
        if let Some(delivered) = self.delivered {
            fact(html, "Store", &delivered.source);
        }
        fact(
            html,
            "Provider",
            run.server.as_deref().unwrap_or("not reached yet"),
        );
        if let Some(url) = self.copy.url.as_ref().filter(|_| self.show_names) {
            fact(html, "Search", &url.to_string());
        }
        fact(html, "State", &state::line(run, self.now));
        if let Some(since) = run.since {
            fact(html, "Since", &written(since));
        }
        fact(html, "Entries", &self.copy.entries.to_string());
        fact(
            html,
            "Behind the provider",
            &run.lag.map_or_else(|| "not known".to_owned(), state::lag),
        );
        let size = self.size;
        let mut journal = format!("{} rows, {}", size.rows, amount(size.bytes));
        let oldest = self
            .delivered
            .and_then(|delivered| delivered.journal.oldest);
        if let Some(oldest) = oldest.filter(|_| size.rows > 0) {
            journal += &format!(", the oldest {} old", rough(between(oldest, self.now)));
        }
        if size.folded > 0 {
            journal += &format!("; rows of {} entries were dropped too early", size.folded);
        }
        fact(html, "Journal", &journal);
        html.markup("</dl>\n");
    }

    fn sinks<'a>(&self, html: &'a mut Html, sinks: &[SinkSeen]) -> &'a mut Html {
        html.markup(
            "<table><thead><tr><th>Sink<th>State<th class=\"n\">Behind<th class=\"n\">Sent",
        )
        .markup("<th class=\"n\">Dead<th>Last error</tr></thead><tbody>\n");
        for sink in sinks {
            let status = &sink.status;
            html.markup("<tr><td class=\"k\" data-label=\"Sink\"><span>")
                .text(&sink.name);
            html.markup("</span><td data-label=\"State\"><span>");
            let good = !matches!(
                status.state,
                RelayState::Manual | RelayState::Retrying | RelayState::Stopped
            );
            mark(html, good, &status.state.to_string());
            if let Some(since) = status.since {
                html.markup(" <span class=\"dim\">for ")
                    .text(&rough(between(since, self.now)))
                    .markup("</span>");
            }
            let behind = match sink.behind.is_zero() {
                true => "has all".to_owned(),
                false => rough(sink.behind),
            };
            let sent: u64 = status.sent.values().sum();
            html.markup("</span><td class=\"n\" data-label=\"Behind\"><span>")
                .text(&behind);
            html.markup("</span><td class=\"n\" data-label=\"Sent\"><span>")
                .text(&sent.to_string());
            html.markup("</span><td class=\"n\" data-label=\"Dead\"><span>");
            match sink.dead {
                0 => html.text("0"),
                dead => html
                    .markup("<span class=\"bad\">")
                    .text(&dead.to_string())
                    .markup("</span>"),
            };
            html.markup("</span><td data-label=\"Last error\"><span>");
            match &status.last_error {
                None => html.markup("none"),
                Some((why, at)) => html
                    .excerpt(why, ERROR)
                    .markup(" <span class=\"dim\">")
                    .text(&rough(between(*at, self.now)))
                    .markup(" ago</span>"),
            };
            html.markup("</span></tr>\n");
        }
        html.markup("</tbody></table>\n")
    }

    fn dead(&self, html: &mut Html, sinks: &[SinkSeen]) {
        let count: u64 = sinks.iter().map(|sink| sink.dead).sum();
        if count == 0 {
            return;
        }
        html.markup("<h2>Dead letters</h2>\n<p>")
            .text(&count.to_string());
        html.markup(" events were refused for good. The oldest of each sink:</p>\n<table><thead><tr><th>Time<th>Sink")
            .markup("<th>Type<th>Event<th>Why</tr></thead><tbody>\n");
        for letter in self.letters {
            html.markup("<tr><td class=\"k\" data-label=\"Time\"><span>")
                .text(&written(letter.time));
            html.markup("</span><td class=\"k\" data-label=\"Sink\"><span>")
                .text(&letter.sink);
            html.markup("</span><td class=\"k\" data-label=\"Type\"><span>")
                .excerpt(&letter.kind, NAME);
            html.markup("</span><td data-label=\"Event\"><span class=\"id\">")
                .excerpt(&letter.id, NAME);
            html.markup("</span><td data-label=\"Why\"><span>");
            // The receiver wrote this of one entry, and may have quoted it.
            match self.show_names {
                true => html.excerpt(&letter.why, ERROR),
                false => html.markup("syncrepl dead says it"),
            };
            html.markup("</span></tr>\n");
        }
        html.markup("</tbody></table>\n<p>List them, look at one with its values, or try all of a sink again:</p>\n");
        let data = quoted(&self.data.display().to_string());
        html.markup("<pre>syncrepl dead --data ").text(&data);
        if let Some(letter) = self.letters.first() {
            html.markup("\nsyncrepl dead show ")
                .text(&quoted(&letter.id))
                .markup(" --data ")
                .text(&data);
        }
        for sink in sinks.iter().filter(|sink| sink.dead > 0) {
            html.markup("\nsyncrepl dead retry --sink ")
                .text(&sink.name)
                .markup(" --data ")
                .text(&data);
        }
        html.markup("</pre>\n");
    }
}

fn events(html: &mut Html, sinks: &[SinkSeen], show_names: bool) {
    html.markup("<h2>Last events</h2>\n");
    let events = last_events(sinks);
    if events.is_empty() {
        html.markup("<p>None in this run.</p>\n");
        return;
    }
    html.markup("<table><thead><tr><th>Time<th>Type<th>Entry<th>Changed attributes<th>Sinks</tr></thead><tbody>\n");
    for (event, names) in events {
        html.markup("<tr><td class=\"k\" data-label=\"Time\"><span>")
            .text(&written(event.time));
        html.markup("</span><td class=\"k\" data-label=\"Type\"><span>")
            .text(event.kind.word());
        html.markup("</span><td data-label=\"Entry\"><span>");
        if !event.uuid.is_nil() {
            html.markup("<span class=\"id\">")
                .text(&event.uuid.to_string())
                .markup("</span>");
        }
        if let Some(dn) = event.dn.as_ref().filter(|_| show_names) {
            html.markup("<br>").excerpt(dn, 2 * NAME);
        }
        html.markup("</span><td data-label=\"Changed\"><span>");
        for (number, name) in event.changed.iter().take(NAMES).enumerate() {
            html.text(if number == 0 { "" } else { ", " })
                .excerpt(name, NAME);
        }
        if let Some(more) = event
            .changed
            .len()
            .checked_sub(NAMES)
            .filter(|more| *more > 0)
        {
            html.text(&format!(" and {more} more"));
        }
        html.markup("</span><td data-label=\"Sinks\"><span>")
            .text(&names.join(", "));
        html.markup("</span></tr>\n");
    }
    html.markup("</tbody></table>\n");
}

/// The last events over all sinks, the newest first, each with the sinks that have it.
fn last_events(sinks: &[SinkSeen]) -> Vec<(&Recent, Vec<&str>)> {
    let mut events: Vec<(&Recent, Vec<&str>)> = Vec::new();
    for sink in sinks {
        for recent in &sink.status.recent {
            match events.iter_mut().find(|(event, _)| *event == recent) {
                // Two changes of one moment may look the same: one sink has both.
                Some((_, names)) if !names.contains(&sink.name.as_str()) => names.push(&sink.name),
                _ => events.push((recent, vec![&sink.name])),
            }
        }
    }
    // A stable sort: of one moment, the order of the sink stays.
    events.sort_by_key(|(event, _)| Reverse(event.time));
    events.truncate(EVENTS);
    events
}

fn fact(html: &mut Html, name: &'static str, text: &str) {
    html.markup("<dt>")
        .markup(name)
        .markup("</dt><dd>")
        .excerpt(text, ERROR)
        .markup("</dd>\n");
}

/// A word that is good or bad; the colour only repeats it.
fn mark(html: &mut Html, good: bool, word: &str) {
    let class = if good {
        "<span class=\"good\">"
    } else {
        "<span class=\"bad\">"
    };
    html.markup(class).text(word).markup("</span>");
}

/// A number of bytes as people say it.
fn amount(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{} KiB", bytes / 1024),
        _ => format!("{} MiB", bytes / 1_048_576),
    }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:,@".contains(c);
    match word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;
    use syncrepl_relay::{EventKind, RelayStatus};

    fn sink(name: &str, recent: Vec<Recent>) -> SinkSeen {
        SinkSeen {
            name: name.to_owned(),
            status: RelayStatus {
                recent,
                ..RelayStatus::default()
            },
            behind: Duration::ZERO,
            dead: 0,
        }
    }

    fn event(second: u64) -> Recent {
        Recent {
            time: UNIX_EPOCH + Duration::from_secs(second),
            kind: EventKind::Changed,
            uuid: Default::default(),
            dn: Some("cn=<script>\u{1b}[2J".to_owned()),
            changed: vec!["<b>\u{7}'".to_owned(); NAMES + 2],
        }
    }

    fn shown(sinks: &[SinkSeen], show_names: bool) -> String {
        let mut html = Html::default();
        events(&mut html, sinks, show_names);
        html.done()
    }

    #[test]
    fn hostile_names_are_escaped_and_dns_only_shown_if_allowed() {
        let sinks = [sink("a", vec![event(1)])];
        let page = shown(&sinks, true);
        assert!(page.contains("cn=&lt;script&gt;\\u{1b}[2J"), "{page}");
        assert!(page.contains("&lt;b&gt;\\u{7}&#39;, &lt;b&gt;"), "{page}");
        assert!(page.contains(" and 2 more<"), "{page}");
        assert!(!page.contains("<b>") && !page.contains("<script"), "{page}");
        assert!(!shown(&sinks, false).contains("cn="), "no DN");
    }

    #[test]
    fn event_of_two_sinks_is_one_row_and_the_newest_come_first() {
        let many: Vec<_> = (0..EVENTS as u64).rev().map(event).collect();
        let sinks = [
            sink("a", vec![event(3), event(1)]),
            sink("b", vec![event(3)]),
        ];
        let rows = last_events(&sinks);
        let names: Vec<_> = rows.iter().map(|(_, names)| names.as_slice()).collect();
        assert_eq!(names, [&["a", "b"][..], &["a"]]);
        let all = [sink("a", many), sink("b", vec![event(1000)])];
        let rows = last_events(&all);
        assert_eq!((rows.len(), rows[0].0.time), (EVENTS, event(1000).time));
    }

    #[test]
    fn commands_are_fit_for_a_shell() {
        assert_eq!(quoted("/var/lib/a.db"), "/var/lib/a.db");
        assert_eq!(quoted("it's $x"), "'it'\\''s $x'");
    }
}
