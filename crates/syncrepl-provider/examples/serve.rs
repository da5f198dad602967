//! A provider to search with `ldapsearch` and to change with `ldapmodify`. It runs until
//! interrupted.

use syncrepl_provider::{Provider, RefreshStyle};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port = std::env::args().nth(1).map_or(Ok(0), |port| port.parse())?;
    let provider = Provider::builder()
        .port(port)
        .refresh_style(RefreshStyle::DeletePhase)
        .entry(
            "ou=people,dc=example,dc=com",
            [("objectClass", "organizationalUnit")],
        )
        .entry(
            "uid=ann,ou=people,dc=example,dc=com",
            [
                ("objectClass", "inetOrgPerson"),
                ("cn", "Ann Lee"),
                ("sn", "Lee"),
            ],
        )
        .start()?;
    let (root, password) = provider.root();
    println!("ldapsearch -x -H {} -b {}", provider.url(), provider.base());
    println!(
        "ldapsearch -x -H {} -b {} -E sync=rp",
        provider.url(),
        provider.base()
    );
    println!(
        "ldapmodify -x -H {} -D {root} -w {password}",
        provider.url()
    );
    loop {
        std::thread::park();
    }
}
