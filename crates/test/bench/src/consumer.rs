//! OpenLDAP's own consumer: a second slapd that keeps a copy in its database.

use std::time::{Duration, Instant};

use syncrepl_testing::slapd::{ADMIN, PASSWORD, SUFFIX, Slapd, Variant, context_csns};

use crate::measure::{Cost, cpu_so_far};

const PATIENCE: Duration = Duration::from_secs(600);

pub(crate) struct Consumer {
    slapd: Slapd,
    began: Instant,
}

impl Consumer {
    pub(crate) fn start(provider: &Slapd) -> Consumer {
        let url = provider.url();
        let began = Instant::now();
        let slapd = Slapd::builder(Variant::Plain)
            .extra_database(&format!(
                "syncrepl rid=001 provider={url} searchbase={SUFFIX} bindmethod=simple \
                 binddn={ADMIN} credentials={PASSWORD} type=refreshAndPersist retry=\"1 +\""
            ))
            .empty()
            .start();
        Consumer { slapd, began }
    }

    /// Waits until it holds what the provider holds.
    pub(crate) fn caught_up(&self, provider: &Slapd) -> Cost {
        let wanted = context_csns(provider);
        let deadline = Instant::now() + PATIENCE;
        while context_csns(&self.slapd) != wanted {
            assert!(
                Instant::now() < deadline,
                "OpenLDAP's consumer does not catch up"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        let wall = self.began.elapsed().as_secs_f64();
        let pid = self.slapd.pid().expect("it runs");
        Cost {
            cpu: cpu_so_far(pid),
            wall,
            peak: peak(pid),
            provider: 0.0,
        }
    }

    /// Bytes in its folder that take room on the disk.
    pub(crate) fn disk(&self) -> f64 {
        use std::os::unix::fs::MetadataExt;
        let file = self.slapd.folder().join("db/data.mdb");
        std::fs::metadata(file).map_or(0.0, |file| file.blocks() as f64 * 512.0)
    }
}

/// The most memory a process had so far, MiB.
fn peak(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kib.unwrap_or_default() / 1024.0
}
