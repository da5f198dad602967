//! A DN in which some values are not shown.

use std::borrow::Cow;

use super::read::{DnError, pairs};
use crate::secret::MASK;

/// The DN with `***` in place of each value whose attribute type, as it is written, `masks` accepts. The rest stays
/// as it is written. Two entries may have one such DN.
///
/// # Errors
/// `dn` is not a DN, so nobody can tell which values are in it.
pub fn masked(dn: &str, masks: impl Fn(&str) -> bool) -> Result<Cow<'_, str>, DnError> {
    let mut shown = String::new();
    let mut rest = 0;
    for pair in pairs(dn)?.iter().filter(|pair| masks(pair.attribute)) {
        let before = dn.get(rest..pair.start).unwrap_or_default();
        shown.extend([before, pair.attribute, "=", MASK]);
        rest = pair.end;
    }
    if shown.is_empty() {
        return Ok(Cow::Borrowed(dn));
    }
    shown.push_str(dn.get(rest..).unwrap_or_default());
    Ok(Cow::Owned(shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_masked_wherever_they_stand() {
        for (dn, shown) in [
            ("", ""),
            ("cn=a,dc=x", "cn=a,dc=x"),
            ("x=1,dc=x", "x=***,dc=x"),
            ("cn=a, X = 1\\,2 , dc=x ", "cn=a, X=*** , dc=x "),
            ("cn=a+x=1+x=2,x=3", "cn=a+x=***+x=***,x=***"),
            ("x=\"a,b\";dc=x", "x=***;dc=x"),
            ("x=#0401ff,dc=x", "x=***,dc=x"),
            ("x=,dc=x", "x=***,dc=x"),
            ("x=a\\ ,x=é\\", ""),
            ("cn=x,dc=x\\=1", "cn=x,dc=x\\=1"),
        ] {
            let masked = masked(dn, |name| name.eq_ignore_ascii_case("x"));
            assert_eq!(masked.as_deref().unwrap_or_default(), shown, "{dn}");
        }
        assert!(masked("none", |_| true).is_err());
    }

    proptest::proptest! {
        /// For any text: a masked value leaves nothing behind, and the DN keeps its shape.
        #[test]
        fn masked_dn_has_the_shape_of_the_dn(dn in "((x|cn) ?= ?(\"[7, ]*\"|#(77)+|[7 é]*|7\\\\[,7]7?) ?[,+;] ?){0,3}(x|cn)=7") {
            if let Ok(masked) = masked(&dn, |name| name == "x") {
                let (old, new) = (pairs(&dn).unwrap(), pairs(&masked).unwrap());
                assert_eq!(old.len(), new.len());
                for (old, new) in old.iter().zip(&new) {
                    assert_eq!((old.attribute, old.joined), (new.attribute, new.joined));
                    let text = &masked[new.start..new.end];
                    assert!(new.attribute != "x" || text == "x=***", "{dn} {masked}");
                    assert!(new.attribute == "x" || text == &dn[old.start..old.end]);
                }
            }
        }
    }
}
