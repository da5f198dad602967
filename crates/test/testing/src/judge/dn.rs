//! DNs (RFC 4514) in one spelling. Not matching rules: letter case and spaces of values stay.

/// The DN with its types in lower case, no optional spaces, its multi-valued RDNs sorted, and
/// every byte escaped in one way only.
pub fn normal_dn(dn: &str) -> String {
    let mut rdns = Vec::new();
    for rdn in split(dn, b",;") {
        let mut pairs: Vec<String> = split(rdn, b"+").into_iter().map(normal_pair).collect();
        pairs.sort();
        rdns.push(pairs.join("+"));
    }
    rdns.join(",")
}

/// Cuts at separators that are neither escaped nor quoted.
fn split<'a>(text: &'a str, separators: &[u8]) -> Vec<&'a str> {
    let (mut parts, mut start, mut escaped, mut quoted) = (Vec::new(), 0, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            _ if !quoted && separators.contains(&byte) => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    if !text.is_empty() {
        parts.push(&text[start..]);
    }
    parts
}

fn normal_pair(pair: &str) -> String {
    let Some((name, value)) = pair.split_once('=') else {
        return pair.trim().to_lowercase();
    };
    let mut normal = format!("{}=", name.trim().to_lowercase());
    for byte in unescape(trim(value)) {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'@' | b'_' => {
                normal.push(char::from(byte));
            }
            _ => normal += &format!("\\{byte:02x}"),
        }
    }
    normal
}

/// Takes away the spaces around a value, but not an escaped one at its end.
fn trim(value: &str) -> &str {
    let value = value.trim_start_matches(' ');
    let trimmed = value.trim_end_matches(' ');
    let backslashes = trimmed.bytes().rev().take_while(|b| *b == b'\\').count();
    let keeps_one = backslashes % 2 == 1 && trimmed.len() < value.len();
    &value[..trimmed.len() + usize::from(keeps_one)]
}

fn unescape(value: &str) -> Vec<u8> {
    let bytes = value.as_bytes();
    let inner = bytes
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""));
    let mut rest = inner.unwrap_or(bytes);
    let mut plain = Vec::with_capacity(rest.len());
    while let Some((&byte, after)) = rest.split_first() {
        // A sign is no digit, although the number parser takes it.
        let pair = after
            .get(..2)
            .filter(|pair| pair.iter().all(u8::is_ascii_hexdigit))
            .and_then(|hex| std::str::from_utf8(hex).ok());
        match (byte, pair.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'\\', Some(decoded)) => {
                plain.push(decoded);
                rest = &after[2..];
            }
            (b'\\', None) if !after.is_empty() => {
                plain.push(after[0]);
                rest = &after[1..];
            }
            _ => {
                plain.push(byte);
                rest = after;
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::normal_dn;

    #[test]
    fn one_spelling_for_one_name() {
        for (left, right) in [
            ("CN = Ann , O=x", "cn=Ann,o=x"),
            (r"cn=\20lead \2C\2b\20,o=x", r"cn=\ lead \,\+\ ,o=x"),
            (r"cn=B\C3\B6hm", "cn=Böhm"),
            (r"cn=A\+B", r"cn=A\2BB"),
            ("uid=b+cn=a,o=x", "cn=a + uid=b,o=x"),
            (r#"cn="a, b",o=x"#, r"cn=a\, b,o=x"),
            (r"cn=back\\ ,o=x", r"cn=back\5c,o=x"),
            ("", ""),
        ] {
            assert_eq!(normal_dn(left), normal_dn(right));
        }
    }

    #[test]
    fn different_names_stay_different() {
        for (left, right) in [
            ("cn=ann", "cn=Ann"),
            (r"cn=a\,b", "cn=a,b"),
            (r"cn=a\+cn=b", "cn=a+cn=b"),
            (r"cn=a\ ", "cn=a"),
            ("cn=a  b", "cn=a b"),
        ] {
            assert_ne!(normal_dn(left), normal_dn(right));
        }
    }
}
