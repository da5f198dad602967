//! 389-ds says of a password that has to be changed, and of a locked account, in words of its own.

use syncrepl_testing::Ds389;
use syncrepl_testing::ds389::SUFFIX;

use crate::common::outcome::{Data, Outcome};
use crate::{apply, at, person, replace};

#[test]
fn password_policy_is_told_in_words() {
    let server = Ds389::builder().start();
    let ann = at("uid=ann");
    apply(
        &server,
        &[
            replace("cn=config", "passwordMustChange", "on"),
            person(&ann, "staff"),
            // By somebody else, so ann has to change it.
            replace(&ann, "userPassword", "secret1234"),
        ],
    );
    let refresh = |words: &[&str]| {
        let data = Data::new();
        let path = data.path();
        let url = server.url();
        let first = [
            "refresh",
            "--data",
            &path,
            "-H",
            &url,
            "-b",
            SUFFIX,
            "-D",
            &ann,
            "-w",
            "secret1234",
        ];
        Outcome::run(&[&first, words].concat())
    };
    let wanted = format!("the server wants the password of {ann} to be changed first: ");
    refresh(&[]).assert_failed(3, &[&wanted, "ldappasswd"]);
    apply(&server, &[replace(&ann, "nsAccountLock", "true")]);
    refresh(&[]).assert_failed(3, &["the account is locked", "Account inactivated"]);
}
