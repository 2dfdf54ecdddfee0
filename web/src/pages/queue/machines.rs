//! Workers: on which machine, with which devices, and what each does now.

use crate::{components::ago::Ago, format, load::Loaded};
use hrm_types::{
    Page,
    worker::{Device, Worker},
};
use leptos::prelude::*;

#[component]
pub(super) fn Machines(workers: Loaded<Page<Worker>>) -> impl IntoView {
    let all =
        Memo::new(move |_| workers.value.with(|page| page.as_ref().map(|page| page.items.clone()).unwrap_or_default()));
    view! {
        <Show when=move || all.with(|all| !all.is_empty())>
            <section class="machines" aria-label="Workers">
                <h2 class="hidden">"Workers"</h2>
                {move || all.get().into_iter().map(worker).collect_view()}
            </section>
        </Show>
    }
}

fn worker(worker: Worker) -> impl IntoView {
    let work = match (worker.run_id, worker.job_id) {
        (Some(run), _) => view! { <a href=format!("/runs/{run}")>"trains a run"</a> }.into_any(),
        (None, Some(_)) => "works on a job".into_any(),
        (None, None) if worker.busy => "works for another team".into_any(),
        (None, None) => view! { <span class="muted">"waits for work"</span> }.into_any(),
    };
    let device = worker.devices.iter().find(|device| device.id == worker.device_id).cloned();
    let others: Vec<Device> = worker.devices.iter().filter(|device| device.id != worker.device_id).cloned().collect();
    let others = (!others.is_empty()).then(|| {
        let names = others.iter().map(described).collect::<Vec<_>>().join("; ");
        view! { <p class="aside">"Also there: "{names}</p> }
    });
    view! {
        <article class="machine">
            <h3>{worker.host.clone()}</h3>
            <p>{device.as_ref().map_or_else(|| worker.device.clone(), described)}</p>
            <p>{work}<span class="aside">"since "<Ago at=worker.started_at />", seen "<Ago at=worker.last_seen /></span></p>
            {others}
        </article>
    }
}

fn described(device: &Device) -> String {
    let threads =
        device.threads.map(|threads| format!(", {}", format::counted(threads.into(), "thread"))).unwrap_or_default();
    let memory = device.memory_bytes as f64 / f64::from(1_u32 << 30);
    format!("{}{threads}, {memory:.0} GiB", device.name)
}
