//! The borrowed PartialAttributeList (RFC 4511 §4.5.2): a view of the bytes that a provider sent,
//! validated once and read in place.

use std::collections::BTreeMap;

use crate::ber::{self, DecodeError, Problem, Reader, Writer, tag};

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
    values: &'a [u8],
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

    /// Whether both lists hold the same values under the same descriptions. The order and the
    /// letter case of descriptions do not count.
    pub fn same(&self, other: &AttributeList<'_>) -> bool {
        self.contents == other.contents
            || self
                .same_in_order(other)
                .or_else(|| self.same_if_named_once(other))
                .unwrap_or_else(|| self.sorted() == other.sorted())
    }

    /// The answer of [`same`](Self::same) from one pass over both lists, or `None`. Usually both
    /// lists have the same order and differ in the values of one attribute.
    fn same_in_order(&self, other: &AttributeList<'_>) -> Option<bool> {
        let (mut ours, mut theirs) = (self.contents, other.contents);
        while !ours.is_empty() || !theirs.is_empty() {
            let (our, their) = (parts(&mut ours)?, parts(&mut theirs)?);
            if our == their {
                continue;
            }
            if !our.0.eq_ignore_ascii_case(their.0) || our.1.is_empty() != their.1.is_empty() {
                return None;
            }
            if sorted_values(our.1) != sorted_values(their.1) {
                // A second occurrence of the description may hold the missing values.
                let once = self.names(our.0) == 1 && other.names(our.0) == 1;
                return once.then_some(false);
            }
        }
        Some(true)
    }

    /// The number of occurrences of a description.
    fn names(&self, name: &[u8]) -> usize {
        let mut rest = self.contents;
        std::iter::from_fn(|| parts(&mut rest))
            .filter(|(other, _)| other.eq_ignore_ascii_case(name))
            .count()
    }

    /// The answer of [`same`](Self::same) without an allocation for the list, or `None`: it needs
    /// few attributes and no description twice.
    fn same_if_named_once(&self, other: &AttributeList<'_>) -> Option<bool> {
        let mut ours = [None; FEW];
        let mut theirs = [None; FEW];
        let (ours, theirs) = (self.few(&mut ours)?, other.few(&mut theirs)?);
        if ours.len() != theirs.len() {
            return Some(false);
        }
        Some(ours.iter().zip(theirs).all(|(our, across)| {
            let Some(our) = our else { return true };
            let named = |their: &&Attribute<'_>| their.name.eq_ignore_ascii_case(our.name);
            // Usually both lists have the same order.
            let their = across.iter().chain(theirs.iter().flatten()).find(named);
            their.is_some_and(|their| our.same_values(their))
        }))
    }

    /// The attributes, if they fit into `few` and no description comes twice.
    fn few<'f>(&self, few: &'f mut [Option<Attribute<'a>>]) -> Option<&'f [Option<Attribute<'a>>]> {
        let mut count = 0;
        for attribute in self.iter() {
            let (before, free) = few.split_at_mut_checked(count)?;
            let same = |other: &Attribute<'_>| other.name.eq_ignore_ascii_case(attribute.name);
            if before.iter().flatten().any(same) {
                return None;
            }
            *free.first_mut()? = Some(attribute);
            count += 1;
        }
        few.get(..count)
    }

    fn sorted(&self) -> BTreeMap<String, Vec<&'a [u8]>> {
        let mut sorted: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for attribute in self.iter() {
            sorted
                .entry(attribute.name.to_ascii_lowercase())
                .or_default()
                .extend(attribute.values());
        }
        for values in sorted.values_mut() {
            values.sort_unstable();
            values.dedup();
        }
        sorted
    }

    /// The BER of the list without the attribute `name`. Letter case does not count.
    pub fn without(&self, name: &str) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.constructed(tag::SEQUENCE, |writer| {
            let mut reader = Reader::new(self.contents, "attributes");
            while let Ok(element) = reader.element() {
                let mut copy = Reader::new(element.raw, "attributes");
                if !Attribute::decode(&mut copy)
                    .is_ok_and(|attribute| attribute.name.eq_ignore_ascii_case(name))
                {
                    writer.raw(element.raw);
                }
            }
        });
        writer.finish()
    }

    /// Writes a list. Providers and tests need it.
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
fn contents<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
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
fn parts<'a>(rest: &mut &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let mut fields = contents(rest)?;
    Some((contents(&mut fields)?, contents(&mut fields)?))
}

/// The values in the contents of a SET that `decode` has validated.
fn each_value<'a>(mut set: &'a [u8]) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    std::iter::from_fn(move || contents(&mut set))
}

fn sorted_values(set: &[u8]) -> Vec<&[u8]> {
    let mut values: Vec<_> = each_value(set).collect();
    values.sort_unstable();
    values.dedup();
    values
}

/// Up to this number of attributes, comparing each with each is cheaper than sorting.
const FEW: usize = 32;

impl<'a> Attribute<'a> {
    fn same_values(&self, other: &Attribute<'_>) -> bool {
        self.values == other.values || sorted_values(self.values) == sorted_values(other.values)
    }

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
    fn same_ignores_order_case_and_empty_attributes() {
        let one = list(&[("cn", &["a", "b"]), ("mail", &["x"])]);
        for (other, same) in [
            (list(&[("MAIL", &["x"]), ("CN", &["b", "a"])]), true),
            (
                list(&[("cn", &["a", "b"]), ("mail", &["x"]), ("sn", &[])]),
                true,
            ),
            (
                list(&[("cn", &["a"]), ("cn", &["b"]), ("mail", &["x"])]),
                true,
            ),
            (list(&[("cn", &["a", "B"]), ("mail", &["x"])]), false),
            (
                list(&[("cn;lang-de", &["a", "b"]), ("mail", &["x"])]),
                false,
            ),
            (list(&[("cn", &["a", "b"])]), false),
            (
                list(&[("cn", &["b"]), ("mail", &["x"]), ("CN", &["a"])]),
                true,
            ),
            (
                list(&[("cn", &["b"]), ("mail", &["x"]), ("CN", &["c"])]),
                false,
            ),
            (list(&[("cn", &["a", "b"]), ("mail", &["y"])]), false),
        ] {
            let (one, other) = (
                AttributeList::decode(&one).unwrap(),
                AttributeList::decode(&other).unwrap(),
            );
            assert_eq!(one.same(&other), same, "{other:?}");
            assert_eq!(other.same(&one), same, "{other:?}");
        }
    }

    proptest::proptest! {
        /// Every shortcut gives the answer of the full comparison.
        #[test]
        fn shortcuts_agree_with_full_comparison(
            lists in [0, 1].map(|_| proptest::collection::vec(("[aAb]", proptest::collection::vec("[xy]", 0..3)), 0..4))
        ) {
            let [one, other] = lists.map(|list| {
                let list = list.iter().map(|(name, values)| {
                    (name.as_str(), values.iter().map(String::as_bytes).collect())
                });
                AttributeList::encode(list)
            });
            let [one, other] = [&one, &other].map(|bytes| AttributeList::decode(bytes).unwrap());
            assert_eq!(one.same(&other), one.sorted() == other.sorted());
        }
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
