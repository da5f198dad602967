//! The output has no reader. The command queues nothing, and stops reading from the provider.

mod common;

use std::time::Duration;

use common::PATIENCE;
use common::outcome::{Data, command, is_in_a_write, people};
use syncrepl_testing::process::Run;
use syncrepl_testing::slapd::{Slapd, Variant};
use syncrepl_testing::wait_until;

/// Some 40 MB as sent: more than the sockets of both ends hold, and more than memory may hold.
const ENTRIES: usize = 60_000;
const AT_MOST_KIB: u64 = 32 * 1024;

/// How many bytes and calls a process has read and written so far.
fn io(run: &Run) -> String {
    std::fs::read_to_string(format!("/proc/{}/io", run.pid())).expect("the process runs")
}

fn read_bytes(io: &str) -> u64 {
    let line = io.lines().find_map(|line| line.strip_prefix("rchar: "));
    line.and_then(|count| count.parse().ok()).expect("a number")
}

#[test]
fn full_pipe_holds_the_provider_back() {
    let server = Slapd::start(Variant::Plain);
    server.load(&people(ENTRIES));
    for subcommand in ["refresh", "follow"] {
        let data = Data::new();
        let mut run = Run::unread(&mut command(&data.sync(subcommand, &server.url())));
        wait_until(PATIENCE, || is_in_a_write(&run));
        // The provider sends until the sockets are full too.
        let mut stood = 0;
        let mut before = (io(&run), run.peak_memory_kib());
        wait_until(PATIENCE, || {
            std::thread::sleep(Duration::from_millis(20));
            let now = (io(&run), run.peak_memory_kib());
            stood = if now == before { stood + 1 } else { 0 };
            before = now;
            stood == 50
        });
        let (stuck, peak) = before;
        assert!(read_bytes(&stuck) < 4 << 20, "it went on reading: {stuck}");
        assert!(peak.is_some_and(|peak| peak < AT_MOST_KIB), "{peak:?} KiB");
        run.read();
        run.wait_for_line(|line| line.contains(r#""op":"commit""#), PATIENCE);
        if let Some(peak) = run.peak_memory_kib() {
            assert!(peak < AT_MOST_KIB, "{peak} KiB afterwards");
        }
        if subcommand == "follow" {
            run.signal("TERM");
        }
        assert!(run.wait_exit(PATIENCE).success(), "{}", run.stderr());
        let entries = run
            .lines()
            .iter()
            .filter(|line| line.contains(r#""op":"add""#))
            .count();
        assert_eq!(entries, ENTRIES + 2);
    }
}
