//! The page: tables in Markdown between sentences that do not change.

use std::fmt::Write;

use crate::measure::Spread;
use crate::persist::Stage;
use crate::situations::Table;

/// Seconds with the spread, in milliseconds where that reads better.
fn time(spread: Spread) -> String {
    let (factor, unit, digits) = match spread.median {
        0.1.. => (1.0, "s", 2),
        _ => (1000.0, "ms", 1),
    };
    let value = |seconds: f64| format!("{:.digits$}", seconds * factor);
    format!(
        "{} {unit} ({}–{})",
        value(spread.median),
        value(spread.least),
        value(spread.most)
    )
}

/// Medians, their spread, and how many times as much as ldapsearch's median.
pub(crate) fn table(out: &mut String, title: &str, note: &str, table: &Table) {
    let theirs = table
        .iter()
        .find(|((_, name), _)| *name == "ldapsearch")
        .map(|(_, figures)| {
            (
                figures.spread(|cost| cost.cpu).median,
                figures.spread(|cost| cost.wall).median,
            )
        });
    let sent = table.values().find_map(|figures| figures.sent);
    let _ = writeln!(out, "### {title}\n");
    if !note.is_empty() {
        let _ = writeln!(out, "{note}\n");
    }
    let _ = writeln!(
        out,
        "| | client CPU | × ldapsearch | wall | × | peak memory | provider CPU | disk, bytes an entry (× sent) |\n\
         |---|---|---|---|---|---|---|---|"
    );
    for ((_, name), figures) in table {
        let (cpu, wall) = (
            figures.spread(|cost| cost.cpu),
            figures.spread(|cost| cost.wall),
        );
        let times = |own: f64, theirs: Option<f64>| {
            theirs.map_or_else(|| "–".into(), |theirs| format!("{:.2}", own / theirs))
        };
        let _ = writeln!(
            out,
            "| {name} | {} | {} | {} | {} | {:.0} MiB | {:.2} s | {} |",
            time(cpu),
            times(cpu.median, theirs.map(|theirs| theirs.0)),
            time(wall),
            times(wall.median, theirs.map(|theirs| theirs.1)),
            figures.spread(|cost| cost.peak).median,
            figures.spread(|cost| cost.provider).median,
            match (figures.disk, figures.sent, sent) {
                (Some(disk), _, Some(sent)) => format!("{disk:.0} ({:.2})", disk / sent),
                (Some(disk), ..) => format!("{disk:.0}"),
                (None, Some(sent), _) => format!("{sent:.0} sent"),
                _ => "–".into(),
            },
        );
    }
    out.push('\n');
}

/// The persist stage.
pub(crate) fn persist(out: &mut String, stages: &[(&'static str, Vec<Stage>)]) {
    let _ = writeln!(
        out,
        "| | from sending the change, p50 | × ldapsearch | p99 | × | from its answer, p50 | \
         5,000 modifies, a second | × | CPU for all of it |\n\
         |---|---|---|---|---|---|---|---|---|"
    );
    type Of = fn(&Stage) -> f64;
    let spread = |stages: &[Stage], of: Of| Spread::of(stages.iter().map(of));
    let theirs = stages.iter().find(|(name, _)| *name == "ldapsearch");
    for (name, stages) in stages {
        let times = |of: Of| {
            theirs.map_or_else(
                || "–".into(),
                |(_, theirs)| {
                    let ratio = spread(stages, of).median / spread(theirs, of).median;
                    format!("{ratio:.2}")
                },
            )
        };
        let millis = |of: Of| {
            let Spread {
                median,
                least,
                most,
            } = spread(stages, of);
            let [median, least, most] = [median, least, most].map(|seconds| seconds * 1e3);
            format!("{median:.3} ms ({least:.3}–{most:.3})")
        };
        let rate: Of = |stage| stage.rate;
        let (sent_p50, sent_p99): (Of, Of) = (|stage| stage.sent_p50, |stage| stage.sent_p99);
        let _ = writeln!(
            out,
            "| {name} | {} | {} | {} | {} | {:.3} ms | {:.0} | {} | {:.2} s |",
            millis(sent_p50),
            times(sent_p50),
            millis(sent_p99),
            times(sent_p99),
            spread(stages, |stage| stage.p50).median * 1e3,
            spread(stages, rate).median,
            times(rate),
            spread(stages, |stage| stage.cpu).median,
        );
    }
    out.push('\n');
}

/// How many processes wanted a core in the last five minutes.
pub(crate) fn load() -> String {
    let loads = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    loads.split(' ').nth(1).unwrap_or("unknown").to_owned()
}

/// The machine.
pub(crate) fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or("unknown", |model| {
        model.trim_start_matches([' ', '\t', ':'])
    });
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let version: Vec<&str> = kernel.trim().split('.').take(2).collect();
    format!("{cores} cores ({model}), Linux {}", version.join("."))
}
