//! Writes what fuzzing begins with: `cargo run -p syncrepl-hostile --example corpus -- fuzz/corpus`.

use syncrepl_hostile::{holds, seeds};

fn main() -> std::io::Result<()> {
    let folder = std::env::args_os().nth(1).expect("usage: corpus FOLDER");
    for (name, _) in holds::ALL {
        let folder = std::path::Path::new(&folder).join(name);
        std::fs::create_dir_all(&folder)?;
        let found = seeds::findings(name).into_iter().map(|(_, bytes)| bytes);
        for (number, bytes) in seeds::seeds(name).into_iter().chain(found).enumerate() {
            std::fs::write(folder.join(format!("seed-{number}")), bytes)?;
        }
    }
    Ok(())
}
