//! Text for people. The events themselves are the library's `LoggingCallback`.

/// Bytes as text that cannot steer a terminal: control characters escaped, what is not UTF-8 as
/// the number of its bytes.
pub(crate) fn printable_bytes(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text
            .chars()
            .map(|c| {
                if c.is_control() {
                    c.escape_default().to_string()
                } else {
                    c.to_string()
                }
            })
            .collect(),
        Err(_) => format!("({} bytes)", bytes.len()),
    }
}
