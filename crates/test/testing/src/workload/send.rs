//! Sends the changes of a round to the server. A refusal is an error of the test, but for one that
//! slapd was seen to make for a fault of its own.

use super::Workload;
use crate::ldif;
use crate::target::Target;

impl Workload {
    pub(super) fn send(&mut self, server: &dyn Target) {
        let changes = std::mem::take(&mut self.ldif);
        let starts = std::mem::take(&mut self.starts);
        let (mut next, mut freed) = (0, None);
        while let Some(&start) = starts.get(next) {
            let Err(error) = server.ldapmodify(&changes[start..]) else {
                return;
            };
            let refused = broken_index(&error).map(|number| next + number - 1);
            let Some(at) = refused.filter(|at| freed != Some(*at)) else {
                let log = self.log.join("\n");
                panic!(
                    "workload with seed {} was refused: {error}\nit had asked for:\n{log}",
                    self.seed
                );
            };
            self.log.push(format!("not done by the server: {error}"));
            println!("workload: {error}");
            let record = &ldif::parse(&changes[starts[at]..]).records[0];
            free(server, record.get("dn").expect("a DN"));
            (next, freed) = (at, Some(at));
        }
    }
}

/// Which record was refused, if it was because of what slapd answers, seldom, to a rename that it
/// should make: result 80, since it could not write its own index of names.
fn broken_index(error: &str) -> Option<usize> {
    let is_it = error.contains("error (80)") && error.contains("DN index add failed");
    let (_, record) = error.rsplit_once("(record ").filter(|_| is_it)?;
    record.split(':').next()?.parse().ok()
}

/// slapd then renames that entry to nothing at all, until one more has come and gone below it.
fn free(server: &dyn Target, dn: &[u8]) {
    let child = ldif::line("dn", [b"ou=one more,", dn].concat());
    let add = "changetype: add\nobjectClass: organizationalUnit\nou: one more";
    let text = format!("{child}{add}\n\n{child}changetype: delete\n");
    server.ldapmodify(&text).expect("one more comes and goes");
}
