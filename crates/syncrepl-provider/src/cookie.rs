//! The cookies of this provider: `rid=000,csn=CSN` like OpenLDAP's, or a bare CSN.

use crate::config::Config;
use crate::csn::Csn;

/// The state that a cookie stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cookie {
    /// No state: the consumer sent no cookie, an empty one, or one in OpenLDAP's form without a
    /// CSN.
    None,
    /// The consumer has every change up to this one.
    At(Csn),
    /// This provider cannot have made the cookie.
    Unknown,
}

/// The form of the cookies for one consumer.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    /// The replica ID that the consumer sent; `None` for bare CSNs.
    rid: Option<String>,
}

/// Reads the cookie of a Sync Request control, and the form in which later cookies answer it.
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
                // A cookie may hold a CSN for each server ID. This provider is server 000.
                Some(csn) if csn.as_str().contains("#000#") => newest = Cookie::At(csn),
                Some(_) => {}
            }
        }
    }
    (newest, shape(rid))
}

impl Shape {
    /// Writes the cookie for the state after the change `csn`.
    pub(crate) fn write(&self, csn: &Csn) -> Vec<u8> {
        match &self.rid {
            Some(rid) => format!("rid={rid},csn={}", csn.as_str()).into_bytes(),
            None => csn.as_str().as_bytes().to_vec(),
        }
    }

    /// Writes a cookie without a state.
    pub(crate) fn without_csn(&self) -> Vec<u8> {
        match &self.rid {
            Some(rid) => format!("rid={rid}").into_bytes(),
            None => Vec::new(),
        }
    }
}
