//! The SQL that a user may run. Each connection has one authorizer, installed once; the [`Gate`] says
//! when it applies. SQLite asks it while it prepares a statement, for the bodies of triggers as well. It
//! does not see `INSERT OR ROLLBACK` and the target of a rename; the cursor checks those.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

/// Table names that begin so are ours.
const RESERVED: &str = "syncrepl_";

/// Pragmas that only return a value when they have no argument.
const TELLING: &[&str] = &[
    "application_id",
    "auto_vacuum",
    "busy_timeout",
    "cache_size",
    "collation_list",
    "compile_options",
    "data_version",
    "database_list",
    "encoding",
    "foreign_keys",
    "freelist_count",
    "function_list",
    "journal_mode",
    "module_list",
    "page_count",
    "page_size",
    "pragma_list",
    "query_only",
    "recursive_triggers",
    "schema_version",
    "synchronous",
    "temp_store",
    "user_version",
];

/// Pragmas that only return values; an argument names a table or index.
const LOOKING: &[&str] = &[
    "foreign_key_check",
    "foreign_key_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "integrity_check",
    "quick_check",
    "table_info",
    "table_list",
    "table_xinfo",
];

/// The gate is closed while a user's SQL may be prepared, and open for ours.
#[derive(Default)]
pub(super) struct Gate {
    closed: AtomicBool,
    altering: AtomicBool,
    refused: Mutex<Option<String>>,
}

impl Gate {
    /// Installs the authorizer on `conn`. The gate is open.
    pub(super) fn install(conn: &mut Connection) -> rusqlite::Result<Arc<Gate>> {
        let gate = Arc::new(Gate::default());
        let asked = Arc::clone(&gate);
        conn.authorizer(Some(move |context: AuthContext<'_>| asked.ask(&context)))?;
        Ok(gate)
    }

    /// Closes the gate until the guard is dropped.
    pub(super) fn close(&self) -> GateGuard<'_> {
        GateGuard {
            gate: self,
            before: self.closed.swap(true, Ordering::Relaxed),
        }
    }

    /// Forgets the last statement and its refusal.
    pub(super) fn start_statement(&self) {
        self.altering.store(false, Ordering::Relaxed);
        self.take_refusal();
    }

    /// Whether the statement prepared last is an `ALTER TABLE`.
    pub(super) fn altering(&self) -> bool {
        self.altering.load(Ordering::Relaxed)
    }

    /// The last refusal, with its reason.
    pub(super) fn take_refusal(&self) -> Option<String> {
        self.refused
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    fn ask(&self, context: &AuthContext<'_>) -> Authorization {
        let closed = self.closed.load(Ordering::Relaxed);
        if closed && matches!(context.action, AuthAction::AlterTable { .. }) {
            self.altering.store(true, Ordering::Relaxed);
        }
        let refusal = match context.accessor {
            // No trigger is ours, so none may write here, even if our own statement fired it:
            // through a foreign key of a user's table our DELETE may fire the user's trigger.
            Some(trigger) => changes_of(&context.action)
                .filter(|table| is_reserved(table))
                .map(|table| format!("the trigger {trigger} must not change {table}")),
            None => None,
        };
        let refusal = refusal.or_else(|| closed.then(|| refusal_of(&context.action)).flatten());
        match refusal {
            None => Authorization::Allow,
            Some(reason) => {
                *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason);
                Authorization::Deny
            }
        }
    }
}

/// Puts the gate back as it was, also when a callback panics.
pub(super) struct GateGuard<'a> {
    gate: &'a Gate,
    before: bool,
}

impl Drop for GateGuard<'_> {
    fn drop(&mut self) {
        self.gate.closed.store(self.before, Ordering::Relaxed);
    }
}

/// Whether a table, index, view or trigger of this name is ours.
fn is_reserved(name: &str) -> bool {
    starts_with(name, RESERVED) || starts_with(name, "sqlite_autoindex_syncrepl_")
}

fn starts_with(name: &str, prefix: &str) -> bool {
    name.get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// The table whose rows the action changes.
fn changes_of<'c>(action: &AuthAction<'c>) -> Option<&'c str> {
    match *action {
        AuthAction::Insert { table_name }
        | AuthAction::Update { table_name, .. }
        | AuthAction::Delete { table_name } => Some(table_name),
        _ => None,
    }
}

