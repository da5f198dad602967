//! Keep a table of your own equal to a search: the mail address of each person.
//!
//! ```text
//! cargo run --example own_table -- state.db 'ldap://localhost/dc=example,dc=com??sub?(mail=*)'
//! sqlite3 state.db 'SELECT mail, cn FROM people'
//! ```

use syncrepl_client::{
    BoundLdap, Callback, CallbackResult, Cursor, Record, Syncrepl, SyncreplMode,
};

struct People;

impl Callback for People {
    fn bind_complete(&mut self, _: &mut BoundLdap<'_>, cursor: &Cursor<'_>) -> CallbackResult {
        // The entryUUID is the key: it stays when an entry is renamed.
        cursor.execute_batch(
            "CREATE TABLE IF NOT EXISTS people (uuid BLOB PRIMARY KEY, dn TEXT, cn TEXT, mail TEXT)",
        )?;
        Ok(())
    }

    // Each of these writes into the transaction that stores the entry itself, so the table and
    // the copy can never disagree, wherever the program is killed.
    fn record_add(&mut self, record: &Record<'_>, cursor: &Cursor<'_>) -> CallbackResult {
        store(record, cursor)
    }

    fn record_change(
        &mut self,
        _: &Record<'_>,
        new: &Record<'_>,
        cursor: &Cursor<'_>,
    ) -> CallbackResult {
        store(new, cursor)
    }

    fn record_rename(
        &mut self,
        _: &str,
        record: &Record<'_>,
        cursor: &Cursor<'_>,
    ) -> CallbackResult {
        store(record, cursor)
    }

    fn record_delete(&mut self, record: &Record<'_>, cursor: &Cursor<'_>) -> CallbackResult {
        let uuid = record.uuid();
        cursor.execute("DELETE FROM people WHERE uuid = ?1", [uuid.as_bytes()])?;
        Ok(())
    }
}

fn store(record: &Record<'_>, cursor: &Cursor<'_>) -> CallbackResult {
    cursor.execute(
        "INSERT OR REPLACE INTO people VALUES (?1, ?2, ?3, ?4)",
        (
            record.uuid().as_bytes(),
            record.dn(),
            first(record, "cn"),
            first(record, "mail"),
        ),
    )?;
    Ok(())
}

/// LDAP knows no single value and no text: this takes the first value, if it is text.
fn first<'a>(record: &'a Record<'_>, name: &str) -> Option<&'a str> {
    std::str::from_utf8(record.attrs().values(name).next()?).ok()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(file), Some(url)) = (arguments.next(), arguments.next()) else {
        return Err("usage: own_table DATA-FILE LDAP-URL".into());
    };
    let mut client = Syncrepl::builder(file, People)
        .ldap_url(url)
        .mode(SyncreplMode::RefreshOnly)
        .connect()?;
    client.run()?;

    // A handle reads beside the consumer; any SQLite tool can do the same.
    let people = client.db()?.read(|cursor| {
        let sql = "SELECT mail, cn FROM people WHERE mail IS NOT NULL ORDER BY mail";
        let row = |row: &syncrepl_client::rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        Ok(cursor.query_map::<(String, Option<String>), _, _>(sql, [], row)?)
    })?;
    for (mail, cn) in people {
        println!("{mail} {}", cn.unwrap_or_default());
    }
    client.unbind()?;
    Ok(())
}
