//! Keys: digits, pencil marks, arrows, clearing, undo and redo, Enter.

use super::state::SolveState;
use crate::{
    browser,
    grid::{
        editor::{Arrow, Editor},
        view::cell_id,
    },
};
use leptos::ev::KeyboardEvent;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

/// What a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command {
    Put(u8),
    Mark(u8),
    /// Digits become marks, or digits again.
    Pencil,
    /// And whether the selection grows along.
    Go(Arrow, bool),
    /// Only the cursor's cell stays selected.
    Single,
    Solve,
    Undo,
    Redo,
}

/// The command of a key, by what it writes and by its place (`Digit1`), with Control (or Command on a Mac) and Shift held
/// or not.
fn command(key: &str, code: &str, control: bool, shift: bool) -> Option<Command> {
    let written = one_byte(key).filter(u8::is_ascii_digit);
    // Where the row of digits writes them without Shift, it writes other signs with it, and others on every keyboard: only
    // the place of the key tells the digit. Where it writes them with Shift, as on French keyboards, they are meant.
    let marking = control || shift && written.is_none();
    if let (true, Some(digit @ b'1'..=b'9')) = (marking, code.strip_prefix("Digit").and_then(one_byte)) {
        return Some(Command::Mark(digit - b'0'));
    }
    match (key, control, shift) {
        ("z" | "Z", true, false) => Some(Command::Undo),
        ("y" | "Y", true, false) | ("z" | "Z", true, true) => Some(Command::Redo),
        (_, true, _) => None,
        ("ArrowUp", ..) => Some(Command::Go(Arrow::Up, shift)),
        ("ArrowDown", ..) => Some(Command::Go(Arrow::Down, shift)),
        ("ArrowLeft", ..) => Some(Command::Go(Arrow::Left, shift)),
        ("ArrowRight", ..) => Some(Command::Go(Arrow::Right, shift)),
        ("Home", ..) => Some(Command::Go(Arrow::RowStart, shift)),
        ("End", ..) => Some(Command::Go(Arrow::RowEnd, shift)),
        (" ", ..) => Some(Command::Pencil),
        ("Escape", ..) => Some(Command::Single),
        ("Backspace" | "Delete" | ".", ..) => Some(Command::Put(0)),
        ("Enter", ..) => Some(Command::Solve),
        _ => written.map(|digit| Command::Put(digit - b'0')),
    }
}

fn one_byte(text: &str) -> Option<u8> {
    if let [byte] = text.as_bytes() { Some(*byte) } else { None }
}

/// Where a key was pressed, which decides what it may mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the grid: everything.
    Grid,
    /// Nowhere in particular: everything but moving, which scrolls.
    Page,
    /// On a button that is pressed by Enter and Space: everything else.
    Button,
    /// On a control that has its own keys: undo and redo only.
    Control,
    /// In a field: nothing.
    Field,
}

pub(crate) fn place(target: Option<web_sys::EventTarget>) -> Place {
    let Some(element) = target.and_then(|target| target.dyn_into::<web_sys::Element>().ok()) else {
        return Place::Page;
    };
    let within = |selector: &str| matches!(element.closest(selector), Ok(Some(_)));
    if within("[role=grid]") {
        Place::Grid
    } else if within("input:not([type=range]):not([type=radio]), textarea, select, pre") {
        Place::Field
    } else if within("button") && !within(".player") {
        Place::Button
    } else if within("button, a, input, summary, [role=group]") {
        Place::Control
    } else {
        Place::Page
    }
}

impl Place {
    /// Whether Enter and Space are for what has the focus.
    pub(crate) fn is_pressed(self) -> bool {
        matches!(self, Self::Button | Self::Control)
    }

    /// Whether a command is meant there.
    fn means(self, command: Command) -> bool {
        match self {
            Self::Grid => true,
            Self::Page => !matches!(command, Command::Go(..) | Command::Pencil),
            Self::Button => !matches!(command, Command::Solve | Command::Pencil),
            Self::Control => matches!(command, Command::Undo | Command::Redo),
            Self::Field => false,
        }
    }
}

