//! DNs (RFC 4514), through the public interface.

#[cfg(test)]
mod dn;
