//! `convosync doctor`

use super::CommandContext;
use crate::arguments::Output;
use crate::console::say;
use crate::failure::{Code, Failure};
use crate::output::{show, table};
use storage::reports::doctor::{CHECKS, examine};

/// Examines the database for contradictions; fails if there is one.
pub async fn run(context: &CommandContext, output: Output) -> Result<(), Failure> {
    let findings = examine(&context.database, &context.accounts).await?;
    if findings.is_empty() {
        say(&format!("no contradiction found; examined: {}", CHECKS.join(", ")));
        return if output == Output::Json { show(output, &findings, |_| table([""])) } else { Ok(()) };
    }
    show(output, &findings, |findings| {
        let mut rows = table(["check", "problem", "next step"]);
        for finding in findings {
            rows.add_row([finding.check.to_owned(), finding.wrong.clone(), finding.remedy.clone()]);
        }
        rows
    })?;
    Err(Failure::new(Code::Check, format!("{} contradictions found; the table says what to do", findings.len())))
}
