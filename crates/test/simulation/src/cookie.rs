//! The provider's cookies: a version for each node, in the vendor's format.

use std::collections::BTreeMap;

use crate::options::Profile;

/// The newest version known of each node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cookie(pub BTreeMap<u8, usize>);

/// How a provider reads a cookie that the consumer sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    Garbage,
    /// It names a state that the provider has not reached.
    Newer,
    /// It names a state that a restored provider has forgotten.
    Diverged(Cookie),
    Understood(Cookie),
}

impl Cookie {
    pub fn encode(&self, profile: Profile) -> Vec<u8> {
        match profile {
            Profile::Slapd { .. } => {
                let csns: Vec<_> = self
                    .0
                    .iter()
                    .map(|(node, version)| csn(*node, *version))
                    .collect();
                format!("rid=000,csn={}", csns.join(";")).into_bytes()
            }
            Profile::Ds389 => {
                format!("model:389#cn=sync:ou=in,dc=x:(filter)#{}", self.newest()).into_bytes()
            }
            Profile::Unknown => {
                let mut bytes = vec![0, 0xff];
                bytes.extend(self.newest().to_string().into_bytes());
                bytes
            }
        }
    }

    /// The cookie of slapd's persist stage: it names the sender, and the version of one node only.
    pub fn encode_one(node: u8, version: usize) -> Vec<u8> {
        format!("rid=000,sid={node:03x},csn={}", csn(node, version)).into_bytes()
    }

    fn newest(&self) -> usize {
        self.0.values().copied().max().unwrap_or(0)
    }

    pub fn parse(profile: Profile, bytes: &[u8]) -> Option<Self> {
        if let Profile::Unknown = profile {
            let digits = bytes.strip_prefix(&[0, 0xff])?;
            return Some(Cookie(BTreeMap::from([(1, number(digits)?)])));
        }
        let text = std::str::from_utf8(bytes).ok()?;
        if profile == Profile::Ds389 {
            let (_, digits) = text.strip_prefix("model:389#")?.rsplit_once('#')?;
            return Some(Cookie(BTreeMap::from([(1, digits.parse().ok()?)])));
        }
        let (_, csns) = text.strip_prefix("rid=")?.split_once("csn=")?;
        let mut cookie = Cookie::default();
        for csn in csns.split(';') {
            let (time, rest) = csn.split_once("Z#")?;
            let node = u8::from_str_radix(rest.split('#').nth(1)?, 16).ok()?;
            cookie
                .0
                .insert(node, number(time.split_once('.')?.1.as_bytes())?);
        }
        Some(cookie)
    }
}

/// The change sequence number of a version that a node made.
pub fn csn(node: u8, version: usize) -> String {
    format!("20261122000000.{version:06}Z#000000#{node:03x}#000000")
}

fn number(digits: &[u8]) -> Option<usize> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}
