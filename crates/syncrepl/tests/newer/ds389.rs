//! 389 Directory Server 3.

use syncrepl_testing::ds389::{Backend, SUFFIX};
use syncrepl_testing::{Ds389, Release, judge};

use crate::common::Copied;

/// LMDB is what the other tests of `./test servers` meet.
#[test]
#[ignore = "needs the root of scripts/servers.sh: ./test servers"]
fn ds389_is_3_on_either_database() {
    for backend in [Backend::Lmdb, Backend::Bdb] {
        let server = Ds389::builder()
            .release(Release::Newer)
            .backend(backend)
            .start();
        let wanted = ["vendorVersion"];
        let root = judge::search(
            &server.url(),
            "",
            "",
            "",
            "base",
            "(objectClass=*)",
            &wanted,
        );
        let root = root.entries.values().next().expect("a root DSE");
        let version = root.attrs["vendorversion"].first().expect("a version");
        let version = String::from_utf8_lossy(version);
        assert!(version.starts_with("389-Directory/3."), "{version}");

        let mut copy = Copied::of(&server, SUFFIX, "(objectClass=*)");
        let unit = |name: &str| {
            format!(
                "dn: ou={name},{SUFFIX}\nchangetype: add\nobjectClass: organizationalUnit\nou: {name}\n"
            )
        };
        copy.refresh();
        server.ldapmodify(&unit("down")).expect("a unit");
        copy.refresh();
        copy.assert_equal();
        copy.follow();
        server.ldapmodify(&unit("live")).expect("a unit");
        copy.wait_equal();
        copy.stop();
        server.stop();
        server.start_again();
        copy.refresh();
        copy.assert_equal();
    }
}