/// Whether the event belongs to a field of its own.
pub(crate) fn in_field(target: Option<web_sys::EventTarget>) -> bool {
    place(target) == Place::Field
}

/// Does what a key asks for.
pub(super) fn handle(state: SolveState, event: &KeyboardEvent) {
    if event.alt_key() || event.default_prevented() {
        return;
    }
    let control = event.ctrl_key() || event.meta_key();
    let Some(command) = command(&event.key(), &event.code(), control, event.shift_key()) else { return };
    if !place(event.target()).means(command) {
        return;
    }
    event.prevent_default();
    match command {
        Command::Put(digit) => state.put(digit),
        Command::Mark(digit) => state.edit(|editor| editor.mark(digit)),
        Command::Pencil => state.pencil.update(|pencil| *pencil = !*pencil),
        Command::Go(arrow, extending) => state.edit(|editor| editor.go(arrow, extending)),
        Command::Single => state.edit(|editor| editor.select(editor.cursor())),
        Command::Undo => state.edit(Editor::undo),
        Command::Redo => state.edit(Editor::redo),
        Command::Solve => state.ask.solve(None),
    }
    if matches!(command, Command::Put(_) | Command::Mark(_) | Command::Go(..)) {
        browser::focus(&cell_id(state.editor.with_untracked(Editor::cursor)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_button_leaves_the_board_what_does_not_press_it() {
        for command in
            [Command::Put(7), Command::Put(0), Command::Mark(2), Command::Go(Arrow::Up, false), Command::Undo]
        {
            assert!(Place::Button.means(command), "{command:?}");
            assert!(!Place::Field.means(command), "{command:?}");
        }
        assert!(!Place::Button.means(Command::Solve) && !Place::Button.means(Command::Pencil));
        assert!(!Place::Control.means(Command::Put(7)) && !Place::Page.means(Command::Go(Arrow::Up, false)));
    }

    #[test]
    fn keys_and_their_commands() {
        let cases = [
            ("7", false, false, Some(Command::Put(7))),
            ("0", false, false, Some(Command::Put(0))),
            ("Delete", false, false, Some(Command::Put(0))),
            (" ", false, false, Some(Command::Pencil)),
            ("ArrowLeft", false, false, Some(Command::Go(Arrow::Left, false))),
            ("ArrowDown", false, true, Some(Command::Go(Arrow::Down, true))),
            ("Enter", false, false, Some(Command::Solve)),
            ("z", true, false, Some(Command::Undo)),
            ("Z", true, true, Some(Command::Redo)),
            ("y", true, false, Some(Command::Redo)),
            ("5", true, false, None),
            ("v", true, false, None),
            ("F5", false, false, None),
            ("a", false, false, None),
        ];
        for (key, control, shift, expected) in cases {
            assert_eq!(command(key, "", control, shift), expected, "{key}");
        }
        for (key, control, shift) in [("%", false, true), ("5", true, false)] {
            assert_eq!(command(key, "Digit5", control, shift), Some(Command::Mark(5)), "{key}");
        }
        // Without Shift on most keyboards, with it where the row writes other signs first.
        for shift in [false, true] {
            assert_eq!(command("5", "Digit5", false, shift), Some(Command::Put(5)));
            assert_eq!(command("0", "Digit0", false, shift), Some(Command::Put(0)));
            assert_eq!(command("5", "Numpad5", false, shift), Some(Command::Put(5)));
        }
        assert_eq!(command("7", "Digit2", false, true), Some(Command::Put(7)), "what is written counts, not its place");
        assert_eq!(command("(", "Digit5", false, false), None);
        assert_eq!(command("5", "Digit5", true, true), Some(Command::Mark(5)));
        assert_eq!(command("5", "Numpad5", true, false), None);
    }
}
