//! The changes of a round go to the server. What it refuses is an error of the test, but for one thing
//! that slapd was seen to do of itself.

use super::Workload;
use crate::target::Target;

impl Workload {
    pub(super) fn send(&mut self, server: &dyn Target) {
        let ldif = std::mem::take(&mut self.ldif);
        let starts = std::mem::take(&mut self.starts);
        let respelled = std::mem::take(&mut self.respelled);
        let mut done = 0;
        while let Some(&start) = starts.get(done) {
            let Err(error) = server.ldapmodify(&ldif[start..]) else {
                return;
            };
            let refused = broken_index(&error).map(|number| done + number);
            let Some(number) = refused.filter(|number| respelled.contains(number)) else {
                let log = self.log.join("\n");
                panic!(
                    "workload with seed {} was refused: {error}\nit had asked for:\n{log}",
                    self.seed
                );
            };
            // The rename did not happen. Our own tree has it, and may keep it: names and values in
            // them match without regard to case, so that whatever comes next fits.
            self.log.push(format!("not done by the server: {error}"));
            println!("workload: {error}");
            done = number;
        }
    }
}

/// Which record was refused, if it was because of what slapd answers under load, seldom, to a rename
/// that it should make: result 80, since it could not write its own index of names.
fn broken_index(error: &str) -> Option<usize> {
    let is_it = error.contains("error (80)") && error.contains("DN index add failed");
    let (_, record) = error.rsplit_once("(record ").filter(|_| is_it)?;
    record.split(':').next()?.parse().ok()
}
