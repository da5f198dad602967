//! Options about how long to wait. Their defaults suit nearly every server.

use std::time::Duration;

use syncrepl_client::{Builder, Callback};

/// The limits of a connection.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct LimitArgs {
    /// How long to look up a server's name, and then to connect to each of its addresses, the TLS
    /// handshake included [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = parse_interval, hide_short_help = true)]
    connect_timeout: Option<Duration>,

    /// How long to wait for the answer to one request, such as the bind [default: 30s]
    #[arg(long, value_name = "TIME", value_parser = parse_interval, hide_short_help = true)]
    response_timeout: Option<Duration>,

    /// How long the server may be silent in the middle of a refresh [default: 10m]
    #[arg(long, value_name = "TIME", value_parser = parse_interval, hide_short_help = true)]
    refresh_timeout: Option<Duration>,
}

impl LimitArgs {
    pub(crate) fn apply<C: Callback>(&self, mut builder: Builder<C>) -> Builder<C> {
        if let Some(time) = self.connect_timeout {
            builder = builder.connect_timeout(time);
        }
        if let Some(time) = self.response_timeout {
            builder = builder.response_timeout(time);
        }
        if let Some(time) = self.refresh_timeout {
            builder = builder.refresh_timeout(time);
        }
        builder
    }
}

/// How long `follow` waits for a silent or lost server.
#[derive(Debug, Default, Clone, clap::Args)]
pub(crate) struct PatienceArgs {
    /// How long the server may be silent while follow waits for changes, before it is asked for a sign
    /// of life; 0s for never [default: 20s]
    #[arg(long, value_name = "TIME", value_parser = parse_time, hide_short_help = true)]
    pub(crate) heartbeat: Option<Duration>,

    /// The longest wait between two tries of follow [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = parse_interval, hide = true)]
    pub(crate) longest_wait: Option<Duration>,

    /// How long a refused password or certificate may take to be replaced [default: 10m]
    #[arg(long, value_name = "TIME", value_parser = parse_interval, hide = true)]
    pub(crate) refused_for: Option<Duration>,

    /// How long follow has to be up to date before its waits are short again [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = parse_interval, hide = true)]
    pub(crate) good_while: Option<Duration>,
}

/// Reads a time that is not zero, such as 90m, 24h or 7d.
pub(crate) fn parse_interval(text: &str) -> Result<Duration, String> {
    let interval = parse_time(text)?;
    match interval.is_zero() {
        true => Err("the time has to be longer than zero".to_owned()),
        false => Ok(interval),
    }
}

/// Reads a time. The error quotes nothing of the text: a password may stand in the wrong place.
fn parse_time(text: &str) -> Result<Duration, String> {
    use humantime::DurationError;
    humantime::parse_duration(text).map_err(|error| {
        let problem = match error {
            DurationError::NumberExpected(_) => "a number is missing",
            DurationError::UnknownUnit { unit, .. } if unit.is_empty() => {
                "a unit is missing behind the number"
            }
            DurationError::UnknownUnit { .. } => "no unit of time has this name",
            DurationError::NumberOverflow => "the number is too large",
            DurationError::Empty => "it is empty",
            _ => "it is no time",
        };
        format!("{problem}; write it like 90m, 24h or 7d")
    })
}
