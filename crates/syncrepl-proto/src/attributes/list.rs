//! The borrowed PartialAttributeList (RFC 4511 §4.5.2): a view of the bytes that a provider sent,
//! validated once and read in place.

use crate::ber::{self, DecodeError, Problem, Reader, Writer, tag};
use crate::secret::without_options;

/// The attributes of an entry, in the BER that the provider sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AttributeList<'a> {
    pub(super) raw: &'a [u8],
    pub(super) contents: &'a [u8],
}

/// One attribute with its values.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// The attribute description (RFC 4512 §2.5), with its options such as `;lang-de`.
    pub name: &'a str,
    pub(super) values: &'a [u8],
}

impl<'a> AttributeList<'a> {
    /// Reads and validates one whole PartialAttributeList, header included.
    ///
    /// # Errors
    /// The bytes break RFC 4511 §4.5.2, or follow the end of the list.
    pub fn decode(raw: &'a [u8]) -> Result<Self, DecodeError> {
        let mut outer = Reader::new(raw, "attributes");
        let contents = outer.expect(tag::SEQUENCE, "attributes")?.value;
        if !outer.is_empty() {
            let trailing = Problem::Invalid("bytes follow it");
            return Err(DecodeError::new("attributes", trailing));
        }
        let list = AttributeList { raw, contents };
        let mut reader = Reader::new(contents, "attributes");
        while !reader.is_empty() {
            Attribute::decode(&mut reader)?.check()?;
        }
        Ok(list)
    }

    /// The BER of the whole list, header included.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.raw
    }

    /// The attributes that have a value, in the order they were sent.
    ///
    /// A description comes twice if the provider sent it twice. An attribute without values is left
    /// out, because providers differ in whether they send one for a requested attribute that the
    /// entry lacks.
    pub fn iter(&self) -> impl Iterator<Item = Attribute<'a>> + use<'a> {
        let mut rest = self.contents;
        // `decode` has validated every attribute, so no error can occur here.
        std::iter::from_fn(move || {
            loop {
                let attribute = Attribute::again(&mut rest)?;
                if !attribute.values.is_empty() {
                    return Some(attribute);
                }
            }
        })
    }

    /// The values of the attribute with exactly this description. Letter case does not count.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &'a [u8]> + use<'a, '_> {
        let name = name.to_owned();
        self.iter()
            .filter(move |attribute| attribute.name.eq_ignore_ascii_case(&name))
            .flat_map(|attribute| attribute.values())
    }

    /// The BER of the list without the attribute `name`. Letter case does not count.
    pub fn without(&self, name: &str) -> Vec<u8> {
        self.retain(|other| !other.eq_ignore_ascii_case(name))
    }

    /// The BER of the list without the attributes `except`, of whose names letter case does not count. A name
    /// without options stands for those with options, too. `None` if the list has none of them.
    pub fn without_any(&self, except: &[String]) -> Option<Vec<u8>> {
        let is_one = |name: &str| {
            let bare = without_options(name);
            let same = |other: &String| {
                other.eq_ignore_ascii_case(name) || other.eq_ignore_ascii_case(bare)
            };
            except.iter().any(same)
        };
        let any = !except.is_empty() && self.iter().any(|attribute| is_one(attribute.name));
        any.then(|| self.retain(|name| !is_one(name)))
    }

    fn retain(&self, keep: impl Fn(&str) -> bool) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.constructed(tag::SEQUENCE, |writer| {
            let mut rest = self.contents;
            loop {
                let before = rest;
                let Some(attribute) = Attribute::again(&mut rest) else {
                    break;
                };
                if keep(attribute.name) {
                    let length = before.len() - rest.len();
                    writer.raw(before.get(..length).unwrap_or_default());
                }
            }
        });
        writer.finish()
    }

    /// The BER of the list with this one value in place of those of the attribute `name`. Letter case does
    /// not count.
    pub fn with_value(&self, name: &str, value: &[u8]) -> Vec<u8> {
        AttributeList::encode(self.iter().map(|attribute| {
            let values = match attribute.name.eq_ignore_ascii_case(name) {
                true => vec![value],
                false => attribute.values().collect(),
            };
            (attribute.name, values)
        }))
    }

    /// Writes a list.
    pub fn encode<'v>(attributes: impl IntoIterator<Item = (&'v str, Vec<&'v [u8]>)>) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.constructed(tag::SEQUENCE, |writer| {
            for (name, values) in attributes {
                writer.constructed(tag::SEQUENCE, |writer| {
                    writer.octets(name.as_bytes());
                    writer.constructed(tag::SET, |writer| {
                        values.iter().for_each(|value| writer.octets(value));
                    });
                });
            }
        });
        writer.finish()
    }
}

/// The contents of the element at the front of `rest`. Moves `rest` behind the element.
#[inline]
pub(super) fn contents<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (start, length) = match **rest {
        [_, length @ ..0x80, ..] => (2, usize::from(length)),
        _ => {
            let (_, start, length) = ber::header(rest).ok()??;
            (start, usize::try_from(length).ok()?)
        }
    };
    let (contents, after) = rest.get(start..)?.split_at_checked(length)?;
    *rest = after;
    Some(contents)
}

