//! Log lines on stderr.

use crate::console::is_terminal;
use crate::failure::Failure;
use crate::settings::LogFormat;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// Starts logging. In a process that runs several services, only the first call has an effect.
///
/// # Errors
/// A level that is none.
pub fn start(format: LogFormat, level: &str) -> Result<(), Failure> {
    // A word that is no level names a module, so that every other module would be silent.
    let is_level = |part: &str| part.contains('=') || part.parse::<LevelFilter>().is_ok();
    if let Some(word) = level.split(',').map(str::trim).find(|part| !is_level(part)) {
        return Err(Failure::settings(format!(
            "log.level: {word:?} is no level; write error, warn, info, debug or trace, or filters such as \
             \"info,worker=debug\""
        )));
    }
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

/// Logs each panic, as a line of the log and with its place. A literal message is shown too; one that was put together may
/// quote a row.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let message =
            panic.payload().downcast_ref::<&'static str>().copied().unwrap_or("a message that may quote data");
        tracing::error!(place, message, "the program panicked; please report the place");
    }));
}

#[cfg(test)]
mod tests {
    use super::start;
    use crate::settings::LogFormat;

    #[test]
    fn refuses_a_level_that_would_silence_the_log() {
        for level in ["verbose", "info,verbose", "warning", "worker"] {
            let failure = start(LogFormat::Text, level).expect_err(level);
            assert!(failure.message.contains("log.level") && failure.message.contains("debug"), "{}", failure.message);
        }
        for level in ["off", "error", "INFO", "info,worker=debug"] {
            assert!(start(LogFormat::Text, level).is_ok(), "{level}");
        }
    }
}
