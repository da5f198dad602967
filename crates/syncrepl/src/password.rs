//! Where the password comes from: the command line, a prompt, a file.

use std::path::Path;
use std::{env, fs};

use syncrepl_client::Password;
use zeroize::Zeroizing;

use crate::args::SyncArgs;
use crate::exit::{Failure, complain};

/// The password for a simple bind, if one was given.
pub(crate) fn read(args: &mut SyncArgs) -> Result<Option<Password>, Failure> {
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
    let name = path.display();
    let bytes = fs::read(path)
        .map_err(|error| Failure::Usage(format!("the password file {name}: {error}")))?;
    let bytes = Zeroizing::new(bytes);
    if others_can_read(path) {
        complain(&format!(
            "warning: others can read the password file {name} (chmod 600 it)"
        ));
    }
    if bytes.ends_with(b"\n") {
        complain(&format!(
            "warning: the password file {name} ends in a line end, which is sent as part of the password (use printf '%s')"
        ));
    }
    Ok(Some(Password::from(bytes.to_vec())))
}

/// Of a credential that systemd hands over it cannot be told: newer ones lend it by an access list, whose
/// mask then stands where the bits of the group are. Its folder is closed to others anyway.
pub(crate) fn others_can_read(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    let credentials = env::var_os("CREDENTIALS_DIRECTORY").filter(|folder| !folder.is_empty());
    if credentials.is_some_and(|folder| path.starts_with(folder)) {
        return false;
    }
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}
