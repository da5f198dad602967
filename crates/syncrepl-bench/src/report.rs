//! The page: tables in Markdown between words that do not change.

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
    let _ = writeln!(out, "### {title}\n");
    if !note.is_empty() {
        let _ = writeln!(out, "{note}\n");
    }
    let _ = writeln!(
        out,
        "| | client CPU | × ldapsearch | wall | × | peak memory | provider CPU | disk, bytes an entry |\n\
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
            figures
                .disk
                .map_or_else(|| "–".into(), |bytes| format!("{bytes:.0}")),
        );
    }
    out.push('\n');
}

/// The persist stage.
pub(crate) fn persist(out: &mut String, stages: &[(&'static str, Vec<Stage>)]) {
    let _ = writeln!(
        out,
        "| | from sending the change, p50 | p99 | from its answer, p50 | p99 | 5,000 modifies, a second | CPU for all of it |\n\
         |---|---|---|---|---|---|---|"
    );
    for (name, stages) in stages {
        let of = |of: fn(&Stage) -> f64| Spread::of(stages.iter().map(of)).median;
        let _ = writeln!(
            out,
            "| {name} | {:.3} ms | {:.3} ms | {:.3} ms | {:.3} ms | {:.0} | {:.2} s |",
            of(|stage| stage.sent_p50) * 1e3,
            of(|stage| stage.sent_p99) * 1e3,
            of(|stage| stage.p50) * 1e3,
            of(|stage| stage.p99) * 1e3,
            of(|stage| stage.rate),
            of(|stage| stage.cpu),
        );
    }
    out.push('\n');
}

/// What it ran on.
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
    format!("{cores} cores ({model}), Linux {}", kernel.trim())
}
