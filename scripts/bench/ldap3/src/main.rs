//! The copy as the ldap3 crate makes it, in a map in memory: it has no store. For the benchmark.
//!
//! with_ldap3 refresh|follow URL BIND-DN PASSWORD BASE DATA

use std::collections::HashMap;
use std::io::{BufWriter, Write};

use ldap3::controls::{
    Control, ControlType, EntryState, RefreshMode, SyncInfo, SyncRequest, SyncState, parse_syncinfo,
};
use ldap3::{LdapConn, Scope, SearchEntry};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().collect();
    let [_, mode, url, who, password, base, _data] = words.as_slice() else {
        return Err("with_ldap3 refresh|follow URL BIND-DN PASSWORD BASE DATA".into());
    };
    let follow = mode == "follow";
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut copy: HashMap<Vec<u8>, SearchEntry> = HashMap::new();
    let mut ldap = LdapConn::new(url)?;
    ldap.simple_bind(who, password)?.success()?;
    let mode = match follow {
        true => RefreshMode::RefreshAndPersist,
        false => RefreshMode::RefreshOnly,
    };
    let request = SyncRequest { mode, cookie: None, reload_hint: false };
    ldap.with_controls(request);
    let mut stream = ldap.streaming_search(base, Scope::Subtree, "(objectClass=*)", vec!["*"])?;
    let mut following = false;
    while let Some(entry) = stream.next()? {
        if entry.is_intermediate() {
            if let SyncInfo::RefreshPresent { refresh_done: true, .. }
            | SyncInfo::RefreshDelete { refresh_done: true, .. } = parse_syncinfo(entry)
            {
                following = true;
                out.flush()?;
            }
            continue;
        }
        let state = entry.1.iter().find_map(|control| match control {
            Control(Some(ControlType::SyncState), raw) => Some(raw.parse::<SyncState>()),
            _ => None,
        });
        let Some(state) = state else { continue };
        let entry = SearchEntry::construct(entry);
        match state.state {
            EntryState::Add | EntryState::Modify => {
                let title = entry.attrs.get("title").and_then(|all| all.first());
                writeln!(out, "add {}\ntitle: {}", entry.dn, title.map_or("", String::as_str))?;
                copy.insert(state.entry_uuid, entry);
            }
            EntryState::Delete => {
                copy.remove(&state.entry_uuid);
                writeln!(out, "delete {}", entry.dn)?;
            }
            EntryState::Present => {}
        }
        if following {
            out.flush()?;
        }
    }
    stream.result().success()?;
    out.flush()?;
    Ok(())
}
