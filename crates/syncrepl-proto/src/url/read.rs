//! Takes the text of an LDAP URL apart (RFC 4516 §2).

use std::net::Ipv6Addr;
use std::str::FromStr;

use super::{Extension, LdapUrl, Scheme, UrlError};
use crate::attributes::is_selector;
use crate::dn;
use crate::filter::Filter;
use crate::message::Scope;

impl LdapUrl {
    /// Reads a URL. White space and control characters are errors, even where a server might accept
    /// them. Other characters that should be percent-encoded are accepted.
    ///
    /// # Errors
    /// The first problem, and its position.
    pub fn parse(url: &str) -> Result<Self, UrlError> {
        parse(url)
    }
}

impl FromStr for LdapUrl {
    type Err = UrlError;

    fn from_str(url: &str) -> Result<Self, UrlError> {
        Self::parse(url)
    }
}

fn parse(url: &str) -> Result<LdapUrl, UrlError> {
    let whole = Part { text: url, at: 0 };
    let forbidden = |c: char| c.is_whitespace() || c.is_control();
    if let Some((at, c)) = url.char_indices().find(|&(_, c)| forbidden(c)) {
        let found = Part { text: "", at };
        return found.error(match c {
            ' ' => "a space must be written %20",
            _ => "white space and control characters must be percent-encoded",
        });
    }
    let Some((scheme, rest)) = whole.split_once("://") else {
        return whole.error("an LDAP URL begins with ldap://, ldaps:// or ldapi://");
    };
    let is_scheme = |known: &Scheme| known.as_str().eq_ignore_ascii_case(scheme.text);
    let Some(scheme) = Scheme::ALL.into_iter().find(is_scheme) else {
        return whole.error("an LDAP URL begins with ldap://, ldaps:// or ldapi://");
    };
    let (authority, rest) = rest.split_once("/").unwrap_or((rest, Part::EMPTY));
    if authority.text.contains('?') {
        return authority.error("a '/' is missing after the host, before the first '?'");
    }
    let (host, port) = match scheme {
        Scheme::Ldapi => (authority.socket()?, None),
        Scheme::Ldap | Scheme::Ldaps => authority.host_and_port()?,
    };
    let (name, rest) = rest.next();
    let (attributes, rest) = rest.next();
    let (scope, rest) = rest.next();
    let (filter, extensions) = rest.next();
    if extensions.text.contains('?') {
        return extensions.error("too many '?'; one in a value must be written %3F");
    }
    Ok(LdapUrl {
        scheme,
        host,
        port,
        dn: name.dn(scheme)?,
        attributes: attributes
            .list()
            .map(Part::attribute)
            .collect::<Result<_, _>>()?,
        scope: scope.scope()?,
        filter: filter.filter()?,
        extensions: extensions
            .list()
            .map(Part::extension)
            .collect::<Result<_, _>>()?,
    })
}

