//! The error for a text or an encoding that is not a filter.

/// The reason why a text or an encoding is not a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FilterError {
    /// The text does not follow RFC 4515 §3.
    #[error("{problem} at byte {position} of the filter")]
    Text {
        /// The problem, in words.
        problem: &'static str,
        /// The byte where it was found; the first byte is 1.
        position: usize,
    },
    /// The bytes do not follow RFC 4511 §4.5.1.7.
    #[error("{problem} at byte {position} of the encoded filter")]
    Encoding {
        /// The problem, in words.
        problem: &'static str,
        /// The byte where it was found; the first byte is 1.
        position: usize,
    },
}
