//! The cost of one process. A process of its own starts it, and has no other child: the system then
//! tells exactly what the child used, to its end.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitCode, Stdio};
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};

/// The hidden subcommand: `measure FIGURES PROGRAM ARGUMENT…`.
pub(crate) const WORD: &str = "measure";

/// The cost of a process.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cost {
    /// User and system time, seconds.
    pub(crate) cpu: f64,
    /// From start to end, seconds.
    pub(crate) wall: f64,
    /// The most memory it had, MiB.
    pub(crate) peak: f64,
    /// User and system time of the provider meanwhile, seconds.
    pub(crate) provider: f64,
}

/// The process between: runs the program, and writes its cost.
pub(crate) fn run_one(arguments: &[String]) -> ExitCode {
    let [figures, program, arguments @ ..] = arguments else {
        return ExitCode::from(2);
    };
    let began = Instant::now();
    let Ok(mut child) = Command::new(program).args(arguments).spawn() else {
        return ExitCode::FAILURE;
    };
    if std::fs::write(format!("{figures}.pid"), child.id().to_string()).is_err() {
        return ExitCode::FAILURE;
    }
    let status = child.wait();
    let wall = began.elapsed().as_secs_f64();
    let Ok(usage) = getrusage(UsageWho::RUSAGE_CHILDREN) else {
        return ExitCode::FAILURE;
    };
    let seconds = |time: nix::sys::time::TimeVal| {
        time.tv_sec() as f64 + f64::from(time.tv_usec() as u32) / 1e6
    };
    let cpu = seconds(usage.user_time()) + seconds(usage.system_time());
    let peak = usage.max_rss() as f64 / 1024.0;
    if std::fs::write(figures, format!("{cpu} {wall} {peak}")).is_err() {
        return ExitCode::FAILURE;
    }
    let code = status.ok().and_then(|status| status.code());
    code.map_or(ExitCode::FAILURE, |code| ExitCode::from(code as u8))
}

/// A process that is being measured.
pub(crate) struct Running {
    child: Child,
    figures: PathBuf,
    provider: Option<u32>,
    provider_before: f64,
}

impl Running {
    /// Starts a command. Its output goes to a file, or is read from [`Running::stdout`].
    pub(crate) fn start(
        command: &[String],
        output: Option<&Path>,
        folder: &Path,
        provider: Option<u32>,
    ) -> Running {
        let figures = folder.join("figures");
        let _ = std::fs::remove_file(&figures);
        let me = std::env::current_exe().expect("the name of this program");
        let errors = File::create(folder.join("stderr")).expect("a file for stderr");
        let stdout = match output {
            Some(path) => Stdio::from(File::create(path).expect("a file for the output")),
            None => Stdio::piped(),
        };
        let child = Command::new(me)
            .arg(WORD)
            .arg(&figures)
            .args(command)
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(errors)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
        Running {
            child,
            figures,
            provider,
            provider_before: provider.map_or(0.0, cpu_so_far),
        }
    }

    /// Its output.
    pub(crate) fn stdout(&mut self) -> ChildStdout {
        self.child.stdout.take().expect("stdout is a pipe")
    }

    /// Asks the program to end.
    pub(crate) fn stop(&self) {
        let pid = std::fs::read_to_string(format!("{}.pid", self.figures.display()))
            .expect("the program runs");
        syncrepl_testing::tools::signal(pid.parse().expect("a number"), "TERM");
    }

    /// Waits for its end, and returns its cost. `may_fail`: a signal ended it.
    pub(crate) fn end(mut self, may_fail: bool) -> Cost {
        let status = self.child.wait().expect("waiting for the process");
        let folder = self.figures.parent().expect("a folder").to_owned();
        let complaint = std::fs::read_to_string(folder.join("stderr")).unwrap_or_default();
        assert!(status.success() || may_fail, "it failed: {complaint}");
        let text = std::fs::read_to_string(&self.figures)
            .unwrap_or_else(|error| panic!("no figures: {error}; {complaint}"));
        let mut numbers = text.split(' ').map(|word| word.parse().expect("a number"));
        let mut next = || numbers.next().expect("three numbers");
        let (cpu, wall, peak) = (next(), next(), next());
        Cost {
            cpu,
            wall,
            peak,
            provider: self.provider.map_or(0.0, cpu_so_far) - self.provider_before,
        }
    }
}

/// Runs a command to its end; its output goes to `output`.
pub(crate) fn run(command: &[String], output: &Path, folder: &Path, provider: Option<u32>) -> Cost {
    Running::start(command, Some(output), folder, provider).end(false)
}

/// User and system time of a process that runs, in seconds, to a hundredth.
pub(crate) fn cpu_so_far(pid: u32) -> f64 {
    const TICKS: f64 = 100.0;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process runs");
    // The name in parentheses may hold spaces; user time is the twelfth word after it.
    let rest = stat.rsplit_once(')').expect("a name").1;
    let words: Vec<&str> = rest.split_whitespace().collect();
    let ticks = |index: usize| words[index].parse::<f64>().expect("a number");
    (ticks(11) + ticks(12)) / TICKS
}

/// The median, and the smallest and largest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Spread {
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Spread {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (Some(&least), Some(&most)) = (values.first(), values.last()) else {
            return Spread {
                median: f64::NAN,
                least: f64::NAN,
                most: f64::NAN,
            };
        };
        Spread {
            median: quantile(&values, 0.5),
            least,
            most,
        }
    }
}

/// A quantile of sorted values.
pub(crate) fn quantile(sorted: &[f64], at: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted[(last as f64 * at).round() as usize]
}
