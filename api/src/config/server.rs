//! Where the server listens and what it serves.

use super::RateConfig;
use clap::Args;
use hrm_types::job::PRIORITIES;
use ipnet::IpNet;
use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

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

    /// Proxies that are believed when they say, in X-Forwarded-For, whom they ask for: addresses and networks, e.g.
    /// 127.0.0.1,172.16.0.0/12; without it all who come through a proxy share its limit of sign-ins, and on 127.0.0.1 the
    /// server answers under loopback's names alone
    #[arg(long, env = "HRM_PROXY", value_name = "NETWORKS", value_delimiter = ',', value_parser = network)]
    pub proxy: Vec<IpNet>,

    /// The highest priority that others than administrators may give a job, -100 to 100; jobs of higher priority go first
    /// and make running ones give way
    #[arg(long, env = "HRM_MEMBER_PRIORITY", value_name = "N", default_value_t = *PRIORITIES.end())]
    #[arg(allow_negative_numbers = true, value_parser = clap::value_parser!(i16).range(-100..=100))]
    pub member_priority: i16,

    /// How often a caller may ask
    #[command(flatten)]
    pub rate: RateConfig,
}

/// An address or a network.
fn network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    network.map_err(|_| "expected an address such as 10.0.0.7 or a network such as 172.16.0.0/12".into())
}

impl ServerConfig {
    /// Whether other machines may reach the server, by themselves or through a proxy, for which there must be accounts.
    pub fn public(&self) -> bool {
        !self.bind.ip().is_loopback() || !self.proxy.is_empty()
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
