//! A file that is chosen, sent with its progress, and checked by the server.

use super::field::lead_to;
use crate::{
    api::{Answer, upload::Upload},
    format,
};
use leptos::{html, prelude::*, task::spawn_local};
use serde::de::DeserializeOwned;
use web_sys::File;

/// The most that the server takes, bytes.
const MOST: f64 = 256.0 * 1024.0 * 1024.0;

/// A file field and what is sent from it.
#[derive(Clone, Copy)]
pub(crate) struct Sending {
    input: NodeRef<html::Input>,
    /// The share that was sent; nothing while nothing is.
    share: RwSignal<Option<f64>>,
    /// The name that the newest file has suggested.
    suggested: RwSignal<String>,
    upload: StoredValue<Option<Upload>, LocalStorage>,
}

impl Sending {
    /// Nothing chosen yet. What is on its way when the page is left is taken back.
    pub(crate) fn new() -> Self {
        let upload = StoredValue::new_local(None);
        on_cleanup(move || drop(upload.try_update_value(Option::take)));
        Self { input: NodeRef::new(), share: RwSignal::new(None), suggested: RwSignal::new(String::new()), upload }
    }

    /// Whether a file is on its way.
    pub(crate) fn busy(self) -> bool {
        self.share.with(Option::is_some)
    }

    /// The chosen file, or what is wrong with the choice.
    pub(crate) fn file(self) -> Result<File, String> {
        let files = self.input.get_untracked().and_then(|input| input.files());
        let file = files.and_then(|files| files.get(0)).ok_or("choose a file first")?;
        if file.size() > MOST {
            let size = format::bytes(file.size() as u64);
            return Err(format!("expected at most 256 MiB, found {size}; `hrm data import` takes larger ones"));
        }
        Ok(file)
    }

    /// Calls what is in the file by the file's name, as long as nobody has called it something else.
    pub(crate) fn suggest(self, name: RwSignal<String>) {
        let Ok(file) = self.file() else { return };
        let stem = file.name().split('.').next().unwrap_or_default().to_owned();
        if name.with_untracked(|name| name.is_empty() || self.suggested.with_untracked(|before| before == name)) {
            self.suggested.set(stem.clone());
            name.set(stem);
        }
    }

    /// Sends a file; `done` gets what came back.
    pub(crate) fn send<T: DeserializeOwned + 'static>(
        self,
        path: &str,
        file: &File,
        content_type: &str,
        done: impl FnOnce(Answer<T>) + 'static,
    ) {
        self.share.set(Some(0.0));
        match Upload::begin(path, file, content_type, Box::new(move |share| _ = self.share.try_set(Some(share)))) {
            Err(problem) => {
                self.share.set(None);
                done(Err(problem));
            }
            Ok((upload, answer)) => {
                self.upload.set_value(Some(upload));
                spawn_local(async move {
                    let answer = answer.await;
                    // Where it was taken back, nobody waits for what came of it.
                    if self.share.try_update(Option::take).flatten().is_some() {
                        self.upload.try_update_value(Option::take);
                        done(answer);
                    }
                });
            }
        }
    }

    fn take_back(self) {
        self.share.set(None);
        self.upload.update_value(|upload| drop(upload.take()));
    }
}

/// A file field named `label`; `chosen` is called when a file is.
#[component]
pub(crate) fn FileField(
    /// The element's id, unique on the page.
    id: &'static str,
    label: &'static str,
    /// Endings of files that make sense, such as `.csv,.gz`.
    accept: &'static str,
    sending: Sending,
    #[prop(into)] wrong: Signal<Option<String>>,
    hint: &'static str,
    chosen: impl Fn() + Copy + 'static,
) -> impl IntoView {
    let below = format!("{id}-hint");
    lead_to(id, wrong);
    view! {
        <div class="field" class:invalid=move || wrong.with(Option::is_some)>
            <label for=id>{label}</label>
            <input
                id=id
                type="file"
                accept=accept
                node_ref=sending.input
                aria-describedby=below.clone()
                aria-invalid=move || wrong.with(Option::is_some).then_some("true")
                on:change=move |_| chosen()
            />
            <p class="hint" id=below>{move || wrong.get().unwrap_or_else(|| hint.into())}</p>
        </div>
    }
}

/// How much of a file was sent, and a way to take it back; room for both while nothing is on its way.
#[component]
pub(crate) fn SendingProgress(sending: Sending) -> impl IntoView {
    let percent = Memo::new(move |_| sending.share.get().map(|share| (share * 100.0).floor() as u32));
    let said = move || match percent.get() {
        None => String::new(),
        Some(100) => "Sent. The server checks it …".into(),
        Some(percent) => format!("{percent} % sent"),
    };
    view! {
        <div class="sending">
            <span class="bar" role="progressbar" aria-label="Share of the file that was sent" aria-valuemin="0" aria-valuemax="100"
                aria-valuenow=move || percent.get().unwrap_or(0).to_string()
                hidden=move || percent.get().is_none()>
                <i style:width=move || format!("{}%", percent.get().unwrap_or(0))></i>
            </span>
            <span class="hint" role="status">{said}</span>
            <Show when=move || sending.busy()>
                <button type="button" class="quiet" on:click=move |_| sending.take_back()>"Stop"</button>
            </Show>
        </div>
    }
}
