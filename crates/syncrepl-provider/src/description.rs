//! Attribute descriptions (RFC 4512 §2.5): an attribute type with options such as `;lang-de`.

/// An attribute description in the form that is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Description {
    /// The attribute type, in lower case.
    pub(crate) base: String,
    /// The options, in lower case, sorted.
    options: Vec<String>,
}

impl Description {
    pub(crate) fn parse(text: &str) -> Description {
        let mut parts = text.split(';').map(str::to_ascii_lowercase);
        let base = parts.next().unwrap_or_default();
        let mut options: Vec<String> = parts.filter(|option| !option.is_empty()).collect();
        options.sort_unstable();
        Description { base, options }
    }

    /// Whether this description selects the attribute `name`: `cn` also selects `cn;lang-de`.
    pub(crate) fn means(&self, name: &str) -> bool {
        let base = name.split(';').next().unwrap_or_default();
        base.eq_ignore_ascii_case(&self.base)
            && self.options.iter().all(|option| {
                name.split(';')
                    .skip(1)
                    .any(|other| other.eq_ignore_ascii_case(option))
            })
    }
}

/// Whether two descriptions are equal. Letter case and the order of options do not count.
pub(crate) fn same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
        || (a.contains(';') && b.contains(';') && Description::parse(a) == Description::parse(b))
}

/// Whether `name` is a well-formed attribute description.
pub(crate) fn is_valid(name: &str) -> bool {
    let valid = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
    };
    name.split(';').all(valid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_narrow_selection() {
        let means = |a: &str, b: &str| Description::parse(a).means(b);
        assert!(
            means("CN", "cn") && means("cn", "cn;lang-de") && means("cn;LANG-de", "cn;x;lang-DE")
        );
        assert!(!means("cn;lang-de", "cn") && !means("cn", "cnx") && !means("cn;a", "cn;b"));
        assert!(same("cn;a;b", "CN;b;A") && !same("cn;a", "cn") && same("cn", "CN"));
        assert!(is_valid("cn;lang-de") && !is_valid("cn;") && !is_valid("c n") && !is_valid(""));
    }
}
