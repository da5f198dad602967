//! Reads the password from the command line, a prompt, a file, the environment or systemd. One buffer
//! holds it, and is wiped at the end.

use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::{env, fs};

use syncrepl_client::Password;
use zeroize::Zeroizing;

use crate::args::ConnectionArgs;
use crate::exit::{Failure, complain};

/// The variable that gives the password when no option does.
const VARIABLE: &str = "SYNCREPL_BIND_PASSWORD";
/// The systemd credential that gives the password when the variable does not.
const CREDENTIAL: &str = "password";
/// The longest password that a file may hold, in bytes.
const LONGEST: usize = 64 << 10;

/// Reads the password from the option that gives it, if one does.
///
/// # Errors
/// When the prompt or the file cannot be read.
pub(crate) fn read(args: &mut ConnectionArgs) -> Result<Option<Password>, Failure> {
    if let Some(password) = args.password.take() {
        return Ok(Some(Password::from(password)));
    }
    if args.prompt {
        let typed = rpassword::prompt_password("Enter LDAP Password: ").map_err(|error| {
            Failure::Usage(format!(
                "cannot ask for the password: {error} (use -y FILE)"
            ))
        })?;
        return Ok(Some(Password::from(typed)));
    }
    let Some(path) = &args.password_file else {
        return Ok(None);
    };
    if others_can_read(path) {
        complain(&format!(
            "warning: others can read the password file {} (chmod 600 it)",
            path.display()
        ));
    }
    file(path).map(Some)
}

/// Reads the password for a bind that needs one: from an option, else from the environment, else from
/// systemd.
///
/// # Errors
/// When the prompt or the file cannot be read.
pub(crate) fn needed(args: &mut ConnectionArgs) -> Result<Option<Password>, Failure> {
    if let Some(password) = read(args)? {
        return Ok(Some(password));
    }
    if let Some(password) = env::var_os(VARIABLE).filter(|value| !value.is_empty()) {
        return Ok(Some(Password::from(password.into_vec())));
    }
    match credentials().map(|folder| folder.join(CREDENTIAL)) {
        Some(path) if path.exists() && !stands_in(&path) => file(&path).map(Some),
        _ => Ok(None),
    }
}

/// Whether a credential only says that there is none. A unit has to name something for the case that its file is
/// not there, and cannot name nothing: it names an empty line.
fn stands_in(credential: &Path) -> bool {
    fs::metadata(credential).is_ok_and(|metadata| metadata.len() <= 1)
        && bytes(credential).is_ok_and(|bytes| matches!(&bytes[..], b"" | b"\n"))
}

/// The file that gives the password, if one does. Its password may change while a run goes on.
pub(crate) fn file_of(args: &ConnectionArgs) -> Option<PathBuf> {
    if args.password.is_some() || args.prompt {
        return None;
    }
    let credential = || credentials().map(|folder| folder.join(CREDENTIAL));
    args.password_file.clone().or_else(credential)
}

/// The password in a file. It is read here, so that a mistake ends the run before it begins, and again at each
/// bind: it may be another one by then. What is no plain file, such as a pipe, can be read only once.
fn file(path: &Path) -> Result<Password, Failure> {
    let first = bytes(path).map_err(Failure::Usage)?;
    if first.ends_with(b"\n") {
        complain(&format!(
            "warning: the password file {} ends in a line end, which is sent as part of the password (use printf '%s')",
            path.display()
        ));
    }
    let plain = fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
    if !plain || first.is_empty() {
        return Ok(Password::from(first.to_vec()));
    }
    let path = path.to_owned();
    Ok(Password::read_at_each_bind(move || {
        Ok(Password::from(bytes(&path)?.to_vec()))
    }))
}

/// All that a password file holds; else why it cannot be used.
fn bytes(path: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    let unusable = |why: &dyn std::fmt::Display| {
        format!("the password file {} cannot be used: {why}", path.display())
    };
    // A buffer that grows would leave pieces of the password in freed memory.
    let mut bytes = Zeroizing::new(vec![0; LONGEST + 1]);
    let mut length = 0;
    let mut file = File::open(path).map_err(|error| unusable(&error))?;
    loop {
        let space = bytes.get_mut(length..).unwrap_or_default();
        match file.read(space).map_err(|error| unusable(&error))? {
            0 => break,
            count => length += count,
        }
    }
    if length > LONGEST {
        return Err(unusable(&"it is too large for a password"));
    }
    bytes.truncate(length);
    Ok(bytes)
}

/// The folder in which systemd puts the credentials of a unit, if the unit has any.
fn credentials() -> Option<PathBuf> {
    let folder = env::var_os("CREDENTIALS_DIRECTORY").filter(|folder| !folder.is_empty());
    folder.map(PathBuf::from)
}

/// Whether other users can read the file. The mode of a systemd credential does not say: newer systemd
/// grants access by an ACL, and its mask stands in the bits of the group. The folder of credentials is
/// closed to others, so they never count as readable.
pub(crate) fn others_can_read(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    if credentials().is_some_and(|folder| path.starts_with(folder)) {
        return false;
    }
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}
