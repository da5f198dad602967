//! The command on a real 389 Directory Server. The server starts slowly, so each test checks much on one.

#[path = "../common/mod.rs"]
mod common;

mod changes;
mod hidden;
mod kills;
mod left_out;
mod limits;
mod memory;
mod policy;
mod scenarios;

use common::outcome::command;
use common::proxy::Proxy;
use common::{Copied, PATIENCE};
use syncrepl_testing::Ds389;
use syncrepl_testing::ds389::SUFFIX;
use syncrepl_testing::process::Run;
use syncrepl_testing::wait_until;

/// The filter by which 389-ds shows everything.
const EVERYTHING: &str = "(objectClass=*)";
/// The filter of people.
const STAFF: &str = "(employeeType=staff)";

fn at(rdn: &str) -> String {
    format!("{rdn},{SUFFIX}")
}

fn unit(dn: &str) -> String {
    let name = dn.split([',', '=']).nth(1).expect("ou=");
    format!("dn: {dn}\nchangetype: add\nobjectClass: organizationalUnit\nou: {name}\n\n")
}

fn person(dn: &str, employee_type: &str) -> String {
    let name = dn.split([',', '=']).nth(1).expect("uid=");
    format!(
        "dn: {dn}\nchangetype: add\nobjectClass: inetOrgPerson\nuid: {name}\ncn: {name}\nsn: {name}\n\
         employeeType: {employee_type}\n\n"
    )
}

fn replace(dn: &str, attribute: &str, value: &str) -> String {
    format!("dn: {dn}\nchangetype: modify\nreplace: {attribute}\n{attribute}: {value}\n-\n\n")
}

fn delete(dn: &str) -> String {
    format!("dn: {dn}\nchangetype: delete\n\n")
}

fn relocate(dn: &str, parent: &str) -> String {
    let rdn = dn.split(',').next().expect("an RDN");
    format!(
        "dn: {dn}\nchangetype: modrdn\nnewrdn: {rdn}\ndeleteoldrdn: 1\nnewsuperior: {parent}\n\n"
    )
}

fn apply(server: &Ds389, records: &[String]) {
    server
        .ldapmodify(&records.concat())
        .expect("the changes apply");
}

/// A copy of everything, and one of the staff.
fn copies(server: &Ds389) -> [Copied<'_>; 2] {
    [EVERYTHING, STAFF].map(|filter| Copied::of(server, SUFFIX, filter))
}

/// Refreshes. Asserts that the copy is equal, that no delete was told that did not happen, and that a
/// further refresh tells nothing.
fn refresh_and_judge(copy: &mut Copied<'_>) {
    println!("filter {}", copy.filter);
    let deletes = copy.reader.deletes().len();
    copy.refresh();
    copy.assert_equal();
    copy.assert_no_phantom_delete(deletes);
    copy.assert_quiet();
}

/// Refreshes, and runs `act` after the command's first questions and before its sync search.
fn while_a_search_is_held(server: &Ds389, copy: &mut Copied<'_>, act: impl FnOnce()) {
    let proxy = Proxy::to(server);
    proxy.hold_sync_search();
    copy.hosts = Some(proxy.url());
    let mut run = Run::command(&mut command(&copy.arguments("refresh")));
    wait_until(PATIENCE, || proxy.holds_one());
    act();
    proxy.release();
    let status = run.wait_exit(PATIENCE);
    assert!(status.success(), "{}", run.stderr());
    copy.feed(&run.output());
    copy.hosts = None;
    copy.assert_equal();
}
