//! Reads the PEM files of TLS (RFC 7468), and says what is wrong with one. No message quotes the contents.

use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};

use crate::error::{Error, ErrorKind, Result};

/// What a file is for, and where it was named, for messages.
#[derive(Clone, Copy)]
pub(super) struct Named<'a> {
    /// Such as “the CA file”.
    pub(super) what: &'a str,
    pub(super) path: &'a Path,
    /// The place in brackets, or nothing.
    pub(super) place: &'a str,
}

impl Named<'_> {
    /// The error for a file of which this is true.
    pub(super) fn is(&self, problem: &str) -> Error {
        let Named { what, path, place } = self;
        let message = format!("{what} {path:?}{place} {problem}");
        Error::new(ErrorKind::InvalidInput, message)
    }

    /// The bytes of the file, without a byte order mark.
    pub(super) fn read(&self) -> Result<Vec<u8>> {
        let mut bytes = std::fs::read(self.path)
            .map_err(|error| self.is("cannot be read").with_source(error))?;
        if bytes.starts_with(b"\xef\xbb\xbf") {
            bytes.drain(..3);
        }
        Ok(bytes)
    }

    /// The certificates in the file; at least one.
    pub(super) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>> {
        let bytes = self.read()?;
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
        match read {
            Ok(certificates) if !certificates.is_empty() => Ok(certificates),
            Ok(_) => Err(self.unfit(&bytes, "holds no certificate")),
            Err(error) => Err(self.unfit(&bytes, problem(&error))),
        }
    }

    /// The error for bytes that hold nothing that can be used; `otherwise` when it is not seen why.
    pub(super) fn unfit(&self, bytes: &[u8], otherwise: &str) -> Error {
        if is_on_one_line(bytes) {
            return self.is("has its PEM on one line").with_hint(
                "put a line end behind -----BEGIN …----- and another before -----END …-----",
            );
        }
        if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
            return self
                .is("is text in UTF-16")
                .with_hint("write it again in plain ASCII: iconv -f UTF-16 -t ASCII FILE > NEW");
        }
        // A SEQUENCE, whose length is in two more bytes.
        if bytes.starts_with(b"\x30\x82") {
            return self.is("is in DER form").with_hint(
                "write it again in PEM form: openssl x509 -inform der -in FILE -out NEW",
            );
        }
        self.is(otherwise).with_hint(
            "it has to be in PEM form; the program openssl x509 -text shows what is in it",
        )
    }
}

/// Whether something stands behind the first mark of PEM on its line.
fn is_on_one_line(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.lines();
    let line = lines.find_map(|line| line.trim_start().strip_prefix("-----BEGIN "));
    line.and_then(|line| line.split_once("-----"))
        .is_some_and(|(_, rest)| !rest.trim().is_empty())
}

fn problem(error: &pem::Error) -> &'static str {
    match error {
        pem::Error::MissingSectionEnd { .. } => "is cut off: an -----END …----- is missing",
        pem::Error::IllegalSectionStart { .. } => "has a damaged -----BEGIN …-----",
        pem::Error::Base64Decode(_) => {
            "is damaged: what stands between BEGIN and END is not base64"
        }
        pem::Error::SectionTooLarge => "is too large",
        _ => "is damaged",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_is_noticed() {
        for one in [
            "-----BEGIN CERTIFICATE-----MIIB-----END CERTIFICATE-----",
            "# a comment\n -----BEGIN CERTIFICATE----- MIIB AAAA -----END CERTIFICATE-----\n",
            r"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
        ] {
            assert!(is_on_one_line(one.as_bytes()), "{one}");
        }
        for several in [
            "",
            "-----BEGIN CERTIFICATE-----  \r\nMIIB\r\n-----END CERTIFICATE-----\r\n",
        ] {
            assert!(!is_on_one_line(several.as_bytes()), "{several}");
        }
    }
}
