//! From `ldapsearch` and LDIF to a [`Directory`].

use super::directory::{Attributes, Directory, Entry};
use crate::{ldif, tools};

/// Where servers keep the identity of an entry; 389-ds in the first, even if it has the other too.
const IDS: [&str; 2] = ["nsUniqueId", "entryUUID"];

/// The entries that a fresh search shows. An empty `binddn` is anonymous; no `attrs` means all user attributes.
///
/// # Panics
/// When the search fails: see [`try_search`].
pub fn search(
    url: &str,
    binddn: &str,
    password: &str,
    base: &str,
    scope: &str,
    filter: &str,
    attrs: &[&str],
) -> Directory {
    try_search(url, binddn, password, base, scope, filter, attrs)
        .unwrap_or_else(|e| panic!("ldapsearch -b {base:?} {filter:?}: {e}"))
}

/// As [`search`], with the complaint of `ldapsearch` as the error.
pub fn try_search(
    url: &str,
    binddn: &str,
    password: &str,
    base: &str,
    scope: &str,
    filter: &str,
    attrs: &[&str],
) -> Result<Directory, String> {
    let mut arguments = vec!["-x", "-LLL", "-o", "ldif-wrap=no", "-H", url];
    if !binddn.is_empty() {
        arguments.extend(["-D", binddn, "-w", password]);
    }
    arguments.extend(["-b", base, "-s", scope, filter]);
    arguments.extend(if attrs.is_empty() { &["*"] } else { attrs });
    arguments.extend(IDS);
    let output = tools::run(&tools::find("ldapsearch"), &arguments, None);
    if !output.status.success() {
        return Err(tools::complaint(&output));
    }
    let text = String::from_utf8(output.stdout).expect("ldapsearch writes ASCII");
    let asked_for = |id: &&str| {
        let mut names = attrs.iter();
        names.any(|name| name.eq_ignore_ascii_case(id) || *name == "+")
    };
    let keep: Vec<&str> = IDS.into_iter().filter(asked_for).collect();
    let mut directory = from_records(&ldif::parse(&text), &keep);
    if attrs.is_empty() {
        // 389-ds shows it only because the id, and so `*`, was asked for.
        for entry in directory.entries.values_mut() {
            entry.attrs.remove("aci");
        }
    }
    Ok(directory)
}

/// Content records in LDIF, as `dump --format ldif` prints them; `entryUUID` may be among their lines.
pub fn from_ldif(text: &str) -> Directory {
    from_records(&ldif::parse(text), &[])
}

fn from_records(ldif: &ldif::Ldif, keep: &[&str]) -> Directory {
    let mut directory = Directory::default();
    for comment in &ldif.comments {
        // With -LLL a reference is a comment: `# refldap://…`.
        if let Some(url) = comment.trim_start().strip_prefix("ref") {
            directory
                .references
                .insert(url.trim_start_matches([':', ' ']).to_owned());
        }
    }
    for record in &ldif.records {
        let dn = record
            .get("dn")
            .unwrap_or_else(|| panic!("a record without DN: {record:?}"));
        let dn = String::from_utf8(dn.to_vec()).expect("a DN in UTF-8");
        let uuid = record.get("nsUniqueId").map(of_unique_id).or_else(|| {
            let uuid = record.get("entryUUID")?;
            Some(String::from_utf8_lossy(uuid).to_lowercase())
        });
        let mut attrs = Attributes::new();
        for (name, value) in record.lines.iter().filter(|(name, _)| name != "dn") {
            let is = |id: &&str| name.eq_ignore_ascii_case(id);
            if keep.iter().any(is) || !IDS.iter().any(is) {
                attrs
                    .entry(name.to_lowercase())
                    .or_default()
                    .insert(value.clone());
            }
        }
        directory.insert(uuid, Entry { dn, attrs });
    }
    directory
}

/// The entryUUID that 389-ds makes of its own id: the same sixteen bytes, which it writes in four
/// groups.
fn of_unique_id(id: &[u8]) -> String {
    let mut uuid = String::from_utf8_lossy(id).to_lowercase().replace('-', "");
    assert_eq!(uuid.len(), 32, "a strange nsUniqueId: {uuid}");
    for at in [20, 16, 12, 8] {
        uuid.insert(at, '-');
    }
    uuid
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_stay_apart_and_ids_go() {
        let text = "dn: cn=a,o=x\nCN;lang-DE: A\ncn;lang-de:: /w==\nentryUUID: 7F0E\n\n# refldap://h/o=y??sub\n\n";
        let kept = from_records(&ldif::parse(text), &["entryUUID"]);
        assert!(kept.entries["7f0e"].attrs.contains_key("entryuuid"));
        let directory = from_ldif(text);
        assert_eq!(
            directory.references.iter().collect::<Vec<_>>(),
            ["ldap://h/o=y??sub"]
        );
        let entry = &directory.entries["7f0e"];
        assert_eq!(entry.attrs.len(), 1);
        assert_eq!(
            entry.attrs["cn;lang-de"],
            [b"A".to_vec(), vec![0xff]].into()
        );
        assert_eq!(directory.uuid_of("CN=a, O=x"), Some("7f0e"));
        assert_eq!(directory.uuid_of("cn=A,o=x"), None);
    }

    #[test]
    fn id_of_389ds_counts_more_than_its_entry_uuid() {
        let text =
            "dn: o=x\no: x\nnsUniqueId: F0920885-e61511f1-8b84c444-f42ab889\nentryUUID: 7f0e\n";
        let directory = from_ldif(text);
        let entry = &directory.entries["f0920885-e615-11f1-8b84-c444f42ab889"];
        assert_eq!(entry.attrs.len(), 1);
    }

    #[test]
    fn without_an_id_the_dn_is_the_key() {
        let directory = from_ldif("version: 1\n\ndn: CN=a, O=x\ncn: a\n");
        assert!(directory.entries.contains_key("dn:cn=a,o=x"));
    }

    #[test]
    #[should_panic(expected = "came twice")]
    fn one_id_twice_is_an_error() {
        from_ldif("dn: o=x\nentryUUID: 1\n\ndn: o=y\nentryUUID: 1\n");
    }
}
