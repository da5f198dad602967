//! Replicas without a contextCSN: a consumer meets one when it is pointed at a slapd whose first
//! load has not begun or not ended.

use super::config::Variant;
use super::names::SUFFIX;
use super::server::{Builder, Slapd};

/// The entries that the half-loaded replica holds so far.
const LOADED_SO_FAR: &str = "\
dn: dc=example,dc=com
objectClass: organization
objectClass: dcObject
o: Example
dc: example

dn: ou=people,dc=example,dc=com
objectClass: organizationalUnit
ou: people

dn: uid=ann,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: ann
cn: Ann
sn: Archer
employeeType: staff
";

impl Slapd {
    /// A replica that holds some entries and no contextCSN, and whose own provider is away.
    ///
    /// It shows its entries to a plain search. Asked to synchronize without a cookie it answers
    /// success with no entry and no cookie; with a cookie, result 53.
    pub fn half_loaded() -> Slapd {
        Slapd::half_loaded_with(LOADED_SO_FAR)
    }

    /// As [`Slapd::half_loaded`], holding the given entries, for instance some of [`Slapd::export`].
    pub fn half_loaded_with(ldif: &str) -> Slapd {
        let replica = replica().prepare();
        // Without -w slapadd writes no contextCSN, and a consumer never makes one up.
        replica.slapadd(ldif, &[]);
        replica.launch(|_| ());
        replica
    }

    /// A replica to which nothing came yet: not even the suffix entry.
    pub fn empty_replica() -> Slapd {
        replica().start()
    }
}

fn replica() -> Builder {
    // Nobody listens on port 1, and the next try is a minute away.
    let consumer = format!(
        "syncrepl rid=001 provider=ldap://127.0.0.1:1 searchbase={SUFFIX} bindmethod=simple \
         type=refreshAndPersist retry=\"60 +\""
    );
    Slapd::builder(Variant::Plain)
        .extra_database(&consumer)
        .empty()
}
