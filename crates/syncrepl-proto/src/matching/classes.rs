//! The superclasses of common object classes. An object class that is not listed has none but `top`.

/// Structural object classes, each with its superclass.
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

/// Whether `class` is `wanted` or a subclass of it.
pub fn is_derived(class: &str, wanted: &str) -> bool {
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

/// The structural object class: the known class without a subclass among the others, or else the
/// last class that is not `top`.
pub fn structural<'a>(classes: impl Iterator<Item = &'a [u8]>) -> Option<String> {
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
    fn subclass_implies_superclass() {
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
