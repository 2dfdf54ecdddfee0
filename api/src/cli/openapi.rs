//! `hrm openapi`: the API's description.
#![expect(clippy::print_stdout, reason = "the document is the command's output")]

use clap::Args;
use hrm_api::server;
use std::process::ExitCode;

/// Print the API's OpenAPI document.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hrm openapi > openapi.json")]
pub(crate) struct Openapi {}

impl Openapi {
    #[expect(clippy::unused_self, reason = "every command is run alike")]
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        println!("{}", server::openapi().to_pretty_json()?);
        Ok(ExitCode::SUCCESS)
    }
}
