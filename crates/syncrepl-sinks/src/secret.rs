//! A secret in a file. No message and no log shows it.

use std::path::{Path, PathBuf};

use syncrepl_relay::{SinkError, SinkResult};

/// A file that holds one secret: a password, a token, a key. It is read at each connection, since it may have
/// been renewed.
#[derive(Debug, Clone)]
pub struct Secret {
    path: PathBuf,
}

impl Secret {
    /// The secret in this file.
    pub fn file(path: impl Into<PathBuf>) -> Secret {
        Secret { path: path.into() }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The secret, without the line end behind it.
    ///
    /// # Errors
    /// `Manual`: the file cannot be read, or is empty.
    pub fn read(&self) -> SinkResult<Vec<u8>> {
        let shown = self.path.display();
        let mut bytes = std::fs::read(&self.path).map_err(|error| {
            SinkError::manual("secret", format!("{shown} cannot be read: {error}"))
                .with_hint("give the file to the user that runs syncrepl")
        })?;
        while bytes
            .last()
            .is_some_and(|last| matches!(last, b'\n' | b'\r'))
        {
            bytes.pop();
        }
        if bytes.is_empty() {
            return Err(SinkError::manual("secret", format!("{shown} is empty"))
                .with_hint("write the secret into it"));
        }
        Ok(bytes)
    }
}
