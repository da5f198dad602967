//! Which values a modification names. Where a server has no equality rule for an attribute, it refuses a
//! modification that names a value of it, so all values are replaced there.

use syncrepl_testing::slapd::{SUFFIX, Variant};

use crate::{Pair, lines, printed, printed_on};

/// An attribute with an equality rule and one without, neither in any standard.
const SCHEMA: &str = "
attributetype ( 1.3.6.1.4.1.32473.1 NAME 'ownWithRule' EQUALITY caseIgnoreMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 1.3.6.1.4.1.32473.2 NAME 'ownWithoutRule' SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
objectclass ( 1.3.6.1.4.1.32473.3 NAME 'ownClass' SUP top AUXILIARY MAY ( ownWithRule $ ownWithoutRule ) )
";

/// The parts of the modifications in an output, without their values.
fn parts(text: &str) -> Vec<&str> {
    let words = ["add: ", "delete: ", "replace: "];
    let is_part = |line: &&str| words.iter().any(|word| line.starts_with(word));
    lines(text).into_iter().filter(is_part).collect()
}

fn many(name: &str, count: usize) -> String {
    let value = |number: usize| format!("{name}: one value of this attribute, number {number}\n");
    (0..count).map(value).collect()
}

fn triples(count: usize) -> String {
    let value = |number: usize| format!("nisNetgroupTriple: (host{number},user,example.com)\n");
    (0..count).map(value).collect()
}

#[test]
fn member_of_a_large_group() {
    let dn = format!("cn=all,{SUFFIX}");
    let member = |name: &str| syncrepl_testing::ldif::line("member", format!("cn={name},{SUFFIX}"));
    let mut setup = format!("dn: {dn}\nchangetype: add\nobjectClass: groupOfNames\ncn: all\n");
    for number in 0..3_000 {
        setup += &member(&format!("p{number}"));
    }
    let hard = ["Ånn \\2c \\22quoted\\22", "\\20led"];
    hard.iter().for_each(|name| setup += &member(name));
    let change = format!(
        "dn: {dn}\nchangetype: modify\ndelete: MEMBER\n{}{}{}-\nadd: member\n{}{}",
        member("p7"),
        member(hard[0]),
        member(hard[1]),
        member("new"),
        member("Zoë")
    );
    let (_, text) = printed(&setup, &change);
    assert_eq!(parts(&text), ["delete: member", "add: member"]);
    let values = lines(&text)
        .iter()
        .filter(|line| line.starts_with("member:"))
        .count();
    assert_eq!(values, 5, "{text}");
}

/// A netgroup is a large list without a rule, known for that.
#[test]
fn triples_of_a_netgroup_are_replaced() {
    let dn = format!("cn=hosts,{SUFFIX}");
    let (_, text) = printed(
        &format!(
            "dn: {dn}\nchangetype: add\nobjectClass: nisNetgroup\ncn: hosts\n{}",
            triples(300)
        ),
        &format!(
            "dn: {dn}\nchangetype: modify\nreplace: nisNetgroupTriple\n{}",
            triples(299)
        ),
    );
    assert_eq!(parts(&text), ["replace: nisNetgroupTriple"]);
}

#[test]
fn values_are_named_where_the_rule_is_known_or_much_is_saved() {
    let dn = format!("cn=Ann,{SUFFIX}");
    let setup = format!(
        "dn: {dn}\nchangetype: add\nobjectClass: inetOrgPerson\nobjectClass: ownClass\ncn: Ann\nsn: A\n\
         jpegPhoto:: /9j/4A==\njpegPhoto:: /9j/4Q==\n\
         facsimileTelephoneNumber: 1\nfacsimileTelephoneNumber: 2\nfacsimileTelephoneNumber: 3\n\
         description;lang-de: eins\ndescription;lang-de: zwei\ndescription;lang-de: drei\n\
         mail: a@example.com\nmail: b@example.com\nmail: c@example.com\n{}{}",
        many("ownWithoutRule", 9),
        many("ownWithRule", 300),
    );
    let change = format!(
        "dn: {dn}\nchangetype: modify\nreplace: jpegPhoto\njpegPhoto:: /9j/4Q==\njpegPhoto:: /9j/4g==\n-\n\
         replace: facsimileTelephoneNumber\nfacsimileTelephoneNumber: 1\nfacsimileTelephoneNumber: 2\n-\n\
         delete: DESCRIPTION;LANG-DE\nDESCRIPTION;LANG-DE: zwei\n-\ndelete: mail\nmail: b@example.com\n-\n\
         replace: ownWithoutRule\n{}-\ndelete: ownWithRule\n{}",
        many("ownWithoutRule", 8),
        many("ownWithRule", 1),
    );
    let pair = Pair::with_schema(Variant::Plain, SCHEMA);
    let (pair, text) = printed_on(pair, &setup, &change);
    let expected = [
        "delete: description;lang-de",
        "replace: facsimileTelephoneNumber",
        "replace: jpegPhoto",
        "delete: mail",
        "replace: ownWithoutRule",
        "delete: ownWithRule",
    ];
    assert_eq!(parts(&text), expected);
    // A short list of an attribute that is in no standard is replaced: the attribute might have no rule.
    let modify = |text: String| format!("dn: {dn}\nchangetype: modify\n{text}");
    let few = modify(format!("replace: ownWithRule\n{}", many("ownWithRule", 9)));
    let fewer = modify(format!("delete: ownWithRule\n{}", many("ownWithRule", 1)));
    for change in [few, fewer] {
        pair.source.ldapmodify(&change).expect("the change applies");
        let text = pair.refresh();
        pair.apply(&text);
        pair.assert_same();
        assert_eq!(parts(&text), ["replace: ownWithRule"]);
    }
}
