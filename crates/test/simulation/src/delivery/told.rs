//! What a sink is told of: the entries that a filter matches, and which of their attributes.

use std::collections::{BTreeMap, BTreeSet};

use syncrepl_relay::{DataForm, Shape, ShapeSettings};

use crate::chance::Purpose;
use crate::network::Model;

type Values = BTreeMap<String, BTreeSet<Vec<u8>>>;

/// What a filter means of a DN and attributes.
type Means = fn(&str, &Values) -> bool;

/// The filters of which a sink may have one.
const FILTERS: [(&str, Means); 6] = [
    ("(title=KEEP)", |_, values| values.contains_key("title")),
    ("(!(title=*))", |_, values| !values.contains_key("title")),
    ("(description=*1*)", |_, values| has_one(values)),
    ("(&(title=*)(!(description=*1*)))", |_, values| {
        values.contains_key("title") && !has_one(values)
    }),
    ("(cn:dn:=A)", |dn, values| {
        let dn = format!(",{dn},").replace(' ', "").to_lowercase();
        let mut names = values.get("cn").into_iter().flatten();
        dn.contains(",cn=a,") || names.any(|name| name.eq_ignore_ascii_case(b"a"))
    }),
    ("(title=nobody has this)", |_, _| false),
];

fn has_one(values: &Values) -> bool {
    let mut texts = values.get("description").into_iter().flatten();
    texts.any(|text| text.contains(&b'1'))
}

/// What one sink is told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    filter: Option<usize>,
    only: Option<&'static str>,
    data: DataForm,
}

impl Told {
    pub(super) fn draw(model: &Model) -> Told {
        model.draw(Purpose::Sinks, |rng| Told {
            filter: rng.bool().then(|| rng.usize(0..FILTERS.len())),
            only: (rng.u8(0..4) == 0).then_some("description"),
            data: match rng.bool() {
                true => DataForm::Full,
                false => DataForm::Changes,
            },
        })
    }

    pub(super) fn shape(self) -> Shape {
        let settings = ShapeSettings {
            when: self.filter.map(|filter| FILTERS[filter].0.to_owned()),
            only: self.only.map(|name| vec![name.to_owned()]),
            data: self.data,
            ..ShapeSettings::default()
        };
        Shape::new(&settings).unwrap_or_default()
    }

    /// What the sink has to hold of an entry.
    pub(super) fn of(self, dn: &str, mut values: Values) -> Option<Values> {
        let matches = self
            .filter
            .is_none_or(|filter| FILTERS[filter].1(dn, &values));
        values.retain(|name, _| self.only.is_none_or(|only| only == name));
        matches.then_some(values)
    }
}
