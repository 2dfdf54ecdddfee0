//! What is not the same in all compared runs, side by side.

use hrm_types::comparison::Difference;
use leptos::prelude::*;
use serde_json::Value;

#[component]
pub(super) fn Differences(
    title: &'static str,
    /// What is said where nothing differs.
    none: &'static str,
    differences: Vec<Difference>,
    /// What the runs are called.
    labels: Vec<String>,
) -> impl IntoView {
    let content = if differences.is_empty() {
        view! { <p class="muted">{none}</p> }.into_any()
    } else {
        let heads = labels.into_iter().map(|label| view! { <th scope="col">{label}</th> }).collect_view();
        let rows = differences.iter().map(row).collect_view();
        view! {
            <div class="scrolls" tabindex="0" role="region" aria-label=title>
                <table class="differences side-by-side">
                    <thead>
                        <tr><th scope="col">"What"</th>{heads}</tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        }
        .into_any()
    };
    view! { <section class="compare-differences"><h2>{title}</h2>{content}</section> }
}

fn row(difference: &Difference) -> impl IntoView + use<> {
    let values = difference.values.iter().map(|value| view! { <td>{text(value)}</td> }).collect_view();
    view! { <tr><th scope="row">{difference.path.clone()}</th>{values}</tr> }
}

/// A value as people read it: no quotes, and a dash where there is none.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => "–".into(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(text).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}