/// Why a user must not do this; `None` when they may.
fn refusal_of(action: &AuthAction<'_>) -> Option<String> {
    if let Some(table) = changes_of(action) {
        return rows_refused(table);
    }
    if let Some(names) = defines(action) {
        let ours = names.into_iter().find(|name| is_reserved(name));
        return ours.map(|name| format!("{name}: names that begin with {RESERVED} are not yours"));
    }
    let reason = match *action {
        AuthAction::Select
        | AuthAction::Read { .. }
        | AuthAction::Function { .. }
        | AuthAction::Recursive
        | AuthAction::Analyze { .. } => return None,
        AuthAction::Pragma {
            pragma_name,
            pragma_value,
        } => return pragma_refused(pragma_name, pragma_value),
        AuthAction::Transaction { .. } => {
            "BEGIN, COMMIT and ROLLBACK: the transaction that you are lent is not yours to end"
        }
        AuthAction::Savepoint { .. } => {
            "SAVEPOINT, RELEASE and ROLLBACK TO: return an error to roll back"
        }
        AuthAction::Attach { .. } | AuthAction::Detach { .. } => {
            "ATTACH and DETACH change the connection that you are lent"
        }
        _ => "this statement is not known to be harmless",
    };
    Some(reason.to_owned())
}

/// Why a user must not change rows of this table.
fn rows_refused(table: &str) -> Option<String> {
    if is_reserved(table) {
        return Some(format!("{table} can be read, not changed"));
    }
    table
        .eq_ignore_ascii_case("sqlite_dbpage")
        .then(|| "sqlite_dbpage writes past all tables".to_owned())
}

/// Why a user must not run this pragma.
fn pragma_refused(name: &str, value: Option<&str>) -> Option<String> {
    let one_of = |list: &[&str]| list.iter().any(|known| known.eq_ignore_ascii_case(name));
    let allowed = one_of(LOOKING) || (value.is_none() && one_of(TELLING));
    (!allowed).then(|| format!("PRAGMA {name} changes the connection or the file"))
}

/// The names that the action defines, alters or drops: of a table, view or index, or of an index or
/// trigger and its table.
fn defines<'c>(action: &AuthAction<'c>) -> Option<[&'c str; 2]> {
    let name = match *action {
        AuthAction::CreateTable { table_name: name }
        | AuthAction::CreateTempTable { table_name: name }
        | AuthAction::DropTable { table_name: name }
        | AuthAction::DropTempTable { table_name: name }
        | AuthAction::AlterTable {
            table_name: name, ..
        }
        | AuthAction::CreateVtable {
            table_name: name, ..
        }
        | AuthAction::DropVtable {
            table_name: name, ..
        }
        | AuthAction::CreateView { view_name: name }
        | AuthAction::CreateTempView { view_name: name }
        | AuthAction::DropView { view_name: name }
        | AuthAction::DropTempView { view_name: name }
        | AuthAction::Reindex { index_name: name } => name,
        _ => return defines_on_a_table(action),
    };
    Some([name, name])
}

/// The names of an index or trigger that the action defines or drops, and of its table.
fn defines_on_a_table<'c>(action: &AuthAction<'c>) -> Option<[&'c str; 2]> {
    match *action {
        AuthAction::CreateIndex {
            index_name: name,
            table_name,
        }
        | AuthAction::CreateTempIndex {
            index_name: name,
            table_name,
        }
        | AuthAction::DropIndex {
            index_name: name,
            table_name,
        }
        | AuthAction::DropTempIndex {
            index_name: name,
            table_name,
        }
        | AuthAction::CreateTrigger {
            trigger_name: name,
            table_name,
        }
        | AuthAction::CreateTempTrigger {
            trigger_name: name,
            table_name,
        }
        | AuthAction::DropTrigger {
            trigger_name: name,
            table_name,
        }
        | AuthAction::DropTempTrigger {
            trigger_name: name,
            table_name,
        } => Some([name, table_name]),
        _ => None,
    }
}
