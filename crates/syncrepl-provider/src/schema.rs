//! The little that is known of object classes: what the usual ones are derived from. Entries are
//! not checked against it.

/// The DN of the subschema subentry.
pub(crate) const SUBSCHEMA_DN: &str = "cn=Subschema";

/// Structural classes, each with the one it is derived from.
const STRUCTURAL: &[(&str, &str)] = &[
    ("account", "top"),
    ("applicationProcess", "top"),
    ("country", "top"),
    ("device", "top"),
    ("domain", "top"),
    ("groupOfNames", "top"),
    ("groupOfUniqueNames", "top"),
    ("inetOrgPerson", "organizationalPerson"),
    ("locality", "top"),
    ("organization", "top"),
    ("organizationalPerson", "person"),
    ("organizationalRole", "top"),
    ("organizationalUnit", "top"),
    ("person", "top"),
    ("posixGroup", "top"),
    ("referral", "top"),
    ("residentialPerson", "person"),
];

fn find(class: &str) -> Option<&'static (&'static str, &'static str)> {
    STRUCTURAL
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(class))
}

/// Whether an entry that names `class` is also of the class `wanted`.
pub(crate) fn is_derived(class: &str, wanted: &str) -> bool {
    let mut class = class;
    loop {
        if class.eq_ignore_ascii_case(wanted) || wanted.eq_ignore_ascii_case("top") {
            return true;
        }
        match find(class) {
            Some((_, parent)) => class = parent,
            None => return false,
        }
    }
}

/// The structural class: the known one that no other is derived from, or else the last that is
/// not `top`.
pub(crate) fn structural<'a>(classes: impl Iterator<Item = &'a [u8]>) -> Option<String> {
    let classes: Vec<_> = classes
        .filter_map(|class| std::str::from_utf8(class).ok())
        .filter(|class| !class.eq_ignore_ascii_case("top"))
        .collect();
    let leaf = |class: &&&str| {
        find(class).is_some()
            && classes
                .iter()
                .all(|other| other.eq_ignore_ascii_case(class) || !is_derived(other, class))
    };
    let chosen = classes.iter().find(leaf).or(classes.last())?;
    Some((*chosen).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_derived() {
        assert!(is_derived("inetOrgPerson", "PERSON") && is_derived("whatever", "top"));
        assert!(!is_derived("person", "inetOrgPerson") && !is_derived("whatever", "person"));
        let of = |classes: &[&str]| structural(classes.iter().map(|class| class.as_bytes()));
        assert_eq!(
            of(&["top", "person", "inetOrgPerson", "posixAccount"]).as_deref(),
            Some("inetOrgPerson")
        );
        assert_eq!(of(&["top", "myClass"]).as_deref(), Some("myClass"));
        assert_eq!(of(&["top"]), None);
    }
}
