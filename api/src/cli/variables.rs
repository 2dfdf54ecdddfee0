//! Settings from the environment: a variable that is set to nothing is as one that is not set, as
//! `HRM_PROXY: ${HRM_PROXY:-}` in a composition means it.

use clap::{Arg, Command, builder::Resettable};
use std::ffi::OsStr;

/// The command, and all below it, without the variables for which `is_empty` says so.
pub(super) fn without_empty(command: Command, is_empty: fn(&OsStr) -> bool) -> Command {
    let ignore = |arg: Arg| match arg.get_env() {
        Some(name) if is_empty(name) => arg.env(Resettable::Reset),
        _ => arg,
    };
    command.mut_args(ignore).mut_subcommands(|command| without_empty(command, is_empty))
}

/// Whether a variable is set to nothing.
pub(super) fn is_empty(name: &OsStr) -> bool {
    std::env::var_os(name).is_some_and(|value| value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{super::Cli, without_empty};
    use clap::CommandFactory;

    #[test]
    fn no_command_asks_for_an_empty_variable() {
        let command = without_empty(Cli::command(), |name| name == "HRM_OWNER_CAP");
        let worker = command.find_subcommand("worker").expect("a command");
        let variables: Vec<_> = worker.get_arguments().filter_map(clap::Arg::get_env).collect();
        assert!(variables.contains(&"HRM_LEASE_SECONDS".as_ref()), "{variables:?}");
        assert!(!variables.contains(&"HRM_OWNER_CAP".as_ref()), "{variables:?}");
    }
}
