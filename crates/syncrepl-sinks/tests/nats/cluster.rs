//! Three servers with a stream of three replicas.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread;
use std::time::Duration;

use syncrepl_testing::nats::Cluster;
use syncrepl_testing::wait_until;

use crate::driver::{Driver, assert_once};

#[test]
fn leader_killed_three_times_loses_and_doubles_nothing() {
    let mut cluster = Cluster::start();
    let target = cluster.target("LDAP", "p");
    let keys = r#"{"create": true, "replicas": 3}"#;
    Driver::new(&target, keys).deliver(10);
    let goal = Arc::new(AtomicU64::new(20_000));
    let driver = {
        let (goal, target) = (Arc::clone(&goal), target.clone());
        thread::spawn(move || {
            let mut driver = Driver::new(&target, "{}");
            driver.batch = 100;
            driver
                .try_deliver(&goal)
                .unwrap_or_else(|error| panic!("{error}"))
        })
    };
    for kill in 1..=3 {
        let patience = Duration::from_secs(60);
        let mut leader = None;
        wait_until(patience, || {
            leader = cluster.leader("LDAP");
            leader.is_some() && sequence(&cluster) > kill * 2000
        });
        let leader = leader.expect("a leader");
        cluster.nodes[leader].kill9();
        wait_until(patience, || {
            cluster.leader("LDAP").is_some_and(|new| new != leader)
        });
        cluster.nodes[leader].launch();
    }
    driver.join().expect("the driver");
    assert_once(&cluster.judge().read("LDAP"), 20_000);
}

fn sequence(cluster: &Cluster) -> u64 {
    let info = cluster.judge().try_ask("INFO", "LDAP", "");
    let sequence = |info: serde_json::Value| info["state"]["last_seq"].as_u64();
    info.ok().and_then(sequence).unwrap_or(0)
}
