//! DNs (RFC 4514), filters (RFC 4515) and URLs (RFC 4516), through the public interface.

#[cfg(test)]
mod dn;
#[cfg(test)]
mod filter;
#[cfg(test)]
mod filter_random;
#[cfg(test)]
mod url;
