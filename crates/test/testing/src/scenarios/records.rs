//! Change records.

pub(super) fn at(rdn: &str, parent: &str) -> String {
    format!("{rdn},{parent}")
}

pub(super) fn unit(dn: &str) -> String {
    let name = dn
        .split([',', '='])
        .nth(1)
        .expect("a DN that begins with ou=");
    format!("dn: {dn}\nchangetype: add\nobjectClass: organizationalUnit\nou: {name}\n")
}

pub(super) fn person(rdn: &str, parent: &str) -> String {
    let uid = rdn.strip_prefix("uid=").expect("an RDN uid=");
    format!(
        "dn: {rdn},{parent}\n\
         changetype: add\n\
         objectClass: inetOrgPerson\n\
         uid: {uid}\n\
         cn: {uid} of {parent}\n\
         sn: {uid}\n\
         description: a\n\
         description: b\n"
    )
}

pub(super) fn modify(dn: &str, operation: &str, attribute: &str, values: &[&str]) -> String {
    let values: String = values
        .iter()
        .map(|value| format!("{attribute}: {value}\n"))
        .collect();
    format!("dn: {dn}\nchangetype: modify\n{operation}: {attribute}\n{values}-\n")
}

pub(super) fn delete(dn: &str) -> String {
    format!("dn: {dn}\nchangetype: delete\n")
}

pub(super) fn rename(dn: &str, rdn: &str) -> String {
    let rdn = crate::ldif::line("newrdn", rdn);
    format!("dn: {dn}\nchangetype: modrdn\n{rdn}deleteoldrdn: 1\n")
}

pub(super) fn rename_keeping(dn: &str, rdn: &str) -> String {
    rename(dn, rdn).replace("deleteoldrdn: 1", "deleteoldrdn: 0")
}

pub(super) fn relocate(dn: &str, rdn: &str, parent: &str) -> String {
    format!("{}newsuperior: {parent}\n", rename(dn, rdn))
}
