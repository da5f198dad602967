//! The files of a copy.

use std::path::{Path, PathBuf};

/// The file of a copy and those beside it, whose names begin with its name.
pub(crate) fn files_of(data: &Path) -> Vec<PathBuf> {
    let (Some(folder), Some(name)) = (data.parent(), data.file_name()) else {
        return Vec::new();
    };
    let name = name.to_string_lossy();
    let files = std::fs::read_dir(folder).expect("the folder of the copies");
    files
        .map(|file| file.expect("a file").path())
        .filter(|path| {
            path.file_name()
                .is_some_and(|other| other.to_string_lossy().starts_with(&*name))
        })
        .collect()
}

/// Removes a copy.
pub(crate) fn clear(data: &Path) {
    for file in files_of(data) {
        std::fs::remove_file(file).expect("removing a copy");
    }
}
