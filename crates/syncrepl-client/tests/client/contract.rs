//! The order of callbacks, and the events of each change.

use syncrepl_client::{BoundLdap, Callback, CallbackResult, Cursor, Items, Record, SyncreplMode};
use syncrepl_testing::slapd::SUFFIX;

use crate::common::{Fixture, Tape, delete, describe, dn, person, poll_until, rename, unit};

#[test]
fn first_refresh_in_order() {
    let fixture = Fixture::with(&["ann"]);
    let tape = Tape::new();
    fixture.refresh(tape.callback());
    let expected = [
        "bind",
        &format!("add {SUFFIX}"),
        "add ou=people",
        "add uid=ann,ou=people",
        "refresh_done 3",
        "cookie",
        "pending 1",
        "committed",
    ];
    assert_eq!(tape.lines(), expected);
}

#[test]
fn unchanged_refresh_tells_nothing() {
    let fixture = Fixture::with(&["ann"]);
    fixture.refresh(());
    let tape = Tape::new();
    fixture.refresh(tape.callback());
    assert_eq!(
        tape.lines(),
        ["bind", "refresh_done 3", "pending 2", "committed"]
    );
    assert_eq!(fixture.store().status().unwrap().commit, 2);
}

#[test]
fn connection_begins_with_bind_complete() {
    let fixture = Fixture::with(&["ann"]);
    let tape = Tape::new();
    let mut client = fixture.builder(tape.callback()).connect().unwrap();
    assert_eq!(tape.lines(), ["bind"]);
    poll_until(&mut client, || tape.has("committed"));
    client.reconnect().unwrap();
    assert_eq!(tape.lines().last().unwrap(), "bind");
    poll_until(&mut client, || tape.count("refresh_done") == 2);
    assert_eq!(tape.count("bind"), 2);
    client.unbind().unwrap();
}

/// Makes a change, and checks the events of a persist stage and those of a refresh.
fn in_both_modes(
    people: &[&str],
    setup: &str,
    change: &str,
    last: &str,
    check: impl Fn(&[String], &str),
) {
    let fixture = Fixture::with(people);
    fixture.change(setup);
    fixture.refresh(());

    let other = tempfile::TempDir::new().unwrap();
    let tape = Tape::new();
    let mut client = syncrepl_client::Syncrepl::builder(other.path().join("b.db"), tape.callback())
        .ldap_url(fixture.url())
        .mode(SyncreplMode::RefreshAndPersist)
        .connect()
        .unwrap();
    poll_until(&mut client, || tape.has("committed"));
    tape.clear();
    fixture.change(change);
    poll_until(&mut client, || {
        tape.has(last) && tape.count("committed") > 0
    });
    client.unbind().unwrap();
    check(&tape.changes(), "persist");
    check(&fixture.told(), "refresh");
}

#[test]
fn change_follows_its_rename() {
    let change = rename(&dn("ann"), "uid=anna") + &describe("bob", "x");
    let last = "change uid=bob,ou=people";
    in_both_modes(&["ann", "bob"], "", &change, last, |told, mode| {
        let renamed = "rename uid=ann,ou=people -> uid=anna,ou=people";
        let at = told.iter().position(|line| line == renamed);
        let at = at.unwrap_or_else(|| panic!("{mode}: {told:?}"));
        assert_eq!(
            told[at + 1],
            "change uid=anna,ou=people",
            "{mode}: {told:?}"
        );
        assert_eq!(told.len(), 3, "{mode}: {told:?}");
    });
}

#[test]
fn children_follow_their_parent() {
    let below = format!("ou=below,ou=people,{SUFFIX}");
    let setup =
        format!("dn: {below}\nchangetype: add\nobjectClass: organizationalUnit\nou: below\n\n")
            + &person("x").replace("ou=people", "ou=below,ou=people");
    let change = rename(&format!("ou=people,{SUFFIX}"), "ou=staff") + &unit("last");
    in_both_modes(&["ann"], &setup, &change, "add ou=last", |told, mode| {
        let place = |line: &str| {
            let found = told.iter().position(|told| told == line);
            found.unwrap_or_else(|| panic!("{mode}: {line} is not in {told:?}"))
        };
        let parent = place("rename ou=people -> ou=staff");
        assert_eq!(told[parent + 1], "change ou=staff", "{mode}");
        let ann = place("rename uid=ann,ou=people -> uid=ann,ou=staff");
        let middle = place("rename ou=below,ou=people -> ou=below,ou=staff");
        let x = place("rename uid=x,ou=below,ou=people -> uid=x,ou=below,ou=staff");
        assert!(
            parent < ann && parent < middle && middle < x,
            "{mode}: {told:?}"
        );
        assert_eq!(told.len(), 6, "{mode}: {told:?}");
    });
}

#[test]
fn swap_fits_map_by_dn() {
    let change = rename(&dn("ann"), "uid=tmp")
        + &rename(&dn("bob"), "uid=ann")
        + &rename(&dn("tmp"), "uid=bob")
        + &unit("last");
    in_both_modes(&["ann", "bob"], "", &change, "add ou=last", |told, mode| {
        let mut held = std::collections::BTreeSet::from(["uid=ann,ou=people", "uid=bob,ou=people"]);
        for line in told {
            let Some((old, new)) = line
                .strip_prefix("rename ")
                .and_then(|l| l.split_once(" -> "))
            else {
                continue;
            };
            assert!(held.remove(old), "{mode}: nobody is at {old}: {told:?}");
            assert!(held.insert(new), "{mode}: somebody is at {new}: {told:?}");
        }
        assert_eq!(held.len(), 2);
    });
}

