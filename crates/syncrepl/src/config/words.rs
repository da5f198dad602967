//! `[ldap]` of a configuration as the words of `follow`. An option of `follow` is a key, with _ for -; those that
//! `follow` has as letters have names here.

use std::path::Path;

use clap::Parser;
use toml::{Table, Value};

use super::strings::check_key;
use crate::args::SyncArgs;

/// The keys that stand for a letter of `follow`, or for words without an option.
const NAMED: &[(&str, &str)] = &[
    ("url", "-H"),
    ("base", "-b"),
    ("scope", "-s"),
    ("bind_dn", "-D"),
    ("password_file", "-y"),
    ("mechanism", "-Y"),
    ("user", "-U"),
    ("authzid", "-X"),
    ("realm", "-R"),
];

/// The keys that are read below.
const OTHERS: &[&str] = &["filter", "attributes", "starttls"];

/// The options of `follow` that a configuration has no use for.
const NOT_HERE: &[&str] = &[
    "data", "format", "output", "journal", "changes", "metrics", "verbose", "help", "version",
];

/// The words as `follow` reads them.
#[derive(Debug, Parser)]
#[command(name = "follow", disable_help_flag = true)]
struct Words {
    #[command(flatten)]
    sync: SyncArgs,
}

/// The arguments of `follow`, without output.
///
/// # Errors
/// A key is unknown, or its value cannot be used.
pub(super) fn sync_args(ldap: &Table, data: &Path) -> Result<SyncArgs, String> {
    let known = known();
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    for key in ldap.keys() {
        check_key("ldap", key, &known)?;
    }
    let mut words = vec!["follow".to_owned(), "--data".to_owned()];
    words.push(data.display().to_string());
    words.extend(["--format".to_owned(), "none".to_owned()]);
    let mut search = Vec::new();
    for (key, value) in ldap {
        match key.as_str() {
            "filter" => search.insert(0, text(key, value)?),
            "attributes" => search.extend(texts(key, value)?),
            "starttls" => words.extend(starttls(value)?),
            "url" => {
                for url in texts(key, value)? {
                    // A whole URL of a search stands alone; others are servers.
                    match url.contains('?') {
                        true => search.push(url),
                        false => words.extend(["-H".to_owned(), url]),
                    }
                }
            }
            key => {
                let letter = NAMED.iter().find(|(name, _)| *name == key);
                let option = letter.map_or_else(
                    || format!("--{}", key.replace('_', "-")),
                    |(_, letter)| (*letter).to_owned(),
                );
                match value {
                    Value::Boolean(true) => words.push(option),
                    Value::Boolean(false) => {}
                    value => {
                        for text in texts(key, value)? {
                            words.push(match option.starts_with("--") {
                                true => format!("{option}={text}"),
                                false => format!("{option}{text}"),
                            });
                        }
                    }
                }
            }
        }
    }
    if ldap.contains_key("attributes") && !ldap.contains_key("filter") {
        search.insert(0, "(objectClass=*)".to_owned());
    }
    if !search.is_empty() {
        words.push("--".to_owned());
        words.extend(search);
    }
    let parsed = Words::try_parse_from(words).map_err(|error| {
        let text = error.to_string();
        let first = text.lines().next().unwrap_or_default();
        first.trim_start_matches("error: ").to_owned()
    })?;
    Ok(parsed.sync)
}

/// The keys that `[ldap]` may have.
fn known() -> Vec<String> {
    use clap::CommandFactory;
    let command = Words::command();
    let long = command
        .get_arguments()
        .filter_map(|argument| argument.get_long());
    let long = long
        .filter(|name| !NOT_HERE.contains(name))
        .map(|name| name.replace('-', "_"));
    let named = NAMED.iter().map(|(name, _)| (*name).to_owned());
    let others = OTHERS.iter().map(|name| (*name).to_owned());
    named.chain(others).chain(long).collect()
}

fn starttls(value: &Value) -> Result<Option<String>, String> {
    match value {
        Value::Boolean(true) => Ok(Some("-ZZ".to_owned())),
        Value::Boolean(false) => Ok(None),
        Value::String(text) if text == "required" => Ok(Some("-ZZ".to_owned())),
        Value::String(text) if text == "try" => Ok(Some("-Z".to_owned())),
        _ => Err("starttls is true, false, \"required\" or \"try\"".to_owned()),
    }
}

fn text(key: &str, value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Integer(number) => Ok(number.to_string()),
        _ => Err(format!("{key} is a string")),
    }
}

fn texts(key: &str, value: &Value) -> Result<Vec<String>, String> {
    match value {
        Value::Array(values) => values.iter().map(|value| text(key, value)).collect(),
        value => Ok(vec![text(key, value)?]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<SyncArgs, String> {
        sync_args(&text.parse().unwrap(), Path::new("people.db"))
    }

    #[test]
    fn keys_are_the_words_of_follow() {
        let args = read(
            "url = ['ldaps://one', 'ldaps://two']\nbind_dn = 'cn=reader'\nbase = 'dc=example,dc=com'\n\
             filter = '(objectClass=person)'\nattributes = ['uid', 'cn']\nreconcile_every = '24h'\n\
             max_delete = '5%'\nca_file = '/etc/ca.pem'\nstarttls = true\nderived = true",
        )
        .unwrap();
        let connection = &args.connection;
        assert_eq!(connection.hosts, ["ldaps://one", "ldaps://two"]);
        assert_eq!(connection.bind_dn.as_deref(), Some("cn=reader"));
        assert_eq!(connection.search, ["(objectClass=person)", "uid", "cn"]);
        assert_eq!(connection.starttls, 2);
        assert!(args.derived && args.reconcile_every.is_some() && args.max_delete.is_some());
        let args = read("url = 'ldap://one'\nattributes = ['uid']").unwrap();
        assert_eq!(args.connection.search, ["(objectClass=*)", "uid"]);
    }

    #[test]
    fn wrong_keys_and_values_are_named() {
        for (text, part) in [
            ("bind_nd = 'x'", "\"bind_dn\""),
            ("data = 'x'", "data"),
            ("max_delete = 'all'", "all"),
            ("starttls = 'perhaps'", "starttls"),
            ("scope = 'tree'", "tree"),
        ] {
            let problem = read(text).unwrap_err();
            assert!(problem.contains(part), "{text}: {problem}");
        }
    }
}
