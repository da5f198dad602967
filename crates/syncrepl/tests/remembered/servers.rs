//! All servers of a list are remembered.

use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};

use crate::common::outcome::{Data, Outcome};
use crate::{again, setting, words};

#[test]
fn second_server_is_remembered() {
    let (down, up) = (Slapd::start(Variant::Plain), Slapd::start(Variant::Plain));
    down.stop();
    let both = ["-H", &down.url(), "-H", &up.url()];
    let mut lists: Vec<Vec<String>> = vec![both.map(str::to_owned).to_vec()];
    for separator in [" ", ",", "\t", ", "] {
        let list = format!("{}{separator}{}", down.url(), up.url());
        lists.push(vec!["-H".to_owned(), list]);
    }
    for list in lists {
        let data = Data::new();
        let path = data.path();
        let mut words: Vec<String> = ["refresh", "--data", &path, "-b", SUFFIX]
            .map(str::to_owned)
            .to_vec();
        words.extend(list.clone());
        Outcome::run(&words).assert_done();
        // Only the second one answers.
        again(&data, &[]).assert_done();
        // A part of the search names no server either.
        let named = ["refresh", "--data", &path, "-b", SUFFIX, "(objectClass=*)"];
        Outcome::run(&named).assert_done();
        // Others take their place.
        let other = ["-H", &down.url(), "-b", SUFFIX];
        again(&data, &other).assert_failed(4, &[&down.url()]);
        again(&data, &[]).assert_done();
    }
}

#[test]
fn comma_in_a_dn_separates_nothing() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::new();
    let again = server.url().replace("ldap://", "LDAP://");
    let list = format!("{}/{SUFFIX}??sub,{again}", server.url());
    let path = data.path();
    Outcome::run(&["refresh", "--data", &path, "-H", &list]).assert_done();
    let remembered = format!("{0}/\n{0}/", server.url());
    assert_eq!(setting(&data, "syncrepl_servers"), Some(remembered));
    Outcome::run(&words(&data, &server.url(), &[])).assert_done();
    let remembered = format!("{}/", server.url());
    assert_eq!(setting(&data, "syncrepl_servers"), Some(remembered));
}
