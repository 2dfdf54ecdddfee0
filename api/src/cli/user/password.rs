//! A password typed on a terminal that does not show it, or the first line of other input.

use crate::cli::interrupt;
use anyhow::bail;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::io::{self, BufRead, IsTerminal, StdinLock};

/// Restores the terminal, whatever happens meanwhile.
struct Hidden<'i> {
    input: StdinLock<'i>,
    before: Termios,
}

impl<'i> Hidden<'i> {
    fn new(input: StdinLock<'i>) -> io::Result<Self> {
        let before = tcgetattr(&input)?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&input, OptionalActions::Now, &hidden)?;
        Ok(Self { input, before })
    }
}

impl Drop for Hidden<'_> {
    fn drop(&mut self) {
        // There is nobody left to tell.
        let _ = tcsetattr(&self.input, OptionalActions::Now, &self.before);
    }
}

/// The password, asked for twice on a terminal.
pub(super) fn read(name: &str) -> anyhow::Result<String> {
    let input = io::stdin().lock();
    if !input.is_terminal() {
        return Ok(line(input)?);
    }
    let mut terminal = Hidden::new(input)?;
    let shown = terminal.before.clone();
    interrupt::end_when_asked(move || {
        // There is nobody left to tell.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &shown);
        eprintln!();
    })?;
    eprint!("Password of {name}: ");
    let password = line(&mut terminal.input)?;
    eprint!("\nAgain: ");
    let again = line(&mut terminal.input)?;
    eprintln!();
    if password != again {
        bail!("the two differ");
    }
    Ok(password)
}

fn line(mut input: impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    input.read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
