//! `follow` loses connections and makes them again: the lines about it on stderr, and the waits between
//! two tries. Each of the first failures is reported, then one now and then, and at last that all is
//! well.

use std::time::{Duration, Instant};

use syncrepl_client::{Backoff, Server};

/// How long the copy has to be up to date before `follow` forgets the failures.
const GOOD_WHILE: Duration = Duration::from_secs(60);
/// This many failures are reported one by one.
const FEW: u32 = 5;
/// After those, a message that was not reported before is still reported. This many are remembered.
const MOST_MESSAGES: usize = 16;
/// The longest time between two reports of failures that go on.
const LONGEST_SILENCE: Duration = Duration::from_secs(3600);
/// How long to wait when no news is due.
const LONG: Duration = Duration::from_secs(60);

/// The failures since the copy was last up to date for a good while.
pub(crate) struct Story {
    good_while: Duration,
    backoff: Backoff,
    failures: u32,
    /// When the first of them was.
    began: Instant,
    /// How long to be silent between two reports, and when the next is due.
    silence: Duration,
    remind_at: Instant,
    /// The messages that were reported.
    messages: Vec<String>,
    last: String,
    /// Since when the copy is up to date.
    up_since: Option<Instant>,
    /// Whether the last report was of a failure.
    told_down: bool,
    /// Whether a failure came after that, and was not reported.
    untold: bool,
}

impl Story {
    /// `longest_wait` is the most to wait between two tries, by default a minute. `good_while` is how long
    /// the copy has to be up to date before failures are forgotten, by default a minute too.
    pub(crate) fn new(longest_wait: Option<Duration>, good_while: Option<Duration>) -> Self {
        let now = Instant::now();
        Story {
            good_while: good_while.unwrap_or(GOOD_WHILE),
            backoff: longest_wait.map_or_else(Backoff::default, Backoff::new),
            failures: 0,
            began: now,
            silence: Duration::ZERO,
            remind_at: now,
            messages: Vec::new(),
            last: String::new(),
            up_since: None,
            told_down: false,
            untold: false,
        }
    }

    /// The connection is lost, or could not be made. Gives how long to wait, which `wait_for` decides from what
    /// the back-off proposes, and a line to print if one is due.
    pub(crate) fn failed(
        &mut self,
        message: String,
        now: Instant,
        wait_for: impl FnOnce(Duration) -> Duration,
    ) -> (Duration, Option<String>) {
        self.catch_up(now);
        let was_up = self.up_since.take().is_some();
        if self.failures == 0 {
            self.began = now;
            self.silence = self.good_while;
            self.remind_at = now + self.silence;
        }
        self.failures = self.failures.saturating_add(1);
        let wait = wait_for(self.backoff.next_wait());
        let few = self.failures <= FEW;
        let news = !self.messages.contains(&message) && self.messages.len() < MOST_MESSAGES;
        let due = now >= self.remind_at;
        if !news && !due && !few {
            self.untold = true;
            return (wait, None);
        }
        let mut said = match few && !was_up && self.last == message {
            true => "still the same".to_owned(),
            false => message.clone(),
        };
        if !few {
            said += &format!("; {}", self.count(now));
        }
        if due {
            self.silence = (self.silence * 2).min(LONGEST_SILENCE);
            self.remind_at = now + self.silence;
        }
        if news {
            self.messages.push(message.clone());
        }
        self.last = message;
        (self.told_down, self.untold) = (true, false);
        let seconds = wait.as_secs_f64();
        (
            wait,
            Some(format!("{said}; trying again in {seconds:.1} s")),
        )
    }

    /// The copy is up to date. Gives a line to print if one is due.
    pub(crate) fn up_to_date(&mut self, server: &Server, now: Instant) -> Option<String> {
        self.up_since.get_or_insert(now);
        if std::mem::take(&mut self.told_down) {
            let after = match self.failures > FEW {
                true => format!(" after {}", self.count(now)),
                false => String::new(),
            };
            return Some(format!(
                "connected to {server}, and up to date again{after}"
            ));
        }
        let after = self.count(now);
        let untold = self.untold;
        (self.catch_up(now) && untold)
            .then(|| format!("connected to {server}, and all is well after {after}"))
    }

    /// How long there is nothing to print, if nothing happens.
    pub(crate) fn next_news(&self, now: Instant) -> Duration {
        match self.up_since {
            Some(since) if self.failures > 0 => (since + self.good_while)
                .saturating_duration_since(now)
                .min(LONG),
            _ => LONG,
        }
    }

