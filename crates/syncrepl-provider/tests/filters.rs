//! The provider's filters on random entries, compared with a plain evaluation of RFC 4511 §4.5.1.7
//! in the test.

use proptest::prelude::*;
use syncrepl_provider::{Provider, Scope};

/// A filter in the test's own model.
#[derive(Debug, Clone)]
enum Filter {
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Not(Box<Filter>),
    Present(&'static str),
    Equal(&'static str, String),
    Approximate(&'static str, String),
    AtLeast(&'static str, String),
    AtMost(&'static str, String),
    Substrings(&'static str, Vec<String>),
}

type Entry = Vec<(&'static str, String)>;

const NAMES: [&str; 3] = ["cn", "sn", "uidNumber"];

impl Filter {
    fn text(&self) -> String {
        let all = |filters: &[Filter]| filters.iter().map(Filter::text).collect::<String>();
        match self {
            Filter::And(filters) => format!("(&{})", all(filters)),
            Filter::Or(filters) => format!("(|{})", all(filters)),
            Filter::Not(filter) => format!("(!{})", filter.text()),
            Filter::Present(name) => format!("({name}=*)"),
            Filter::Equal(name, value) => format!("({name}={value})"),
            Filter::Approximate(name, value) => format!("({name}~={value})"),
            Filter::AtLeast(name, value) => format!("({name}>={value})"),
            Filter::AtMost(name, value) => format!("({name}<={value})"),
            Filter::Substrings(name, pieces) => format!("({name}={})", pieces.join("*")),
        }
    }

    /// Evaluates the filter: true, false, or undefined (`None`).
    fn of(&self, entry: &Entry) -> Option<bool> {
        let any = |name: &str, so: &dyn Fn(&str) -> bool| {
            Some(
                entry
                    .iter()
                    .any(|(other, value)| *other == name && so(&value.to_lowercase())),
            )
        };
        match self {
            Filter::And(filters) => {
                let results: Vec<_> = filters.iter().map(|filter| filter.of(entry)).collect();
                if results.contains(&Some(false)) {
                    Some(false)
                } else if results.contains(&None) {
                    None
                } else {
                    Some(true)
                }
            }
            Filter::Or(filters) => {
                let not = filters
                    .iter()
                    .map(|filter| Filter::Not(Box::new(filter.clone())));
                Filter::And(not.collect()).of(entry).map(|none| !none)
            }
            Filter::Not(filter) => filter.of(entry).map(|result| !result),
            Filter::Present(name) => any(name, &|_| true),
            Filter::Equal("uidNumber", value) | Filter::Approximate("uidNumber", value) => {
                let number: i64 = value.parse().ok()?;
                any("uidNumber", &|other| other.parse() == Ok(number))
            }
            Filter::Equal(name, value) | Filter::Approximate(name, value) => {
                any(name, &|other| other == value.to_lowercase())
            }
            Filter::AtLeast("uidNumber", value) => {
                let number: i64 = value.parse().ok()?;
                any("uidNumber", &|other| {
                    other.parse::<i64>().is_ok_and(|other| other >= number)
                })
            }
            Filter::AtMost("uidNumber", value) => {
                let number: i64 = value.parse().ok()?;
                any("uidNumber", &|other| {
                    other.parse::<i64>().is_ok_and(|other| other <= number)
                })
            }
            Filter::AtLeast(name, value) => any(name, &|other| *other >= *value.to_lowercase()),
            Filter::AtMost(name, value) => any(name, &|other| *other <= *value.to_lowercase()),
            Filter::Substrings("uidNumber", _) => None,
            Filter::Substrings(name, pieces) => any(name, &|other| has(other, pieces)),
        }
    }
}

/// Whether the pieces fit, by trying every way to place them.
fn has(value: &str, pieces: &[String]) -> bool {
    fn rest(value: &str, pieces: &[String]) -> bool {
        match pieces {
            [] => true,
            [last] => value.ends_with(&last.to_lowercase()),
            [piece, more @ ..] => {
                let piece = piece.to_lowercase();
                (0..=value.len()).any(|at| {
                    value[at..]
                        .strip_prefix(&piece)
                        .is_some_and(|after| rest(after, more))
                })
            }
        }
    }
    let (first, more) = pieces.split_first().expect("a piece");
    value
        .strip_prefix(&first.to_lowercase())
        .is_some_and(|value| rest(value, more))
}

fn value() -> impl Strategy<Value = String> {
    // Few letters, so that values are often equal.
    prop_oneof!["[aAb]{1,4}", "[0-9]{1,2}"]
}

fn filter() -> impl Strategy<Value = Filter> {
    let name = || prop::sample::select(NAMES.to_vec());
    let pieces = (
        prop::option::of("[aAb]{1,2}"),
        prop::collection::vec("[aAb]{1,2}", 0..3),
        prop::option::of("[aAb]{1,2}"),
    );
    let pieces = pieces.prop_filter_map("no piece", |(first, any, last)| {
        (first.is_some() || !any.is_empty() || last.is_some()).then(|| {
            let mut pieces = vec![first.unwrap_or_default()];
            pieces.extend(any);
            pieces.push(last.unwrap_or_default());
            pieces
        })
    });
    let leaf = prop_oneof![
        name().prop_map(Filter::Present),
        (name(), value()).prop_map(|(name, value)| Filter::Equal(name, value)),
        (name(), value()).prop_map(|(name, value)| Filter::Approximate(name, value)),
        (name(), value()).prop_map(|(name, value)| Filter::AtLeast(name, value)),
        (name(), value()).prop_map(|(name, value)| Filter::AtMost(name, value)),
        (name(), pieces).prop_map(|(name, pieces)| Filter::Substrings(name, pieces)),
    ];
    leaf.prop_recursive(4, 20, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Filter::And),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Filter::Or),
            inner.prop_map(|filter| Filter::Not(Box::new(filter))),
        ]
    })
}

fn entry() -> impl Strategy<Value = Entry> {
    let number = prop::option::of((0u8..99).prop_map(|number| number.to_string()));
    let texts = prop::collection::vec((prop::sample::select(vec!["cn", "sn"]), "[aAb]{1,4}"), 0..5);
    (number, texts).prop_map(|(number, texts)| {
        let mut entry: Entry = Vec::new();
        for (name, value) in texts {
            let known = entry
                .iter()
                .any(|(other, known)| *other == name && known.eq_ignore_ascii_case(&value));
            if !known {
                entry.push((name, value));
            }
        }
        entry.extend(number.map(|number| ("uidNumber", number)));
        entry
    })
}

proptest! {
    #[test]
    fn filters_agree_with_model(
        entries in prop::collection::vec(entry(), 1..6),
        filters in prop::collection::vec(filter(), 1..20),
    ) {
        let provider = Provider::builder().suffix("o=x").start().expect("it starts");
        for (number, entry) in entries.iter().enumerate() {
            let mut attributes = entry.clone();
            attributes.push(("objectClass", "device".to_owned()));
            provider.add(&format!("ou=e{number},o=x"), attributes).expect("an add");
        }
        for filter in &filters {
            let found = provider.search("o=x", Scope::One, &filter.text()).expect("a search");
            let found: Vec<_> = found.iter().map(|entry| entry.dn().to_owned()).collect();
            let expected: Vec<_> = entries
                .iter()
                .enumerate()
                .filter(|(_, entry)| filter.of(entry) == Some(true))
                .map(|(number, _)| format!("ou=e{number},o=x"))
                .collect();
            prop_assert_eq!(found, expected, "{}", filter.text());
        }
    }
}
