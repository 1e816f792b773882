//! Log lines on stderr.

use crate::console::is_terminal;
use crate::failure::Failure;
use crate::settings::LogFormat;
use tracing_subscriber::EnvFilter;

/// Starts logging. In a process that runs several services, only the first call has an effect.
///
/// # Errors
/// A level that is none.
pub fn start(format: LogFormat, level: &str) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(format!("{level},sqlx=warn,sea_orm_migration=warn")).map_err(|_| {
        Failure::settings("log.level must be a level or filters; write \"info\" or \"info,worker=debug\"")
    })?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(is_terminal());
    // The subscriber would report a closed stderr on stderr, and panic there.
    let lines = lines.log_internal_errors(false);
    let started = match format {
        LogFormat::Json => lines.json().try_init(),
        LogFormat::Text => lines.try_init(),
    };
    drop(started);
    Ok(())
}
