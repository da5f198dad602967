//! DNs (RFC 4514) and filters (RFC 4515), through the public interface.

#[cfg(test)]
mod dn;
#[cfg(test)]
mod filter;
