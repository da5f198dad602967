//! LDAP URLs: a URL that was read is written and read again as the same, and secrets stay inside.

use syncrepl_proto::url::LdapUrl;

/// A text.
pub fn url(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let url = match LdapUrl::parse(text) {
        Ok(url) => url,
        Err(error) => {
            let said = error.to_string();
            assert!(!said.chars().any(char::is_control), "{said:?}");
            return;
        }
    };
    let written = url.to_string();
    assert!(
        written.bytes().all(|byte| byte.is_ascii_graphic()),
        "{written:?}"
    );
    let again = LdapUrl::parse(&written).expect("what we write we read");
    assert_eq!(again, url, "{written}");
    assert_eq!(again.to_string(), written);
    let public = url.without_secrets();
    assert_eq!(public.bind_password(), None);
    assert_eq!(public.without_secrets(), public);
    assert_eq!(LdapUrl::parse(&public.to_string()), Ok(public.clone()));
    if let Some(password) = url.bind_password().filter(|password| password.len() > 8) {
        // Long enough not to be part of anything else, unless the URL says it elsewhere too.
        let elsewhere = format!("{public:?}").contains(password);
        assert!(elsewhere || !format!("{url:?}").contains(password));
    }
    assert_eq!(
        (url.scope_or_default(), url.start_tls(), url.mechanism()),
        (
            again.scope_or_default(),
            again.start_tls(),
            again.mechanism()
        )
    );
    if let Some(dn) = &url.dn {
        assert!(syncrepl_proto::dn::validate(dn).is_ok());
    }
}
