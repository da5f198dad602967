//! What a store tells of itself: the settings that a refresh writes, and their reading.

use syncrepl_proto::url::LdapUrl;

use crate::error::Result;
use crate::store::Store;

pub(crate) const URL: &str = "syncrepl_url";
pub(crate) const AUTHZID: &str = "syncrepl_authzid";
pub(crate) const PROVIDER: &str = "syncrepl_provider";
pub(crate) const COOKIE: &str = "syncrepl_cookie";
pub(crate) const LAST_REFRESH: &str = "syncrepl_last_refresh";
/// Set once it was told that the copy holds password hashes.
pub(crate) const HASHES_TOLD: &str = "syncrepl_hashes_told";
/// When everything was last compared: milliseconds since 1970, UTC, in decimal.
pub(crate) const LAST_RECONCILE: &str = "syncrepl_last_reconcile";
/// Set while every hidden parent of a record is known, and was asked for after the state that the
/// cookie stands for.
pub(crate) const PARENTS: &str = "syncrepl_parents";
/// Which server, and which node behind its name, the last refresh was of.
pub(crate) const NODE: &str = "syncrepl_node";
/// The records whose DN was stated in the last refresh stage, as a bitmap over their ids.
pub(crate) const FRESH: &str = "syncrepl_fresh";
/// Whether a record of that bitmap was deleted because a search did not show it.
pub(crate) const LEFT_EARLY: &str = "syncrepl_left_early";
/// The records of which the provider is asked, when it is silent, where they are, in the same form.
pub(crate) const QUIET: &str = "syncrepl_suspects";
pub(crate) const COMMIT: &str = "syncrepl_commit";

/// A store's own account, of one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// How many entries the copy holds.
    pub entries: u64,
    /// The search whose result is copied, as an LDAP URL without secrets. `None` before the first
    /// refresh.
    pub url: Option<LdapUrl>,
    /// Who the provider took us for (RFC 4513 §5.2.1.8); empty for anonymous.
    pub authzid: Option<String>,
    /// What kind of provider it was.
    pub provider: Option<String>,
    /// The cookie with which the next refresh begins.
    pub cookie: Option<Vec<u8>>,
    /// When a refresh stage last ended (RFC 3339, UTC).
    pub last_refresh: Option<String>,
    /// The number of the last commit.
    pub commit: u64,
}

impl Store {
    /// The search whose result is copied, as in [`Status::url`].
    ///
    /// # Errors
    /// Those of the store.
    pub fn url(&self) -> Result<Option<LdapUrl>> {
        let url = self.get_setting(URL)?;
        Ok(url.and_then(|url| LdapUrl::parse(&String::from_utf8_lossy(&url)).ok()))
    }

    /// What the store tells of itself, all of one snapshot.
    ///
    /// # Errors
    /// Those of the store.
    pub fn status(&self) -> Result<Status> {
        self.read(|_| {
            let text = |name| -> Result<Option<String>> {
                Ok(self
                    .get_setting(name)?
                    .map(|value| String::from_utf8_lossy(&value).into_owned()))
            };
            Ok(Status {
                entries: self.count()?,
                url: self.url()?,
                authzid: text(AUTHZID)?,
                provider: text(PROVIDER)?,
                cookie: self.get_setting(COOKIE)?,
                last_refresh: text(LAST_REFRESH)?,
                commit: text(COMMIT)?
                    .and_then(|number| number.parse().ok())
                    .unwrap_or(0),
            })
        })
    }
}
