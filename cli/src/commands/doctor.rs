//! `convosync doctor`

use super::Opened;
use crate::arguments::Output;
use crate::failure::{Code, Failure};
use crate::output::{show, table};
use crate::talk::say;
use entities::doctor::{CHECKS, examine};

/// Looks for contradictions.
pub async fn run(opened: &Opened, output: Output) -> Result<(), Failure> {
    let found = examine(&opened.database, &opened.roster).await?;
    if found.is_empty() {
        say(&format!("nothing found: {}", CHECKS.join(", ")));
        return if output == Output::Json { show(output, &found, |_| table([""])) } else { Ok(()) };
    }
    show(output, &found, |found| {
        let mut rows = table(["check", "what is wrong", "what to do"]);
        for finding in found {
            rows.add_row([finding.check.to_owned(), finding.wrong.clone(), finding.remedy.clone()]);
        }
        rows
    })?;
    Err(Failure::new(Code::Check, format!("{} findings", found.len())))
}
