//! Tokens: with which programs come in, what each may do, and the form that makes one.

use super::secret::Secret;
use crate::{
    api,
    components::{
        ago::Ago,
        confirm::Confirm,
        field::{TextField, number},
        problem::{Problems, Waiting},
        submission::Submission,
    },
    load::{self, Loaded},
};
use hrm_types::{
    Page,
    account::{CreateToken, Scope, Token},
    problem::Problem,
};
use leptos::{prelude::*, task::spawn_local};

/// What each scope allows.
fn words(scope: Scope) -> &'static str {
    match scope {
        Scope::Read => "look at what is stored",
        Scope::Solve => "have puzzles solved",
        Scope::Write => "make, change and delete",
        Scope::Admin => "manage people and teams",
    }
}

/// The caller's tokens; new ones may have any of `scopes`.
#[component]
pub(super) fn Tokens(scopes: Vec<Scope>) -> impl IntoView {
    let tokens = load::load(api::team::list_tokens);
    let list = move || {
        tokens.value.with(|page| match page {
            None => view! { <Waiting /> }.into_any(),
            Some(page) if page.items.is_empty() => {
                view! { <p class="muted">"No program has a token of yours."</p> }.into_any()
            }
            Some(page) => table(&page.items, tokens).into_any(),
        })
    };
    view! {
        <section class="part" aria-labelledby="tokens-title">
            <h2 id="tokens-title">"Your tokens"</h2>
            <p class="muted">"A program sends one as "<code>"authorization: Bearer hrm_…"</code>" and may do what both the token and you may."</p>
            <Problems of=tokens.problem />
            {list}
            <Make scopes tokens />
        </section>
    }
}

fn table(tokens: &[Token], all: Loaded<Page<Token>>) -> impl IntoView + use<> {
    let refused = RwSignal::new(None::<Problem>);
    let row = |token: &Token| {
        let (id, name) = (token.id, token.name.clone());
        let end = move || {
            spawn_local(async move {
                refused.try_set(api::team::end_token(id).await.err().map(|problem| *problem));
                all.refresh();
            });
        };
        let scopes = token.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(", ");
        let moment = |at: Option<time::OffsetDateTime>, none: &'static str| match at {
            Some(at) => view! { <Ago at /> }.into_any(),
            None => none.into_any(),
        };
        let question = Signal::stored(format!("End {name} at once and for good?"));
        view! {
            <tr>
                <th scope="row">{token.name.clone()}<span class="aside"><code>{token.prefix.clone()}"…"</code></span></th>
                <td data-label="May">{scopes}</td>
                <td data-label="Used">{moment(token.last_used_at, "never")}</td>
                <td data-label="Ends">{token.expires_at.map_or_else(|| "never".into(), until)}</td>
                <td class="right"><Confirm label="End" about=token.name.clone() question act=end /></td>
            </tr>
        }
    };
    view! {
        <Problems of=refused />
        <table class="rows team-rows">
            <thead>
                <tr>
                    <th scope="col">"Token"</th>
                    <th scope="col">"May"</th>
                    <th scope="col">"Used"</th>
                    <th scope="col">"Ends"</th>
                    <th scope="col"><span class="hidden">"End it"</span></th>
                </tr>
            </thead>
            <tbody>{tokens.iter().map(row).collect_view()}</tbody>
        </table>
    }
}

/// The day until which something lasts, in words.
pub(super) fn until(at: time::OffsetDateTime) -> String {
    crate::format::exact(at, crate::clock::offset_at(at)).split(' ').next().unwrap_or_default().to_owned()
}

/// The form that makes a token, and the token it made.
#[component]
fn Make(scopes: Vec<Scope>, tokens: Loaded<Page<Token>>) -> impl IntoView {
    let (name, days) = (RwSignal::new(String::new()), RwSignal::new("90".to_owned()));
    let wanted = RwSignal::new(vec![Scope::Read, Scope::Solve]);
    let (sent, made) = (Submission::new(), RwSignal::new(None::<String>));
    let refusal = sent.refusal;
    let submit = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        if !sent.begin() {
            return;
        }
        made.set(None);
        let days = match days.with_untracked(|days| number(days)) {
            Ok(days) => days.unwrap_or(90),
            Err(problem) => return refusal.at("days", problem),
        };
        let request = CreateToken { name: name.get_untracked().trim().into(), scopes: wanted.get_untracked(), days };
        sent.send(async move { api::team::create_token(&request).await }, move |created| {
            made.set(Some(created.secret));
            name.set(String::new());
            tokens.refresh();
        });
    };
    let scope = move |scope: Scope| {
        let change = move |event: web_sys::Event| {
            let on = event_target_checked(&event);
            wanted.update(|wanted| {
                wanted.retain(|other| *other != scope);
                if on {
                    wanted.push(scope);
                }
            });
        };
        view! {
            <label class="check">
                <input type="checkbox" prop:checked=move || wanted.with(|wanted| wanted.contains(&scope)) on:change=change />
                {format!("{}: {}", scope.as_str(), words(scope))}
            </label>
        }
    };
    let wrong_scopes = refusal.of("scopes");
    view! {
        <h3>"Make a token"</h3>
        <form class="line" on:submit=submit>
            <TextField id="token-name" label="What it is for" value=name wrong=refusal.of("name") placeholder="notebook" />
            <TextField id="token-days" label="Days until it ends" value=days number=true wrong=refusal.of("days") hint="1 to 3,650" />
            <fieldset class="field scopes" class:invalid=move || wrong_scopes.with(Option::is_some)>
                <legend>"What it may do"</legend>
                {scopes.into_iter().map(scope).collect_view()}
                <p class="hint">{wrong_scopes}</p>
            </fieldset>
            <div class="line-end">
                <button type="submit" class="primary" aria-disabled=move || sent.busy().to_string()>"Make it"</button>
            </div>
        </form>
        <Problems of=refusal.beside(&["name", "days", "scopes"]) />
        <Secret title="The new token" made note="It is shown this once and not kept: put it where the program reads it." />
    }
}
