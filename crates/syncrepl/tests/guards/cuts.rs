//! The stream of a real slapd is cut after a random number of bytes, again and again, while the directory
//! changes. No entry that exists is told as deleted, and after the next complete run nothing differs.
//! `SYNCREPL_CUTS=500` makes that many cuts; `SYNCREPL_SEED` repeats a run.

use std::time::Instant;

use syncrepl_testing::environment::{number, seed};
use syncrepl_testing::slapd::{Slapd, Variant};
use syncrepl_testing::wait_until;
use syncrepl_testing::workload::{Options, Workload};

use crate::common::PATIENCE;
use crate::common::proxy::Proxy;
use crate::kept::Kept;

/// How many cuts to make, over all variants and both subcommands.
fn cuts() -> usize {
    number("SYNCREPL_CUTS").unwrap_or(36) as usize
}

fn setup(server: &Slapd) -> (Workload, fastrand::Rng) {
    let seed = seed();
    let options = Options {
        big_value: false,
        ..Options::ALL
    };
    let mut workload = Workload::new(seed, options);
    workload.populate(server, 40);
    (workload, fastrand::Rng::with_seed(seed))
}

fn of_refreshes(variant: Variant) {
    let server = Slapd::start(variant);
    let (mut workload, mut rng) = setup(&server);
    let mut kept = Kept::on(&server, variant);
    kept.refreshed(&[]);
    let (mut cut, mut longest) = (0, 2_000);
    while cut < cuts() / 6 {
        workload.round(&server, 8);
        let (before, deletes) = (kept.dump(), kept.reader.deletes().len());
        let options: &[&str] = if rng.u8(..) < 64 {
            &["--reconcile"]
        } else {
            &[]
        };
        // Cuts one refresh a few times, then lets it end.
        for _ in 0..4 {
            let at = rng.usize(..longest);
            let proxy = Proxy::cutting(&server, &[at]);
            kept.url = proxy.url();
            let outcome = kept.refresh(options);
            longest = longest.max(proxy.first_answered_bytes());
            if outcome.code == Some(0) {
                // The stream was shorter, or the cut hit the second connection.
                longest = proxy.first_answered_bytes().max(200);
                break;
            }
            outcome.assert_failed(4, &[]);
            cut += 1;
            assert_eq!(kept.dump(), before, "cut after {at} bytes");
        }
        kept.url = server.url();
        kept.refreshed(&[]);
        kept.assert_equal();
        kept.assert_no_phantom_delete(deletes);
    }
    println!("{cut} cuts of refreshes on {variant:?}");
}

/// `follow` comes back by itself, and is cut again in the refresh stage or later.
fn of_follows(variant: Variant) {
    let server = Slapd::start(variant);
    let (mut workload, mut rng) = setup(&server);
    let mut kept = Kept::on(&server, variant);
    kept.refreshed(&[]);
    let mut cut = 0;
    while cut < cuts() / 6 {
        let at: Vec<usize> = (0..3).map(|_| rng.usize(..6_000)).collect();
        let proxy = Proxy::cutting(&server, &at);
        let deletes = kept.reader.deletes().len();
        kept.url = proxy.url();
        kept.start(&[]);
        // A lookup has a connection of its own, and the cut may hit that.
        wait_until(4 * PATIENCE, || {
            workload.round(&server, 8);
            let next = proxy.connections() + 1;
            let waited = Instant::now();
            wait_until(PATIENCE, || {
                proxy.connections() >= next.min(at.len() + 1) || waited.elapsed().as_millis() > 300
            });
            proxy.connections() > at.len()
        });
        cut += at.len();
        kept.wait_equal();
        kept.assert_no_phantom_delete(deletes);
        kept.stop();
        kept.url = server.url();
        assert_eq!(kept.refreshed(&[]), [""; 0]);
        kept.assert_equal();
    }
    println!("{cut} cuts of follows on {variant:?}");
}

macro_rules! on_each_variant {
    ($($name:ident: $run:ident($variant:ident);)*) => {
        $(#[test] fn $name() { $run(Variant::$variant); })*
    };
}

on_each_variant! {
    refreshes_cut_on_plain: of_refreshes(Plain);
    refreshes_cut_on_sessionlog: of_refreshes(SessionLog);
    refreshes_cut_on_accesslog: of_refreshes(AccessLog);
    follows_cut_on_plain: of_follows(Plain);
    follows_cut_on_sessionlog: of_follows(SessionLog);
    follows_cut_on_accesslog: of_follows(AccessLog);
}
