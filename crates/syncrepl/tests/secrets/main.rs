//! Secrets: where the password comes from, and where neither it nor copied hashes may go.

#[path = "../common/mod.rs"]
mod common;

mod copied;
mod kept;
mod sources;
mod typed;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};

const ANN: &str = "uid=ann,ou=people,dc=example,dc=com";
/// Long and strange enough that it stands nowhere by chance.
const GEHEIM: &str = "gehe1m-Zv9qTr3WmXk7";

const CYD: &str = "uid=cyd,ou=people,dc=example,dc=com";
/// How often [`GEHEIM`] stands in cyd's password. Freed pieces of a long password stay in memory longer.
const TIMES: usize = 50;

fn long() -> String {
    (0..TIMES)
        .map(|number| format!("{GEHEIM}{number}"))
        .collect()
}

/// A slapd where ann and cyd may read everything, with the hashes of others. ann can bind by SCRAM.
fn server() -> Slapd {
    let server = Slapd::builder(Variant::Plain)
        .ldapi()
        .extra_global(
            "sasl-auxprops slapd\nsasl-host localhost\npassword-hash {CLEARTEXT}\n\
             authz-regexp uid=([^,]*),cn=.*,cn=auth uid=$1,ou=people,dc=example,dc=com",
        )
        .extra_database(&format!(
            "access to dn.exact={ANN} attrs=userPassword by * auth\n\
             access to dn.exact={CYD} attrs=userPassword by * auth\n\
             access to * by dn.exact={ANN} read by dn.exact={CYD} read by * auth"
        ))
        .start();
    let person = |uid: &str, password: &str| {
        format!(
            "dn: uid={uid},ou=people,{SUFFIX}\nchangetype: add\nobjectClass: inetOrgPerson\nuid: {uid}\n\
             cn: {uid}\nsn: {uid}\nmail: {uid}@example.com\nuserPassword: {password}\n\n"
        )
    };
    let ldif = format!(
        "dn: ou=people,{SUFFIX}\nchangetype: add\nobjectClass: organizationalUnit\nou: people\n\n{}{}{}",
        person("ann", GEHEIM),
        person("cyd", &long()),
        person("bob", BOB),
    );
    server.ldapmodify(&ldif).expect("people");
    server
}

/// The hash in bob's entry and in the copy. No log may show it.
const BOB: &str = "{SSHA}bobsH4shq8RkPz2LwYd5TnXs";

/// A file with ann's password, which no other user can read.
fn secret_file(folder: &Path) -> String {
    file_of(folder, GEHEIM)
}

fn file_of(folder: &Path, password: &str) -> String {
    let path = folder.join("password");
    fs::write(&path, password).expect("writing a file");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("permissions");
    path.display().to_string()
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}
