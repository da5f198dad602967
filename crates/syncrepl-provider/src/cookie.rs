//! The cookies this provider makes and reads: `rid=000,csn=CSN` as OpenLDAP's, or a bare CSN.

use crate::config::Config;
use crate::csn::Csn;

/// What a cookie says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cookie {
    /// Nothing: none was sent, it is empty, or it is one of OpenLDAP's without a CSN.
    None,
    /// The consumer has seen everything up to this change.
    At(Csn),
    /// No cookie of this provider's.
    Unknown,
}

/// How cookies of one consumer are written.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    /// The consumer's replica ID; none for bare CSNs.
    rid: Option<String>,
}

/// Reads the cookie of a Sync Request control.
pub(crate) fn read(config: &Config, cookie: Option<&[u8]>) -> (Cookie, Shape) {
    let shape = |rid: &str| Shape {
        rid: (!config.opaque_cookies).then(|| rid.to_owned()),
    };
    let text = match cookie.map(std::str::from_utf8) {
        None | Some(Ok("")) => return (Cookie::None, shape("000")),
        Some(Err(_)) => return (Cookie::Unknown, shape("000")),
        Some(Ok(text)) => text,
    };
    if config.opaque_cookies {
        let read = Csn::parse(text).map_or(Cookie::Unknown, Cookie::At);
        return (read, shape("000"));
    }
    let mut fields = text.split(',');
    let rid = fields.next().and_then(|field| field.strip_prefix("rid="));
    let Some(rid) = rid.filter(|rid| rid.len() == 3 && rid.bytes().all(|b| b.is_ascii_digit()))
    else {
        return (Cookie::Unknown, shape("000"));
    };
    let mut newest = Cookie::None;
    for list in fields.filter_map(|field| field.strip_prefix("csn=")) {
        for csn in list.split(';').filter(|csn| !csn.is_empty()) {
            match Csn::parse(csn) {
                None => return (Cookie::Unknown, shape(rid)),
                // Of several servers, the one that this provider is.
                Some(csn) if csn.as_str().contains("#000#") => newest = Cookie::At(csn),
                Some(_) => {}
            }
        }
    }
    (newest, shape(rid))
}

impl Shape {
    /// The cookie of a consumer that has seen everything up to `csn`.
    pub(crate) fn write(&self, csn: &Csn) -> Vec<u8> {
        match &self.rid {
            Some(rid) => format!("rid={rid},csn={}", csn.as_str()).into_bytes(),
            None => csn.as_str().as_bytes().to_vec(),
        }
    }

    /// A cookie that says nothing.
    pub(crate) fn without_csn(&self) -> Vec<u8> {
        match &self.rid {
            Some(rid) => format!("rid={rid}").into_bytes(),
            None => Vec::new(),
        }
    }
}
