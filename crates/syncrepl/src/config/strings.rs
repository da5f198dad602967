//! The strings of a configuration: variables are filled in, secrets are refused, unknown keys get a suggestion.

use toml::{Table, Value};

/// Keys whose value would be a secret. Each has a key that names a file.
const SECRETS: &[&str] = &[
    "password",
    "passwd",
    "pass",
    "secret",
    "token",
    "bind_password",
    "bindpw",
    "api_key",
    "nkey",
];

/// Fails if the key is none of `known`.
///
/// # Errors
/// Says which key of which table, and which one may be meant.
pub(super) fn check_key(table: &str, key: &str, known: &[&str]) -> Result<(), String> {
    if known.contains(&key) {
        return Ok(());
    }
    let place = match table {
        "" => String::new(),
        table => format!("[{table}] "),
    };
    let alike = |known: &&&str| strsim::jaro_winkler(known, key) > 0.8;
    let mut near: Vec<_> = known.iter().filter(alike).collect();
    near.sort_by(|one, other| {
        strsim::jaro_winkler(other, key).total_cmp(&strsim::jaro_winkler(one, key))
    });
    Err(match near.first() {
        Some(near) => format!("{place}the key {key:?} is unknown: is {near:?} meant?"),
        None => format!(
            "{place}the key {key:?} is unknown; there are {}",
            known.join(", ")
        ),
    })
}

/// Fails if a key, or a URL, holds a secret: whoever may read the file would have it.
///
/// # Errors
/// Says which key, without its value.
pub(super) fn refuse_secrets(place: &str, table: &Table) -> Result<(), String> {
    for (key, value) in table {
        let here = match place {
            "" => key.clone(),
            place => format!("{place}.{key}"),
        };
        if SECRETS.contains(&key.to_ascii_lowercase().as_str()) && !value.is_table() {
            return Err(format!(
                "{here}: no secret may stand in this file; write it into a file of its own and name that: {key}_file"
            ));
        }
        match value {
            Value::Table(table) => refuse_secrets(&here, table)?,
            Value::String(text) if has_password(text) => {
                return Err(format!(
                    "{here}: no password may stand in a URL; name a file: password_file"
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether the text is a URL with `user:password@`.
fn has_password(text: &str) -> bool {
    let Some((_, rest)) = text.split_once("://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let user = authority.rsplit_once('@').map(|(user, _)| user);
    user.is_some_and(|user| user.contains(':'))
}

/// Fills in `${NAME}` from the environment, in every string.
///
/// # Errors
/// A variable is not set.
pub(super) fn fill_in(table: &mut Table) -> Result<(), String> {
    for (_, value) in table.iter_mut() {
        fill_in_value(value)?;
    }
    Ok(())
}

fn fill_in_value(value: &mut Value) -> Result<(), String> {
    match value {
        Value::String(text) if text.contains("${") => *text = filled(text)?,
        Value::Array(values) => values.iter_mut().try_for_each(fill_in_value)?,
        Value::Table(table) => fill_in(table)?,
        _ => {}
    }
    Ok(())
}

fn filled(text: &str) -> Result<String, String> {
    let mut parts = text.split("${");
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let Some((name, rest)) = part.split_once('}') else {
            return Err(format!("{text:?} has ${{ without }}"));
        };
        let value = std::env::var(name)
            .map_err(|_| format!("the variable {name} of {text:?} is not set"))?;
        whole.push_str(&value);
        whole.push_str(rest);
    }
    Ok(whole)
}

/// A number of bytes: `268435456`, `"256MiB"`, `"64 KiB"`.
///
/// # Errors
/// The value is none.
pub(super) fn bytes(key: &str, value: &Value) -> Result<u64, String> {
    let wrong = || format!("{key}: write a number of bytes, or \"256MiB\"");
    match value {
        Value::Integer(number) => u64::try_from(*number).map_err(|_| wrong()),
        Value::String(text) => {
            let digits = text.trim_end_matches(|letter: char| !letter.is_ascii_digit());
            let number: u64 = digits.parse().map_err(|_| wrong())?;
            let unit = text.get(digits.len()..).unwrap_or_default().trim();
            let shift = match unit.to_ascii_lowercase().as_str() {
                "" | "b" => 0,
                "k" | "kib" => 10,
                "m" | "mib" => 20,
                "g" | "gib" => 30,
                _ => return Err(wrong()),
            };
            number.checked_mul(1 << shift).ok_or_else(wrong)
        }
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_refused_without_being_shown() {
        for text in [
            "[sink.a]\npassword = 'canary'",
            "[ldap]\nurl = 'ldap://me:canary@host/'",
            "secret = 'canary'",
        ] {
            let problem = refuse_secrets("", &text.parse().unwrap()).unwrap_err();
            assert!(!problem.contains("canary"), "{problem}");
        }
        let fine = "[sink.a]\npassword_file = 'x'\nto = 'postgresql://me@host/db'";
        refuse_secrets("", &fine.parse().unwrap()).unwrap();
    }

    #[test]
    fn unknown_key_gets_a_suggestion() {
        let problem = check_key("journal", "max_byte", &["enabled", "max_bytes"]).unwrap_err();
        assert!(problem.contains("\"max_bytes\""), "{problem}");
        let problem = check_key("", "zzz", &["ldap", "sink"]).unwrap_err();
        assert!(problem.contains("ldap, sink"), "{problem}");
    }

    #[test]
    fn variables_are_filled_in() {
        let home = std::env::var("PATH").unwrap();
        assert_eq!(filled("a${PATH}b").unwrap(), format!("a{home}b"));
        assert!(filled("${NO_SUCH_VARIABLE_HERE}").is_err());
        assert!(filled("${PATH").is_err());
    }

    #[test]
    fn sizes_have_units() {
        let size = |text: &str| bytes("k", &Value::String(text.to_owned()));
        assert_eq!(size("256MiB"), Ok(256 << 20));
        assert_eq!(size("64 KiB"), Ok(64 << 10));
        assert_eq!(size("7"), Ok(7));
        assert!(size("MiB").is_err() && size("7 parsecs").is_err());
        assert!(size("18446744073709551615GiB").is_err());
        assert_eq!(bytes("k", &Value::Integer(5)), Ok(5));
    }
}
