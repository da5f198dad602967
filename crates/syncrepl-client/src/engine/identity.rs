//! Whether the provider takes us for whom the copy was made. Another identity may see other entries, so the
//! copy would become another one.

use syncrepl_proto::dn;

use crate::connection::Credentials;
use crate::error::{Error, ErrorKind, Result};
use crate::record::text::identity;
use crate::remembered::{Bind, Remembered, dn_of};

/// Fails unless `told`, the authzId of this bind, is that of the copy. `None`: the provider does not say.
pub(crate) fn check(
    stored: &Remembered,
    told: Option<&str>,
    credentials: &Credentials,
) -> Result<()> {
    let Some(before) = &stored.authzid else {
        return Ok(());
    };
    let ours = credentials.identity();
    let now = told.unwrap_or(&ours);
    if key(before) == key(now) {
        return Ok(());
    }
    // The names say who it is, where one of the two providers did not.
    let bind = Bind::of(credentials);
    let unsaid = told.is_none() || *before == ours;
    if unsaid && bind.name.is_some() && stored.bind.as_ref() == Some(&bind) {
        return Ok(());
    }
    let (before, now) = (identity(before), identity(now));
    Err(Error::new(
        ErrorKind::IdentityConflict,
        format!("the store holds the copy that {before} sees, and this run is bound as {now}; nothing was changed"),
    )
    .with_hint(
        "bind as before (-D, -Y), name another data file, or compare everything as the new identity with \
         --as-new-identity",
    ))
}

/// The same for all spellings of an authzId.
fn key(authzid: &str) -> Vec<u8> {
    match dn_of(authzid) {
        Some(dn) => [b"dn:", dn::key(dn).as_slice()].concat(),
        None => authzid.as_bytes().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(authzid: &str, bind: Option<Bind>) -> Remembered {
        Remembered {
            authzid: Some(authzid.to_owned()),
            bind,
            ..Remembered::default()
        }
    }

    #[test]
    fn spelling_does_not_count() {
        let (ann, bob) = (
            Credentials::simple("cn=Ann,dc=x", "s"),
            Credentials::simple("cn=bob,dc=x", "s"),
        );
        let copy = stored("dn:cn=ann,dc=x", None);
        for told in [Some("dn: CN=Ann, dc=x"), Some("dn:cn=ann,dc=x"), None] {
            assert!(check(&copy, told, &ann).is_ok(), "{told:?}");
        }
        for (told, credentials) in [
            (Some("dn:cn=bob,dc=x"), &bob),
            (None, &bob),
            (Some(""), &ann),
            (Some("u:ann"), &ann),
        ] {
            let error = check(&copy, told, credentials).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::IdentityConflict, "{told:?}");
        }
        assert!(check(&stored("", None), Some(""), &Credentials::Anonymous).is_ok());
        assert!(check(&stored("", None), Some("dn:cn=ann,dc=x"), &ann).is_err());
        assert!(check(&Remembered::default(), Some("dn:cn=ann,dc=x"), &ann).is_ok());
    }

    /// One server of a list maps a SASL name to a DN; another does not say who we are.
    #[test]
    fn names_count_where_a_server_does_not_say() {
        let ann = Credentials::scram("ann", "s");
        let mapped = stored("dn:uid=ann,dc=x", Some(Bind::of(&ann)));
        assert!(check(&mapped, None, &ann).is_ok());
        assert!(
            check(
                &stored("u:ann", Some(Bind::of(&ann))),
                Some("dn:uid=ann,dc=x"),
                &ann
            )
            .is_ok()
        );
        assert!(check(&mapped, None, &Credentials::scram("bob", "s")).is_err());
        // The name is the same, and the provider says that it is somebody else now.
        assert!(check(&mapped, Some("dn:uid=eve,dc=x"), &ann).is_err());
        // EXTERNAL has no name of its own.
        let external = Credentials::external();
        let copy = stored("dn:uid=ann,dc=x", Some(Bind::of(&external)));
        assert!(check(&copy, None, &external).is_err());
    }
}
