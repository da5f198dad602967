//! The variables by which a person repeats a random test or makes it longer.

/// The number in a variable, if it is set.
///
/// # Panics
/// When the variable holds something else.
pub fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    let number = text.parse();
    Some(number.unwrap_or_else(|_| panic!("{variable} is no number: {text}")))
}

/// The seed in `SYNCREPL_SEED`, or a new one. Prints it, so that a failed run can be repeated.
pub fn seed() -> u64 {
    let seed = number("SYNCREPL_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("SYNCREPL_SEED={seed}");
    seed
}
