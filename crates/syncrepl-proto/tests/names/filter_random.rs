//! Random, damaged and arbitrary filters.

use proptest::prelude::*;
use rasn_ldap::Filter as Theirs;
use syncrepl_proto::filter::{Filter, FilterError};

use crate::filter::parse;

fn any_filter() -> impl Strategy<Value = Filter> {
    let attribute =
        || "([a-zA-Z][a-zA-Z0-9_-]{0,4}|[0-2](\\.(0|[1-9][0-9]{0,2})){1,3})(;[a-z0-9-]{1,3}){0,2}";
    let value = || {
        prop_oneof![
            any::<Vec<u8>>(),
            any::<String>().prop_map(String::into_bytes)
        ]
    };
    let escaped =
        |bytes: Vec<u8>| -> String { bytes.iter().map(|byte| format!("\\{byte:02x}")).collect() };
    let operator = prop::sample::select(vec![">=", "<=", "~=", "=", ":=", ":dn:=", ":1.2:="]);
    let leaf = prop_oneof![
        attribute().prop_map(|name| Filter::present(&name)),
        (attribute(), value()).prop_map(|(name, value)| Filter::equality(&name, &value)),
        (attribute(), operator, value())
            .prop_map(move |(name, op, value)| parse(&format!("({name}{op}{})", escaped(value)))),
        (attribute(), prop::collection::vec(value(), 2..5)).prop_map(move |(name, pieces)| {
            let pieces: Vec<String> = pieces.into_iter().map(escaped).collect();
            parse(&format!("({name}={})", pieces.join("*")))
        }),
    ];
    leaf.prop_recursive(6, 40, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|inner| Filter::and(&inner)),
            prop::collection::vec(inner.clone(), 0..4).prop_map(|inner| Filter::or(&inner)),
            inner.prop_map(|inner| inner.not()),
        ]
    })
}

proptest! {
    #[test]
    fn text_and_encoding_round_trip(filter in any_filter()) {
        let text = filter.to_string();
        prop_assert_eq!(&Filter::parse(&text).unwrap(), &filter);
        prop_assert_eq!(Filter::parse(&text).unwrap().to_string(), text);
        prop_assert_eq!(&Filter::from_ber(filter.as_bytes()).unwrap(), &filter);
        prop_assert!(rasn::ber::decode::<Theirs>(filter.as_bytes()).is_ok());
    }

    #[test]
    fn any_text_is_safe(
        text in prop_oneof![any::<String>(), "[()&|!a=*:<>~\\\\2 ž]{0,16}"]
    ) {
        match Filter::parse(&text) {
            Ok(filter) => prop_assert_eq!(Filter::parse(&filter.to_string()).unwrap(), filter),
            Err(FilterError::Text { position, .. }) => {
                prop_assert!((1..=text.len() + 1).contains(&position), "{}", position);
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
    }

    #[test]
    fn any_bytes_are_safe(bytes: Vec<u8>) {
        if let Ok(filter) = Filter::from_ber(&bytes) {
            prop_assert_eq!(Filter::from_ber(filter.as_bytes()), Ok(filter));
        }
    }

    #[test]
    fn damaged_encoding_is_safe(
        filter in any_filter(), at: prop::sample::Index, to: u8, cut: prop::sample::Index
    ) {
        let mut bytes = filter.as_bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = to;
        if let Ok(filter) = Filter::from_ber(&bytes) {
            prop_assert_eq!(Filter::parse(&filter.to_string()), Ok(filter));
        }
        let cut = &filter.as_bytes()[..cut.index(filter.as_bytes().len())];
        prop_assert!(Filter::from_ber(cut).is_err());
    }
}
