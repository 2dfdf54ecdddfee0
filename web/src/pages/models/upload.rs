//! The form that takes a checkpoint from a file.

use crate::{
    api::{self, Answer},
    components::{
        field::{Refusal, TextField},
        file::{FileField, Sending, SendingProgress},
        problem::Problems,
    },
    working_team::ForTeam,
};
use hrm_types::model::Model;
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;

/// The form; shows the model once it is stored.
#[component]
pub(super) fn Upload() -> impl IntoView {
    let (sending, refusal, name) = (Sending::new(), Refusal::new(), RwSignal::new(String::new()));
    let navigate = use_navigate();
    let submit = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        refusal.clear();
        if sending.busy() {
            return;
        }
        let file = match sending.file() {
            Ok(file) => file,
            Err(problem) => return refusal.at("file", problem),
        };
        let navigate = navigate.clone();
        let path = api::models::upload_path(name.get_untracked().trim());
        sending.send(&path, &file, "application/octet-stream", move |answer: Answer<Model>| match answer {
            Ok(model) => navigate(&format!("/models/{}", model.id), leptos_router::NavigateOptions::default()),
            Err(problem) => refusal.set(*problem),
        });
    };
    // The file's name is a good first name for the model.
    let chosen = move || {
        refusal.clear();
        sending.suggest(name);
    };
    view! {
        <section class="below" aria-labelledby="upload-title">
            <h2 id="upload-title">"Upload a checkpoint"</h2>
            <p class="muted">
                "A file that "<code>"hrm train"</code>" or a download from another lab has written. Every weight is compared with what the file's own settings ask for."
            </p>
            <form class="line" on:submit=submit>
                <FileField id="checkpoint" label="File" accept=".safetensors" sending wrong=refusal.of("file") hint="safetensors, at most 256 MiB" chosen />
                <TextField id="upload-name" label="Name" value=name wrong=refusal.of("name") />
                <div class="line-end"><button type="submit" class="primary" aria-disabled=move || sending.busy().to_string()>"Upload"</button></div>
            </form>
            <ForTeam />
            <SendingProgress sending />
            <Problems of=refusal.beside(&["file", "name"]) />
        </section>
    }
}
