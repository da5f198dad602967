use syncrepl_client::BoundLdap;

fn goodbye(ldap: &mut BoundLdap<'_>) {
    ldap.unbind();
}

fn main() {}
