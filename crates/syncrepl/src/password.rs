//! Where the password comes from: the command line, a prompt, a file, the environment, systemd. It is
//! held in one place, which is wiped in the end.

use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::{env, fs};

use syncrepl_client::Password;
use zeroize::Zeroizing;

use crate::args::ConnectionArgs;
use crate::exit::{Failure, complain};

/// The variable with the password, for want of an option.
const VARIABLE: &str = "SYNCREPL_BIND_PASSWORD";
/// The credential of systemd's with it, for want of that.
const CREDENTIAL: &str = "password";
/// The longest password that a file may hold, in bytes.
const LONGEST: usize = 64 << 10;

/// The password that an option gives, if any does.
pub(crate) fn read(args: &mut ConnectionArgs) -> Result<Option<Password>, Failure> {
    if let Some(password) = args.password.take() {
        return Ok(Some(Password::from(password)));
    }
    if args.prompt {
        let typed = rpassword::prompt_password("Enter LDAP Password: ").map_err(|error| {
            Failure::Usage(format!(
                "the password cannot be asked for: {error} (use -y FILE)"
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

/// The password that an option gives, or else the environment, for a bind that needs one.
pub(crate) fn needed(args: &mut ConnectionArgs) -> Result<Option<Password>, Failure> {
    if let Some(password) = read(args)? {
        return Ok(Some(password));
    }
    if let Some(password) = env::var_os(VARIABLE).filter(|value| !value.is_empty()) {
        return Ok(Some(Password::from(password.into_vec())));
    }
    match credentials().map(|folder| folder.join(CREDENTIAL)) {
        Some(path) if path.exists() => file(&path).map(Some),
        _ => Ok(None),
    }
}

fn file(path: &Path) -> Result<Password, Failure> {
    let name = path.display();
    let unusable = |why: &dyn std::fmt::Display| {
        Failure::Usage(format!("the password file {name} cannot be used: {why}"))
    };
    // One that grows while it is read would leave pieces of the password behind.
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
    if bytes.ends_with(b"\n") {
        complain(&format!(
            "warning: the password file {name} ends in a line end, which is sent as part of the password (use printf '%s')"
        ));
    }
    Ok(Password::from(bytes.to_vec()))
}

/// Where systemd puts the credentials of a unit that has any.
fn credentials() -> Option<PathBuf> {
    let folder = env::var_os("CREDENTIALS_DIRECTORY").filter(|folder| !folder.is_empty());
    folder.map(PathBuf::from)
}

/// Of a credential that systemd hands over it cannot be told: newer ones lend it by an access list, whose
/// mask then stands where the bits of the group are. Its folder is closed to others anyway.
pub(crate) fn others_can_read(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    if credentials().is_some_and(|folder| path.starts_with(folder)) {
        return false;
    }
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}