    /// Forgets the failures if the copy has been up to date for a good while. Says whether it forgot.
    fn catch_up(&mut self, now: Instant) -> bool {
        let since = self.up_since.filter(|_| self.failures > 0);
        let good =
            since.is_some_and(|since| now.saturating_duration_since(since) >= self.good_while);
        if good {
            self.backoff.reset();
            self.failures = 0;
            self.messages.clear();
            self.untold = false;
        }
        good
    }

    /// How many failures there were, in how much time.
    fn count(&self, now: Instant) -> String {
        let seconds = now.saturating_duration_since(self.began).as_secs();
        let time = humantime::format_duration(Duration::from_secs(seconds));
        format!("{} failures in {time}", self.failures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn server() -> Server {
        Server::ldap("one", 389)
    }

    fn failed(story: &mut Story, message: &str, now: Instant) -> Option<String> {
        let (wait, said) = story.failed(message.to_owned(), now, |wait| wait);
        let said = said?;
        let (said, tail) = said.rsplit_once("; trying again in ").expect("the wait");
        assert_eq!(tail, format!("{:.1} s", wait.as_secs_f64()));
        Some(said.to_owned())
    }

    /// The server is away for a night. The first failures are all reported, later ones less and less.
    #[test]
    fn long_outage_is_reported_now_and_then() {
        let (mut story, mut now) = (Story::new(None, None), Instant::now());
        let begin = now;
        let mut lines = Vec::new();
        for _ in 0..1200 {
            lines.extend(failed(&mut story, "nobody there", now));
            now += 30 * SECOND;
        }
        assert_eq!(lines[0], "nobody there");
        assert_eq!(lines[1..5], ["still the same"; 4]);
        assert_eq!(lines[5], "nobody there; 7 failures in 3m");
        assert_eq!(lines[6], "nobody there; 15 failures in 7m");
        // Ten hours: doubling up to an hour, then every hour.
        assert_eq!(lines.len(), 5 + 5 + 8, "{lines:?}");
        assert!(now - begin == 36_000 * SECOND);
        // A new kind of failure is reported at once.
        let other = failed(&mut story, "not ready", now).expect("told");
        assert_eq!(other, "not ready; 1201 failures in 10h");
        let again = story.up_to_date(&server(), now).expect("told");
        assert_eq!(
            again,
            "connected to ldap://one:389, and up to date again after 1201 failures in 10h"
        );
        // A minute later all failures are forgotten.
        assert_eq!(story.up_to_date(&server(), now + 59 * SECOND), None);
        now += 61 * SECOND;
        assert_eq!(story.up_to_date(&server(), now), None);
        assert_eq!(
            failed(&mut story, "nobody there", now).unwrap(),
            "nobody there"
        );
        assert!(story.backoff.next_wait() <= SECOND);
    }

    /// Each connection is lost at once. After five reports there is silence, and the last line says that
    /// the copy is up to date.
    #[test]
    fn short_connections_are_reported_five_times() {
        let (mut story, mut now) = (Story::new(None, None), Instant::now());
        let mut lines = Vec::new();
        assert_eq!(story.up_to_date(&server(), now), None);
        for _ in 0..60 {
            lines.extend(failed(&mut story, "lost", now));
            lines.extend(story.up_to_date(&server(), now));
            now += SECOND / 2;
        }
        assert_eq!(lines.len(), 10, "{lines:?}");
        assert_eq!(
            lines[8..],
            ["lost", "connected to ldap://one:389, and up to date again"]
        );
        assert!(story.next_news(now) >= 59 * SECOND);
        now += story.next_news(now);
        let well = story.up_to_date(&server(), now).expect("told");
        assert!(
            well.contains("all is well after 60 failures in 1m"),
            "{well}"
        );
        assert_eq!(story.up_to_date(&server(), now + SECOND), None);
        assert_eq!(story.next_news(now), LONG);
    }

    /// The waits stay long until a connection lasts, even where each try takes long to fail.
    #[test]
    fn only_a_good_while_resets_the_waits() {
        let (mut story, mut now) = (Story::new(None, None), Instant::now());
        for _ in 0..12 {
            failed(&mut story, "no answer", now);
            now += 100 * SECOND;
        }
        assert_eq!(story.failures, 12);
        story.up_to_date(&server(), now);
        failed(&mut story, "lost", now + 59 * SECOND);
        assert_eq!(story.failures, 13);
        story.up_to_date(&server(), now + 60 * SECOND);
        failed(&mut story, "lost", now + 120 * SECOND);
        assert_eq!(story.failures, 1);
    }
}
