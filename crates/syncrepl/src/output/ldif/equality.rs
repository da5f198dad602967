//! Which attributes have an equality rule. A server finds a value that a modification names by that rule, and refuses
//! the modification if there is none (inappropriateMatching).

/// The knowledge of an attribute's rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// The standards give it one.
    There,
    /// The standards, or the schemas that come with OpenLDAP, give it none.
    Missing,
    /// It is of another schema. Nearly all attributes there have a rule, but not all.
    Unknown,
}

/// Attributes with many values that have one (RFC 2307, RFC 2798, RFC 4512, RFC 4519, RFC 4524).
const THERE: &[&str] = &[
    "associateddomain",
    "associatedname",
    "businesscategory",
    "carlicense",
    "cn",
    "departmentnumber",
    "description",
    "employeetype",
    "givenname",
    "homephone",
    "host",
    "initials",
    "iphostnumber",
    "l",
    "labeleduri",
    "macaddress",
    "mail",
    "manager",
    "member",
    "memberuid",
    "mobile",
    "o",
    "objectclass",
    "ou",
    "owner",
    "pager",
    "physicaldeliveryofficename",
    "postaladdress",
    "postalcode",
    "roleoccupant",
    "roomnumber",
    "secretary",
    "seealso",
    "serialnumber",
    "sn",
    "st",
    "street",
    "telephonenumber",
    "title",
    "uid",
    "uniquemember",
];

/// Attributes that have none.
const MISSING: &[&str] = &[
    "audio",
    "authorityrevocationlist",
    "bootparameter",
    "certificaterevocationlist",
    "crosscertificatepair",
    "deltarevocationlist",
    "enhancedsearchguide",
    "facsimiletelephonenumber",
    "fax",
    "jpegphoto",
    "mailpreferenceoption",
    "nisnetgrouptriple",
    "othermailbox",
    "personalsignature",
    "photo",
    "preferreddeliverymethod",
    "searchguide",
    "supportedalgorithms",
    "teletexterminalidentifier",
    "telexnumber",
    "userpkcs12",
    "usersmimecertificate",
];

/// The knowledge of the attribute with this description, which is in lower case.
pub(super) fn rule(key: &str) -> Rule {
    let (name, options) = key.split_once(';').unwrap_or((key, ""));
    let is_binary = options.split(';').any(|option| option == "binary");
    match () {
        () if is_binary || MISSING.contains(&name) => Rule::Missing,
        () if THERE.contains(&name) => Rule::There,
        () => Rule::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use syncrepl_testing::slapd::{Slapd, Variant};

    use super::*;

    /// The attribute types that slapd knows, by lower-case name, with all that it says of them.
    fn schema(server: &Slapd) -> Vec<(Vec<String>, String)> {
        let url = server.url();
        let search = ["-x", "-LLL", "-o", "ldif-wrap=no", "-H", &url, "-s", "base"];
        let output = Command::new("ldapsearch")
            .args(search)
            .args(["-b", "cn=Subschema", "(objectClass=*)", "attributeTypes"])
            .output()
            .expect("ldapsearch runs (Debian: apt-get install ldap-utils)");
        let text = String::from_utf8_lossy(&output.stdout).to_lowercase();
        let types = text
            .lines()
            .filter_map(|line| line.strip_prefix("attributetypes: "));
        types
            .map(|one| {
                let (_, rest) = one.split_once(" name ").unwrap_or_default();
                let end = if rest.starts_with('(') { ')' } else { ' ' };
                let names = rest.split(end).next().unwrap_or_default();
                let names = names.split('\'').skip(1).step_by(2);
                (names.map(str::to_owned).collect(), one.to_owned())
            })
            .collect()
    }

    fn has_rule(schema: &[(Vec<String>, String)], name: &str) -> Option<bool> {
        let (_, text) = schema
            .iter()
            .find(|(names, _)| names.iter().any(|one| one == name))?;
        let above = text
            .split_once(" sup ")
            .and_then(|(_, rest)| rest.split(' ').next());
        let inherits = above.is_some_and(|above| has_rule(schema, above) == Some(true));
        Some(text.contains(" equality ") || inherits)
    }

    #[test]
    fn rules_are_those_of_slapd() {
        let schema = schema(&Slapd::start(Variant::Plain));
        assert!(schema.len() > 100, "{}", schema.len());
        let mut known = 0;
        for (names, expected) in [(THERE, true), (MISSING, false)] {
            for name in names {
                let found = has_rule(&schema, name);
                assert!(found.is_none_or(|found| found == expected), "{name}");
                known += usize::from(found.is_some());
            }
        }
        assert!(known > 50, "slapd knows {known} of them");
        let sorted = |names: &[&str]| names.is_sorted_by(|one, next| one < next);
        assert!(sorted(THERE) && sorted(MISSING));
    }
}
