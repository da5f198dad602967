//! The names in every test server, and the password that all of them share.

/// The suffix of every test server.
pub const SUFFIX: &str = "dc=example,dc=com";
/// The DN that may do everything.
pub const ADMIN: &str = "cn=admin,dc=example,dc=com";
/// The password of [`ADMIN`].
pub const PASSWORD: &str = "secret";