#[test]
fn equal_values_tell_nothing() {
    // The order of values, and the letter case of an attribute's name.
    let two = "description: one\ndescription: two\n";
    let set = |values: &str, name: &str| {
        let values = values.replace("description", name);
        let dn = dn("ann");
        format!("dn: {dn}\nchangetype: modify\nreplace: {name}\n{values}-\n\n")
    };
    let swapped = "description: two\ndescription: one\n";
    let change = set(swapped, "DESCRIPTION")
        + &set(two, "description")
        + &set(swapped, "Description")
        + &unit("last");
    let setup = set(two, "description");
    in_both_modes(&["ann"], &setup, &change, "add ou=last", |told, mode| {
        assert_eq!(told, ["add ou=last"], "{mode}");
    });
}

#[test]
fn replaced_entry_is_two_events() {
    let change = delete("ann") + &person("ann") + &unit("last");
    in_both_modes(&["ann"], "", &change, "add ou=last", |told, mode| {
        let of_ann: Vec<_> = told.iter().filter(|line| line.contains("ann")).collect();
        assert_eq!(
            of_ann,
            ["delete uid=ann,ou=people", "add uid=ann,ou=people"],
            "{mode}"
        );
    });
}

#[test]
fn committed_follows_each_announced_commit() {
    let fixture = Fixture::with(&["ann"]);
    let tape = Tape::new();
    let mut client = fixture.builder(tape.callback()).connect().unwrap();
    poll_until(&mut client, || tape.has("committed"));
    for number in 0..5 {
        fixture.change(&describe("ann", &number.to_string()));
        let seen = tape.count("change ");
        poll_until(&mut client, || tape.count("change ") > seen);
    }
    let lines = tape.lines();
    let mut next = 1;
    for (at, line) in lines.iter().enumerate() {
        if line.starts_with("pending ") {
            assert_eq!(line, &format!("pending {next}"));
            assert_eq!(lines[at + 1], "committed", "{lines:?}");
            next += 1;
        }
        if line == "cookie" {
            // The cookie comes right before the commit that stores it.
            assert!(lines[at + 1].starts_with("pending "), "{lines:?}");
        }
    }
    assert_eq!(client.commit_number(), next - 1);
    assert_eq!(tape.count("cookie"), 6);
    client.unbind().unwrap();
}

/// A callback that uses everything it is lent.
#[derive(Default)]
struct Looks {
    asked: bool,
    seen: Vec<(String, String)>,
}

impl Callback for Looks {
    fn bind_complete(&mut self, ldap: &mut BoundLdap<'_>, cursor: &Cursor<'_>) -> CallbackResult {
        assert_eq!(ldap.whoami()?, "");
        assert!(ldap.server().port().is_some());
        let schema = ldap.read_schema()?;
        assert!(schema.iter().any(|(name, _)| name == "attributeTypes"));
        let scope = syncrepl_client::Scope::Subtree;
        let mut found = 0;
        ldap.search(SUFFIX, scope, "(uid=*)", &["cn"], |dn, attributes| {
            assert!(dn.starts_with("uid="));
            assert_eq!(attributes.iter().count(), 1);
            found += 1;
            Ok(())
        })?;
        assert_eq!(found, 2);
        // A new table alone causes a commit.
        cursor.execute_batch("CREATE TABLE IF NOT EXISTS mine (dn TEXT PRIMARY KEY)")?;
        self.asked = true;
        Ok(())
    }

    fn record_add(&mut self, record: &Record<'_>, cursor: &Cursor<'_>) -> CallbackResult {
        cursor.execute("INSERT INTO mine VALUES (?1)", [record.dn()])?;
        Ok(())
    }

    fn refresh_done(&mut self, items: &Items<'_>, cursor: &Cursor<'_>) -> CallbackResult {
        assert!(!items.is_empty());
        items.for_each(|record| {
            let mail = record.attrs().values("MAIL").next().unwrap_or_default();
            let mail = String::from_utf8(mail.to_vec())?;
            self.seen.push((record.dn().to_owned(), mail));
            Ok(())
        })?;
        let mine: i64 = cursor.query_row("SELECT count(*) FROM mine", [], |row| row.get(0))?;
        assert_eq!(mine.unsigned_abs(), items.len());
        let mut cn = Vec::new();
        let dn = dn("ANN").replace(',', " , ");
        assert!(items.get(&dn, |record| {
            cn.extend(record.attrs().values("cn").map(<[u8]>::to_vec))
        })?);
        assert_eq!(cn, [b"ann"]);
        assert!(!items.get("uid=nobody", |_| ())?);
        Ok(())
    }
}

#[test]
fn lent_objects_work() {
    let fixture = Fixture::with(&["ann", "bob"]);
    let mut client = fixture
        .builder(Looks::default())
        .mode(SyncreplMode::RefreshOnly)
        .connect()
        .unwrap();
    assert!(client.callback().asked);
    client.run().unwrap();
    let seen = &client.callback().seen;
    // Parents first.
    assert_eq!(seen.len(), 4);
    assert_eq!(seen[0].0, SUFFIX);
    assert_eq!(seen[2], (dn("ann"), "ann@example.com".to_owned()));
}

#[test]
fn table_made_when_bound_is_kept() {
    let fixture = Fixture::with(&["ann", "bob"]);
    let mut client = fixture.builder(Looks::default()).connect().unwrap();
    let made = "SELECT count(*) FROM sqlite_schema WHERE name = 'mine'";
    let count = |store: syncrepl_client::Store| {
        store.read(|cursor| Ok(cursor.query_row(made, [], |row| row.get::<_, i64>(0))?))
    };
    assert_eq!(count(client.db().unwrap()).unwrap(), 1);
    assert_eq!(client.commit_number(), 1);
    // The second time nothing is written, so nothing is committed.
    client.reconnect().unwrap();
    assert_eq!(client.commit_number(), 1);
}
