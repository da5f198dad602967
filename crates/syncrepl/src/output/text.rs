//! Text for people. The events themselves are the library's `LoggingCallback`.

use syncrepl_client::printable;

/// Bytes as text that cannot steer a terminal; what is not UTF-8 as the number of its bytes.
pub(crate) fn printable_bytes(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => printable(text),
        Err(_) => format!("({} bytes)", bytes.len()),
    }
}