/// Description and values of the attribute at the front of `rest`, which `decode` has validated.
pub(super) fn parts<'a>(rest: &mut &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let mut fields = contents(rest)?;
    Some((contents(&mut fields)?, contents(&mut fields)?))
}

/// The values in the contents of a SET that `decode` has validated.
pub(super) fn each_value<'a>(mut set: &'a [u8]) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    std::iter::from_fn(move || contents(&mut set))
}

impl<'a> Attribute<'a> {
    /// Reads a PartialAttribute without its values; [`check`](Self::check) validates those.
    pub(crate) fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let element = reader.expect(tag::SEQUENCE, "attribute")?;
        let mut fields = Reader::new(element.value, "attribute");
        let name = fields.string("attribute description")?;
        if name.is_empty() {
            return Err(DecodeError::new(
                "attribute description",
                Problem::Invalid("it is empty"),
            ));
        }
        let values = fields.expect(tag::SET, "attribute values")?.value;
        fields.skip_rest()?;
        Ok(Attribute { name, values })
    }

    /// Reads an attribute that `decode` has validated. The client reads an entry half a dozen
    /// times, so this skips the checks.
    fn again(rest: &mut &'a [u8]) -> Option<Self> {
        let (name, values) = parts(rest)?;
        let name = std::str::from_utf8(name).ok()?;
        Some(Attribute { name, values })
    }

    /// Validates the values.
    pub(crate) fn check(&self) -> Result<(), DecodeError> {
        let mut values = Reader::new(self.values, "attribute value");
        while !values.is_empty() {
            values.octets("attribute value")?;
        }
        Ok(())
    }

    /// The values, in the order they were sent.
    pub fn values(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        each_value(self.values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(attributes: &[(&'static str, &[&'static str])]) -> Vec<u8> {
        AttributeList::encode(
            attributes
                .iter()
                .map(|(name, values)| (*name, values.iter().map(|v| v.as_bytes()).collect())),
        )
    }

    #[test]
    fn lookup_ignores_case_but_not_options() {
        let bytes = list(&[("cn;lang-de", &["Anna"]), ("CN", &["Ann"]), ("sn", &[])]);
        let list = AttributeList::decode(&bytes).unwrap();
        assert_eq!(list.values("cn").collect::<Vec<_>>(), [b"Ann"]);
        assert_eq!(list.values("CN;LANG-DE").collect::<Vec<_>>(), [b"Anna"]);
        assert_eq!(list.values("sn").count(), 0);
        assert_eq!(list.iter().count(), 2);
    }

    #[test]
    fn without_removes_one_attribute() {
        let bytes = list(&[("cn", &["a"]), ("entryUUID", &["u"]), ("sn", &["s"])]);
        let rest = AttributeList::decode(&bytes).unwrap().without("ENTRYuuid");
        assert_eq!(rest, list(&[("cn", &["a"]), ("sn", &["s"])]));
    }

    #[test]
    fn without_any_knows_options_and_no_letter_case() {
        let bytes = list(&[
            ("cn", &["a"]),
            ("CN;lang-de", &["b"]),
            ("sn;x-a", &["s"]),
            ("c", &["d"]),
        ]);
        let attributes = AttributeList::decode(&bytes).unwrap();
        let without = |names: &[&str]| {
            let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            attributes.without_any(&names)
        };
        assert_eq!(without(&[]), None);
        assert_eq!(without(&["mail", "sn;x-b"]), None);
        let rest = list(&[("sn;x-a", &["s"]), ("c", &["d"])]);
        assert_eq!(without(&["Cn"]), Some(rest));
        let rest = list(&[("cn", &["a"]), ("sn;x-a", &["s"]), ("c", &["d"])]);
        assert_eq!(without(&["cn;LANG-de"]), Some(rest));
    }

    #[test]
    fn with_value_replaces_the_values_of_one_attribute() {
        let bytes = list(&[("cn", &["a", "b"]), ("entryDN", &["cn=a"]), ("sn", &["s"])]);
        let other = AttributeList::decode(&bytes).unwrap();
        let expected = list(&[("cn", &["a", "b"]), ("entryDN", &["cn=b"]), ("sn", &["s"])]);
        assert_eq!(other.with_value("ENTRYdn", b"cn=b"), expected);
    }

    #[test]
    fn broken_lists_are_refused() {
        let good = list(&[("cn", &["a"])]);
        for length in 0..good.len() {
            assert!(AttributeList::decode(&good[..length]).is_err());
        }
        for bytes in [
            &b"\x30\x06\x30\x04\x04\x00\x31\x00"[..],
            b"\x30\x04\x30\x02\x04\x00",
            b"\x30\x08\x30\x06\x04\x01c\x31\x02\x04\x01",
            b"\x30\x07\x30\x05\x04\x01\xff\x31\x00",
            b"\x30\x00\x00",
        ] {
            assert!(AttributeList::decode(bytes).is_err(), "{bytes:?}");
        }
    }
}
