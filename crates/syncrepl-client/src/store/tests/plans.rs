//! How SQLite runs the statements of the store. One that reads a whole table, or sorts it, for each of
//! many entries makes a stage cost the square of its size.

use super::super::Writer;
use super::super::ancestors::Ancestors;
use super::super::records::Records;

/// The files whose statements run in a stage.
const FILES: [&str; 7] = [
    include_str!("../records/rows.rs"),
    include_str!("../records/parked.rs"),
    include_str!("../ancestors.rs"),
    include_str!("../shown.rs"),
    include_str!("../keys.rs"),
    include_str!("../journal/rows.rs"),
    include_str!("../journal/read.rs"),
];

/// The statements that sort on purpose: a part of each, and the function.
const SORTED: [(&str, &str); 2] = [
    // The few rows of one name.
    ("WHERE dn_key = ?1 ORDER BY dn = ?2 DESC LIMIT 1", "by_dn"),
    // A thousand at a time.
    ("SELECT DISTINCT dn_key, dn FROM", "write_again"),
];

/// The statements that read a table from its begin on purpose.
const READ: [(&str, &str); 24] = [
    // All rows are wanted, a few times in a stage.
    ("SELECT id FROM syncrepl_records", "ids"),
    ("SELECT dn_key FROM syncrepl_records", "keys"),
    (
        "SELECT id, dn_key, dn FROM syncrepl_records ORDER BY dn_key",
        "names",
    ),
    (
        "SELECT id, uuid, dn, dn_key, attributes FROM syncrepl_records ORDER BY dn_key",
        "for_each",
    ),
    ("SELECT count(*) FROM syncrepl_records", "count"),
    ("SELECT id FROM syncrepl_references", "retain_references"),
    ("SELECT id FROM syncrepl_placed", "ids"),
    ("SELECT dn_key FROM syncrepl_exact", "read_again"),
    (
        "SELECT id FROM temp.syncrepl_parked WHERE id IS NOT NULL",
        "parked_ids",
    ),
    ("DELETE FROM temp.syncrepl_parked", "unpark_all"),
    ("DELETE FROM temp.syncrepl_strayed", "forget_strayed"),
    ("DELETE FROM temp.syncrepl_missing", "list_missing"),
    (
        "DELETE FROM syncrepl_ancestors WHERE uuid IS NULL",
        "forget_hidden",
    ),
    ("DELETE FROM syncrepl_ancestors AS a", "forget_unneeded"),
    ("SELECT count(*), coalesce(sum(64", "size"),
    ("SELECT count(*) FROM syncrepl_folded", "folded"),
    ("DELETE FROM syncrepl_journal", "remove_all"),
    // Once for each time that the last reader has gone on, and as a rule the table is empty.
    ("DELETE FROM syncrepl_folded WHERE seq <= ?1", "unfold"),
    // The first row, or the first few.
    (
        "SELECT time FROM syncrepl_journal ORDER BY seq LIMIT 1",
        "oldest",
    ),
    ("SELECT 1 FROM temp.syncrepl_parked LIMIT 1", "any_parked"),
    ("SELECT EXISTS", "any_of_each"),
    ("SELECT id, uuid FROM syncrepl_records LIMIT 1000", "any"),
    (
        "SELECT id FROM temp.syncrepl_gone ORDER BY dn_key DESC LIMIT 1",
        "take_gone",
    ),
    ("ORDER BY dn_key, id LIMIT 1", "take_strayed"),
];

fn statements() -> Vec<String> {
    let mut found = Vec::new();
    for text in FILES {
        let text = text.split("#[cfg(test)]").next().unwrap();
        for verb in ["SELECT ", "INSERT ", "UPDATE ", "DELETE "] {
            let begin = format!("\"{verb}");
            for (at, _) in text.match_indices(&begin) {
                let sql = text[at + 1..].split('"').next().unwrap();
                let sql = sql
                    .replace("{COLUMNS}", "id, uuid, dn, dn_key, attributes")
                    .replace("{order}", "min")
                    .replace("{table}", "temp.syncrepl_parked");
                found.push(sql.split_whitespace().collect::<Vec<_>>().join(" "));
            }
        }
    }
    found
}

fn plan(writer: &Writer, sql: &str) -> Vec<String> {
    let explain = format!("EXPLAIN QUERY PLAN {sql}");
    let mut statement = writer.connection().prepare(&explain).unwrap();
    let mut rows = statement.raw_query();
    let mut steps = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        steps.push(row.get("detail").unwrap());
    }
    steps
}

#[test]
fn no_statement_sorts_a_table_or_reads_it_whole() {
    let dir = tempfile::tempdir().unwrap();
    let writer = Writer::open(&dir.path().join("state.db")).unwrap();
    Ancestors::new(writer.connection()).prepare().unwrap();
    Records::new(writer.connection()).prepare_stage().unwrap();
    let statements = statements();
    assert!(statements.len() > 50, "{}", statements.len());
    let mut dear = Vec::new();
    for sql in statements {
        let steps = plan(&writer, &sql);
        let meant = |list: &[(&str, &str)]| list.iter().any(|(part, _)| sql.contains(part));
        let reads = |step: &String| step.starts_with("SCAN ") && step != "SCAN CONSTANT ROW";
        let sorts = |step: &String| step.contains("TEMP B-TREE");
        if steps.iter().any(reads) && !meant(&READ) || steps.iter().any(sorts) && !meant(&SORTED) {
            dear.push(format!("{sql}\n    {steps:?}"));
        }
    }
    assert!(dear.is_empty(), "{}", dear.join("\n"));
}
