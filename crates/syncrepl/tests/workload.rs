//! Random changes on a real slapd, by `refresh` and by `follow`. After every round the copy and the map
//! of a reader equal a fresh search.

mod common;

use common::Copied;
use syncrepl_testing::environment::seed;
use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};
use syncrepl_testing::workload::{Options, Workload};

const ROUNDS: usize = 10;
const CHANGES: usize = 100;
const PEOPLE: usize = 60;

struct Everything;
struct Staff;

trait Case {
    const FILTER: &'static str;
    fn options() -> Options;
}

impl Case for Everything {
    const FILTER: &'static str = "(objectClass=*)";
    fn options() -> Options {
        Options::ALL
    }
}

impl Case for Staff {
    const FILTER: &'static str = "(employeeType=staff)";
    fn options() -> Options {
        Options {
            parent_renames: false,
            ..Options::ALL
        }
    }
}

/// The filter hides all units, and the workload renames them too.
struct People;

impl Case for People {
    const FILTER: &'static str = "(objectClass=inetOrgPerson)";
    fn options() -> Options {
        Options::ALL
    }
}

fn by_refresh<C: Case>(variant: Variant) {
    let server = Slapd::start(variant);
    let mut workload = Workload::new(seed(), C::options());
    workload.populate(&server, PEOPLE);
    let mut copy = Copied::of(&server, SUFFIX, C::FILTER);
    for round in 0..=ROUNDS {
        let deletes = copy.reader.deletes().len();
        copy.refresh();
        println!("round {round}: {} entries", copy.dump().len());
        copy.assert_equal();
        copy.assert_no_phantom_delete(deletes);
        copy.assert_quiet();
        for change in workload.round(&server, CHANGES) {
            println!("{change}");
        }
    }
}

fn by_follow<C: Case>(variant: Variant) {
    let server = Slapd::start(variant);
    let mut workload = Workload::new(seed(), C::options());
    workload.populate(&server, PEOPLE);
    let mut copy = Copied::of(&server, SUFFIX, C::FILTER);
    copy.follow();
    for round in 0..=ROUNDS {
        println!("round {round}");
        copy.wait_equal();
        for change in workload.round(&server, CHANGES) {
            println!("{change}");
        }
    }
    copy.wait_equal();
    if C::FILTER == Everything::FILTER {
        // With the other filter an entry may leave the result and come back.
        copy.assert_no_phantom_delete(0);
    }
    copy.stop();
    copy.assert_quiet();
    copy.assert_equal();
}

macro_rules! on_each_variant {
    ($($name:ident: $run:ident::<$case:ident>($variant:ident);)*) => {
        $(#[test] fn $name() { $run::<$case>(Variant::$variant); })*
    };
}

on_each_variant! {
    everything_by_refresh_on_plain: by_refresh::<Everything>(Plain);
    everything_by_refresh_on_sessionlog: by_refresh::<Everything>(SessionLog);
    everything_by_refresh_on_accesslog: by_refresh::<Everything>(AccessLog);
    everything_by_follow_on_plain: by_follow::<Everything>(Plain);
    everything_by_follow_on_sessionlog: by_follow::<Everything>(SessionLog);
    everything_by_follow_on_accesslog: by_follow::<Everything>(AccessLog);
    staff_by_refresh_on_plain: by_refresh::<Staff>(Plain);
    staff_by_refresh_on_sessionlog: by_refresh::<Staff>(SessionLog);
    staff_by_refresh_on_accesslog: by_refresh::<Staff>(AccessLog);
    staff_by_follow_on_plain: by_follow::<Staff>(Plain);
    staff_by_follow_on_sessionlog: by_follow::<Staff>(SessionLog);
    staff_by_follow_on_accesslog: by_follow::<Staff>(AccessLog);
    people_by_refresh_on_plain: by_refresh::<People>(Plain);
    people_by_refresh_on_sessionlog: by_refresh::<People>(SessionLog);
    people_by_refresh_on_accesslog: by_refresh::<People>(AccessLog);
    people_by_follow_on_sessionlog: by_follow::<People>(SessionLog);
}
