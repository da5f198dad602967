//! `--max-delete`: in a refresh and in the persist stage, for explicit and for implied deletes.

use syncrepl_testing::judge;
use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};

use crate::common::outcome::{self, Data, Outcome, assert_message};
use crate::common::proxy::Proxy;
use crate::kept::Kept;
use crate::{delete_people, dn, people, person, rename, unit};

/// More deletes come live than a minute may have. The group that exceeds the limit is rolled back, `follow`
/// ends, and the next run meets those deletes again.
#[test]
fn explicit_deletes_of_a_minute() {
    for variant in Variant::ALL {
        let server = Slapd::start(variant);
        server.ldapmodify(&people("people", 20)).expect("people");
        let mut kept = Kept::on(&server, variant);
        kept.follow(&["--max-delete", "5"]);
        server
            .ldapmodify(&delete_people("people", 0, 3))
            .expect("three deletes");
        kept.wait_equal();
        server
            .ldapmodify(&delete_people("people", 3, 13))
            .expect("ten deletes");
        let (code, stderr) = kept.ended();
        assert_eq!(code, Some(6), "{stderr}");
        assert_message(
            stderr.trim_end(),
            &[
                "of 22 entries within a minute",
                "and 5 may go",
                "allow it once",
                "--max-delete",
            ],
        );
        assert_eq!(stderr.lines().count(), 1, "it does not reconnect: {stderr}");
        kept.assert_reader_has_the_copy();
        let left = kept.dump().len();
        assert!(
            (17..=19).contains(&left),
            "3 to 5 of 22 may be gone: {left}"
        );
        kept.assert_no_phantom_delete(0);

        let refused = format!(
            "deleted {} of {left} entries at once, and 7 may go",
            left - 9
        );
        let before = kept.dump();
        kept.refresh(&["--max-delete", "7"])
            .assert_failed(6, &[&refused, "nothing was changed", "allow it once"]);
        assert_eq!(kept.dump(), before);
        kept.refreshed(&["--max-delete", "10"]);
        kept.assert_equal();
        assert_eq!(kept.dump().len(), 9);
    }
}

/// A parent leaves with all entries below it, which the provider does not mention: one group.
#[test]
fn implied_deletes_of_a_minute() {
    let server = Slapd::start(Variant::SessionLog);
    let setup = unit("base") + &unit("outside");
    let base = format!("ou=base,{SUFFIX}");
    let mut setup =
        setup + &people("team", 6) + &rename(&format!("ou=team,{SUFFIX}"), "ou=team", Some(&base));
    setup += &person("stays", "base");
    server.ldapmodify(&setup).expect("the setup");
    let out = rename(
        &format!("ou=team,{base}"),
        "ou=team",
        Some(&format!("ou=outside,{SUFFIX}")),
    );

    let mut kept = Kept::of(&server.url()).below(&base);
    kept.follow(&["--max-delete", "6"]);
    kept.assert_equal();
    let before = kept.dump();
    server.ldapmodify(&out).expect("the move");
    let (code, stderr) = kept.ended();
    assert_eq!(code, Some(6), "{stderr}");
    assert_message(
        stderr.trim_end(),
        &["deleted 7 of 9 entries at once", "and 6 may go"],
    );
    assert_eq!(kept.dump(), before);
    kept.refresh(&["--max-delete", "6"])
        .assert_failed(6, &["7 of 9"]);
    assert_eq!(kept.dump(), before);
    kept.refreshed(&["--max-delete", "7"]);
    kept.assert_equal();
}

