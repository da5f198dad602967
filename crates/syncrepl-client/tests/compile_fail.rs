//! What the compiler refuses: each case is a mistake that other libraries only warn of.
//!
//! The expected messages are those of one compiler. Where another words them differently, each case
//! must still fail: `TRYBUILD=overwrite` writes the new words down.

#[test]
fn mistakes_that_do_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/compile-fail/*.rs");
}
