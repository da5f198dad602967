//! How fast it goes. Asked for: `cargo nextest run -p syncrepl-sinks --release --test webhook --run-ignored all
//! --no-capture speed`.

use std::time::Instant;

use serde_json::json;
use syncrepl_testing::Receiver;

use crate::support::{accepted, events, owner, send, sink};

#[test]
#[ignore = "a measurement"]
fn events_a_second() {
    for (batch, total) in [(1_u64, 20_000_u64), (100, 200_000)] {
        let receiver = Receiver::start();
        receiver.count_only();
        let mut sink = sink(&receiver.url("/"), &[("batch", json!(batch))]);
        sink.open(&owner("hook")).unwrap();
        let all = events(1..=total);
        let began = Instant::now();
        for chunk in all.chunks(batch as usize) {
            assert_eq!(send(&mut *sink, chunk).unwrap(), accepted(chunk.len()));
        }
        let rate = total as f64 / began.elapsed().as_secs_f64();
        assert_eq!(receiver.count() as u64, total / batch);
        println!("batches of {batch}: {rate:.0} events/s");
    }
}
