//! Where the server listens and what it serves.

use clap::Args;
use std::{net::SocketAddr, path::PathBuf};
use thiserror::Error;

/// The server.
#[derive(Debug, Clone, Args)]
pub struct ServerConfig {
    /// Address and port to listen on
    #[arg(long, env = "HRM_BIND", value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    pub bind: SocketAddr,

    /// Folder of the built page [default: web/dist of the checkout that the program is in]
    #[arg(long, env = "HRM_WEB_DIR", value_name = "FOLDER")]
    pub web_dir: Option<PathBuf>,

    /// Start no worker; queued runs wait until some `hrm worker` takes them
    #[arg(long)]
    pub no_worker: bool,

    /// Allow an address that other machines can reach, though everybody who reaches it may do everything
    #[arg(long, env = "HRM_ALLOW_PUBLIC", hide = true, value_parser = clap::builder::FalseyValueParser::new())]
    pub allow_public: bool,
}

/// A refused address.
#[derive(Debug, Error)]
#[error(
    "expected a loopback address, found {0}: there are no accounts yet, so everybody who can reach it could do \
     everything; listen on 127.0.0.1, or set HRM_ALLOW_PUBLIC=1 if the network itself is trusted"
)]
pub struct UnsafeBind(SocketAddr);

impl ServerConfig {
    /// Whether other machines may reach the server.
    ///
    /// # Errors
    /// When they could and that was not allowed expressly.
    pub fn public(&self) -> Result<bool, UnsafeBind> {
        let public = !self.bind.ip().is_loopback();
        if public && !self.allow_public { Err(UnsafeBind(self.bind)) } else { Ok(public) }
    }

    /// The page's folder: the given one, else `web/dist` in an ancestor of the program, as in a checkout,
    /// else in the working folder.
    pub fn web_dir(&self) -> PathBuf {
        let beside_program = || {
            let program = std::env::current_exe().ok()?;
            program.ancestors().skip(1).map(|dir| dir.join("web/dist")).find(|dir| dir.is_dir())
        };
        self.web_dir.clone().or_else(beside_program).unwrap_or_else(|| "web/dist".into())
    }
}
