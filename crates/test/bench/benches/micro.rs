//! Times of inner loops and of the store: `just micro`. Times depend on what else the machine does.
//! The instructions that `just counts` counts do not.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use syncrepl_client::{Store, Syncrepl, SyncreplMode};
use syncrepl_provider::Provider;

/// How many people a small directory has.
const PEOPLE: usize = 1000;

fn dn(number: usize) -> String {
    format!("uid=user{number:05},dc=example,dc=com")
}

fn loops(criterion: &mut Criterion) {
    criterion.bench_function("frame", |bencher| bencher.iter(syncrepl_bench::frame()));
    criterion.bench_function("decode", |bencher| bencher.iter(syncrepl_bench::decode()));
    criterion.bench_function("change decision", |bencher| {
        bencher.iter(syncrepl_bench::compare());
    });
    criterion.bench_function("DN normalisation", |bencher| {
        bencher.iter(syncrepl_bench::dn());
    });
}

/// A provider of so many people.
fn provider() -> Provider {
    let mut provider = Provider::builder();
    for number in 0..PEOPLE {
        let uid = format!("user{number:05}");
        provider = provider.entry(
            dn(number),
            [
                ("objectClass", "inetOrgPerson"),
                ("uid", uid.as_str()),
                ("cn", "Fatma Fischer"),
                ("sn", "Fischer"),
                ("mail", "fatma.fischer@example.com"),
                ("title", "Engineer"),
            ],
        );
    }
    provider.start().expect("it starts")
}

fn store(criterion: &mut Criterion) {
    let provider = provider();
    let folder = tempfile::tempdir().expect("a folder");
    let refresh = |name: &str| {
        let path = folder.path().join(name);
        Syncrepl::builder(&path, ())
            .ldap_url(provider.search_url())
            .mode(SyncreplMode::RefreshOnly)
            .connect()
            .and_then(|mut client| client.run())
            .expect("a refresh");
        path
    };
    let mut group = criterion.benchmark_group("store");
    group.sample_size(20);
    group.throughput(Throughput::Elements(PEOPLE as u64));
    let mut number = 0;
    group.bench_function("first refresh of 1,000", |bencher| {
        bencher.iter(|| {
            number += 1;
            refresh(&format!("{number}.db"))
        });
    });
    let path = refresh("copy.db");
    group.throughput(Throughput::Elements(1));
    group.bench_function("opened", |bencher| {
        bencher.iter(|| Store::open(&path).expect("it opens"));
    });
    let mut store = Store::open(&path).expect("it opens");
    let known = store.get(&dn(500)).expect("the store reads");
    let known = known.expect("it is there");
    let uuid = known.uuid();
    group.bench_function("by DN", |bencher| {
        bencher.iter(|| store.get(&dn(500)).expect("the store reads"));
    });
    group.bench_function("by entryUUID", |bencher| {
        bencher.iter(|| store.get_by_uuid(uuid).expect("the store reads"));
    });
    let mut value = 0u32;
    group.bench_function("a transaction", |bencher| {
        bencher.iter(|| {
            value += 1;
            store.set_setting("a", Some(&value.to_be_bytes()))
        });
    });
    group.finish();
}

criterion_group!(micro, loops, store);
criterion_main!(micro);