/// A part of the URL, and the byte where it begins.
#[derive(Clone, Copy)]
struct Part<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Part<'a> {
    const EMPTY: Self = Part { text: "", at: 0 };

    fn error<T>(self, problem: &'static str) -> Result<T, UrlError> {
        Err(UrlError::Syntax {
            problem,
            position: self.at + 1,
        })
    }

    fn split_once(self, separator: &str) -> Option<(Self, Self)> {
        let (text, rest) = self.text.split_once(separator)?;
        let at = self.at + text.len() + separator.len();
        Some((Part { text, at: self.at }, Part { text: rest, at }))
    }

    /// The parts before and after the next `?`.
    fn next(self) -> (Self, Self) {
        self.split_once("?").unwrap_or((self, Self::EMPTY))
    }

    /// The parts between commas; none for an empty list.
    fn list(self) -> impl Iterator<Item = Self> {
        let mut at = self.at;
        let parts = self.text.split(',').map(move |text| {
            let part = Part { text, at };
            at += text.len() + 1;
            part
        });
        parts.take(if self.text.is_empty() { 0 } else { usize::MAX })
    }

    fn decode(self) -> Result<String, UrlError> {
        let mut out = Vec::with_capacity(self.text.len());
        let mut rest = self.text.as_bytes();
        let digit = |byte: &u8| {
            char::from(*byte)
                .to_digit(16)
                .and_then(|d| u8::try_from(d).ok())
        };
        while let [byte, after @ ..] = rest {
            rest = after;
            if *byte != b'%' {
                out.push(*byte);
                continue;
            }
            match after {
                [high, low, after @ ..] if digit(high).is_some() && digit(low).is_some() => {
                    out.push(digit(high).unwrap_or(0) << 4 | digit(low).unwrap_or(0));
                    rest = after;
                }
                _ => {
                    let at = self.at + self.text.len() - after.len() - 1;
                    return Part { text: "", at }.error(
                        "'%' must be followed by two hexadecimal digits; write %25 for '%' itself",
                    );
                }
            }
        }
        match String::from_utf8(out) {
            Ok(text) => Ok(text),
            Err(_) => self.error("percent-encoded bytes are not UTF-8"),
        }
    }

    fn host_and_port(self) -> Result<(Option<String>, Option<u16>), UrlError> {
        if self.text.contains('@') {
            return self.error(
                "an LDAP URL has no user before '@'; use the extensions bindname and X-BINDPW",
            );
        }
        if let Some(bracketed) = self.text.strip_prefix('[') {
            let address = Part {
                text: bracketed,
                at: self.at + 1,
            };
            let Some((address, port)) = address.split_once("]") else {
                return self.error("missing ']' after the IPv6 address");
            };
            let host = address.decode()?;
            let (number, zone) = host.split_once('%').unwrap_or((&host, "zone"));
            let in_zone = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
            if Ipv6Addr::from_str(number).is_err() || zone.is_empty() || !zone.chars().all(in_zone)
            {
                return address.error("what stands in brackets must be an IPv6 address");
            }
            return match port.split_once(":") {
                Some((nothing, port)) if nothing.text.is_empty() => Ok((Some(host), port.port()?)),
                None if port.text.is_empty() => Ok((Some(host), None)),
                _ => port.error("after ']' comes ':' and the port, or '/'"),
            };
        }
        let (name, port) = self.split_once(":").unwrap_or((self, Self::EMPTY));
        if port.text.contains(':') {
            return self.error("an IPv6 address must be written in brackets");
        }
        let host = name.decode()?;
        let forbidden =
            |c: char| c.is_whitespace() || c.is_control() || "\"#%/:<>?@[\\]^`{|}".contains(c);
        if host.contains(forbidden) {
            return name.error("the host name has a character that no host name can have");
        }
        Ok((Some(host).filter(|host| !host.is_empty()), port.port()?))
    }

    fn port(self) -> Result<Option<u16>, UrlError> {
        if self.text.is_empty() {
            return Ok(None);
        }
        let digits = self.text.bytes().all(|byte| byte.is_ascii_digit());
        match self.text.parse() {
            Ok(port) if digits && port != 0 => Ok(Some(port)),
            _ => self.error("the port must be a number from 1 to 65535"),
        }
    }

    /// Reads the percent-encoded socket path of an `ldapi` URL.
    fn socket(self) -> Result<Option<String>, UrlError> {
        if self.text.contains(':') {
            return self.error("an ldapi URL has no port; write %3A for a ':' in the path");
        }
        let path = self.decode()?;
        if path.contains(char::is_control) {
            return self.error("the path of the socket has a control character");
        }
        Ok(Some(path).filter(|path| !path.is_empty()))
    }

    fn dn(self, scheme: Scheme) -> Result<Option<String>, UrlError> {
        let name = self.decode()?;
        match dn::validate(&name) {
            Ok(()) => Ok(Some(name).filter(|name| !name.is_empty())),
            Err(_) if scheme == Scheme::Ldapi && !name.contains('=') => self.error(
                "the path of the socket must be percent-encoded, as in ldapi://%2Frun%2Fldapi/",
            ),
            Err(error) => Err(UrlError::Dn(error)),
        }
    }

    fn attribute(self) -> Result<String, UrlError> {
        let name = self.decode()?;
        if name.is_empty() {
            return self.error("an attribute is missing in the list");
        }
        if !is_selector(&name) {
            return self.error(
                "an attribute of the list is no attribute description (RFC 4512 §2.5); write a ',' \
                 between two attributes",
            );
        }
        Ok(name)
    }

    fn scope(self) -> Result<Option<Scope>, UrlError> {
        match self.decode()?.to_ascii_lowercase().as_str() {
            "" => Ok(None),
            "base" => Ok(Some(Scope::Base)),
            "one" | "onelevel" => Ok(Some(Scope::One)),
            "sub" | "subtree" => Ok(Some(Scope::Subtree)),
            "children" | "subordinates" | "subordinate" => {
                self.error("this scope cannot be synchronized; use sub, which adds the base entry")
            }
            _ => self.error("the scope (after the second '?') must be base, one or sub"),
        }
    }

    fn filter(self) -> Result<Option<Filter>, UrlError> {
        let filter = self.decode()?;
        if filter.is_empty() {
            return Ok(None);
        }
        Filter::parse(&filter).map(Some).map_err(UrlError::Filter)
    }

    fn extension(self) -> Result<Extension, UrlError> {
        let (critical, rest) = match self.text.strip_prefix('!') {
            Some(text) => (
                true,
                Part {
                    text,
                    at: self.at + 1,
                },
            ),
            None => (false, self),
        };
        let (name, value) = match rest.split_once("=") {
            Some((name, value)) => (name, Some(value)),
            None => (rest, None),
        };
        let name = name.decode()?;
        let valid = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        if name.is_empty() || !name.bytes().all(valid) {
            return self.error(
                "an extension must be a name or an OID; a ',' in a value must be written %2C",
            );
        }
        Ok(Extension {
            critical,
            name,
            value: value.map(Part::decode).transpose()?,
        })
    }
}