/// The count outlives the connection: three deletes come live, three while the connection is lost.
#[test]
fn minute_goes_on_over_reconnects() {
    let server = Slapd::start(Variant::SessionLog);
    server.ldapmodify(&people("people", 20)).expect("people");
    let mut kept = Kept::of(&server.url());
    kept.follow(&["--max-delete", "5"]);
    server
        .ldapmodify(&delete_people("people", 0, 3))
        .expect("three deletes");
    kept.wait_equal();
    server.stop();
    server.start_again();
    server
        .ldapmodify(&delete_people("people", 3, 6))
        .expect("three more");
    let (code, stderr) = kept.ended();
    assert_eq!(code, Some(6), "{stderr}");
    let last = stderr.lines().last().expect("a message");
    assert_message(last, &["of 22 entries within a minute, and 5 may go"]);
    // Another run begins a new minute.
    kept.refreshed(&["--max-delete", "3"]);
    kept.assert_equal();
}

/// A percentage is one of the copy as it was before the first delete that counts.
#[test]
fn part_of_the_copy() {
    let server = Slapd::start(Variant::Plain);
    server.ldapmodify(&people("people", 18)).expect("people");
    let mut kept = Kept::of(&server.url());
    kept.follow(&["--max-delete", "20%"]);
    for number in 0..4 {
        server
            .ldapmodify(&delete_people("people", number, number + 1))
            .expect("a delete");
        kept.wait_equal();
    }
    server
        .ldapmodify(&delete_people("people", 4, 5))
        .expect("a fifth");
    let (code, stderr) = kept.ended();
    assert_eq!(code, Some(6), "{stderr}");
    assert_message(
        stderr.trim_end(),
        &[
            "deleted 5 of 20 entries within a minute, and 20% may go",
            "the last 1 of them",
        ],
    );
    assert_eq!(kept.dump().len(), 16);
}

/// The provider names the base only, but the whole copy goes with it. That needs `--max-delete 100%`.
#[test]
fn whole_copy_implied_deleted_while_following() {
    let server = Slapd::start(Variant::SessionLog);
    server
        .ldapmodify(&(unit("outside") + &people("team", 3)))
        .expect("the setup");
    let team = format!("ou=team,{SUFFIX}");
    for options in [&[][..], &["--max-delete", "99%"], &["--max-delete", "1000"]] {
        let mut kept = Kept::of(&server.url()).below(&dn("p0", "team")[7..]);
        kept.follow(options);
        let before = kept.dump();
        assert_eq!(before.len(), 4);
        server
            .ldapmodify(&rename(&team, "ou=elsewhere", None))
            .expect("the base is renamed");
        let (code, stderr) = kept.ended();
        println!("{stderr}");
        assert_eq!(code, Some(6), "{stderr}");
        assert_eq!(kept.dump(), before);
        server
            .ldapmodify(&rename(&format!("ou=elsewhere,{SUFFIX}"), "ou=team", None))
            .expect("and back");
    }
}

/// Half of the copy is deleted while away, and the provider has no session log. One search shows that they
/// are gone; for a few, they are asked for.
#[test]
fn many_that_were_left_out_are_looked_for_at_once() {
    // `(entryUUID=…)`: the end of the attribute, and the length of an entryUUID as text.
    const BY_UUID: &[u8] = b"entryUUID\x04\x24";
    let server = Slapd::start(Variant::Plain);
    server.load(&outcome::people(2600));
    let data = Data::new();
    let refresh = |proxy: &Proxy| {
        let mut arguments = data.sync("refresh", &proxy.url());
        arguments.extend(["--max-delete", "100%"].map(str::to_owned));
        Outcome::run(&arguments).assert_done();
        proxy.asked(BY_UUID)
    };
    let proxy = Proxy::to(&server);
    assert!(!refresh(&proxy), "there was nothing to ask");
    server
        .ldapmodify(&delete_people("people", 0, 1300))
        .expect("the deletes");
    assert!(!refresh(&proxy), "they were asked for in batches");
    assert_eq!(judge::from_dump_json(&data.dump()).len(), 1302);
    server
        .ldapmodify(&delete_people("people", 1300, 1310))
        .expect("the deletes");
    assert!(refresh(&proxy), "they were not asked for");
    assert_eq!(judge::from_dump_json(&data.dump()).len(), 1292);
}
