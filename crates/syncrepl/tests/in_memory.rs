//! The workload of random changes on the provider in memory, with every legal way to tell of deletes.

mod common;

use common::Copied;
use syncrepl_provider::{Provider, RefreshStyle};
use syncrepl_testing::environment::seed;
use syncrepl_testing::slapd::SUFFIX;
use syncrepl_testing::target::Other;
use syncrepl_testing::workload::{Options, Workload};

const ROUNDS: usize = 5;
const CHANGES: usize = 100;

fn start(style: RefreshStyle, first: RefreshStyle) -> (Provider, Other) {
    let provider = Provider::builder()
        .suffix(SUFFIX)
        .refresh_style(style)
        .first_refresh(first)
        .start()
        .expect("the provider starts");
    let (admin, password) = provider.root();
    let server = Other {
        url: provider.url(),
        admin,
        password,
    };
    (provider, server)
}

fn workload(server: &Other, filter: &str) -> Workload {
    let options = Options {
        parent_renames: filter == "(objectClass=*)",
        ..Options::ALL
    };
    let mut workload = Workload::new(seed(), options);
    workload.populate(server, 60);
    workload
}

fn by_refresh(style: RefreshStyle, first: RefreshStyle, filter: &str) {
    let (_provider, server) = start(style, first);
    let mut workload = workload(&server, filter);
    let mut copy = Copied::of(&server, SUFFIX, filter);
    for _ in 0..=ROUNDS {
        let deletes = copy.reader.deletes().len();
        copy.refresh();
        copy.assert_equal();
        copy.assert_no_phantom_delete(deletes);
        copy.assert_quiet();
        workload.round(&server, CHANGES);
    }
}

fn by_follow(style: RefreshStyle, first: RefreshStyle, filter: &str) {
    let (_provider, server) = start(style, first);
    let mut workload = workload(&server, filter);
    let mut copy = Copied::of(&server, SUFFIX, filter);
    copy.follow();
    for _ in 0..=ROUNDS {
        copy.wait_equal();
        workload.round(&server, CHANGES);
    }
    copy.wait_equal();
    copy.stop();
    copy.assert_quiet();
    copy.assert_equal();
}

fn each_phase(run: fn(RefreshStyle, RefreshStyle, &str)) {
    for filter in ["(objectClass=*)", "(employeeType=staff)"] {
        for style in [RefreshStyle::PresentPhase, RefreshStyle::DeletePhase] {
            for first in [RefreshStyle::PresentPhase, RefreshStyle::DeletePhase] {
                println!("{filter} {style:?}, at first {first:?}");
                run(style, first, filter);
            }
        }
    }
}

#[test]
fn by_refresh_in_each_phase() {
    each_phase(by_refresh);
}

#[test]
fn by_follow_in_each_phase() {
    each_phase(by_follow);
}
