//! Whether the caller of an answer that goes on may still read it: tokens and sessions end, users are kept out, teams change,
//! and what is public is not so for ever.

use super::{error::ApiError, gate};
use crate::{accounts::Caller, server::AppState, store::access};
use axum::http::HeaderMap;
use hrm_types::{account::Scope, ids::JobId};
use std::time::Duration;
use tokio::time::sleep;

/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Resolves once the caller with these headers may not read any more what he was let in to read: the job, or without one
/// whatever he sees. Somebody who sees other things than before is let in anew.
pub async fn lost(state: AppState, caller: Caller, headers: HeaderMap, job: Option<JobId>) {
    loop {
        sleep(LOOK_EVERY).await;
        match stands(&state, &caller, &headers, job).await {
            Ok(true) => {}
            Ok(false) | Err(ApiError::UnknownToken) => return,
            // Whoever watches waits for a database that is away.
            Err(error) => tracing::debug!(%error, "whether a stream may go on could not be asked"),
        }
    }
}

async fn stands(state: &AppState, caller: &Caller, headers: &HeaderMap, job: Option<JobId>) -> Result<bool, ApiError> {
    let now = gate::identify_again(state, headers).await?;
    let same = |now: &Caller| now.user == caller.user && now.viewer.sees_what(&caller.viewer);
    let Some(now) = now.filter(|now| now.may(Scope::Read) && same(now)) else { return Ok(false) };
    let owned = match job {
        Some(job) => access::of_job(&state.pool, job.0).await?,
        None => None,
    };
    // That a job is gone is noticed by who watches it.
    Ok(owned.is_none_or(|owned| now.viewer.may_read(owned)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        accounts::hash_secret,
        config::RateConfig,
        http::gate::SESSION_COOKIE,
        server::Settings,
        store::{
            credentials::{self, NewToken},
            jobs::Terms,
            runs, teams,
            testing::{TestDatabase, database},
            tests::experiment,
            users::{self, Credentials},
        },
    };
    use axum::http::header;
    use hrm_types::{
        account::{ChangeUser, Role},
        ids::{TeamId, TokenId, UserId},
        run::ChangeRun,
    };

    const HOUR: Duration = Duration::from_hours(1);

    /// A server's state, and a user beside its administrator.
    async fn with_user(db: &TestDatabase) -> (AppState, UserId) {
        users::add(&db.pool, "root", Role::Admin, TeamId::LOCAL, "hash").await.expect("a user");
        let ann = users::add(&db.pool, "ann", Role::Member, TeamId::LOCAL, "hash").await.expect("a user");
        let settings = Settings {
            web_dir: "nowhere".into(),
            public: false,
            proxies: [].into(),
            member_priority: 0,
            rate: RateConfig::DEFAULT,
        };
        (AppState::new(db.pool.clone(), settings), ann)
    }

    async fn token(db: &TestDatabase, user: UserId) -> (TokenId, HeaderMap) {
        let (secret_hash, scopes) = (hash_secret("hrm_secret"), [Scope::Read]);
        let new = NewToken { name: "t", prefix: "hrm_", secret_hash: &secret_hash, scopes: &scopes, length: None };
        let token = credentials::create_token(&db.pool, user, new).await.expect("a token");
        let bearer = "Bearer hrm_secret".parse().expect("a header's value");
        (token.id, HeaderMap::from_iter([(header::AUTHORIZATION, bearer)]))
    }

    async fn caller(state: &AppState, headers: &HeaderMap) -> Caller {
        gate::identify(state, headers).await.expect("an answer").expect("a caller")
    }

    #[tokio::test]
    async fn a_caller_stands_until_the_token_or_the_session_ends_or_the_teams_change() {
        let db = database().await;
        let (state, ann) = with_user(&db).await;
        let (token, headers) = token(&db, ann).await;
        let by_token = caller(&state, &headers).await;
        let secret = hash_secret("session");
        credentials::begin_session(&db.pool, &secret, &Credentials { id: ann, password_hash: "hash".into() }, HOUR)
            .await
            .expect("a session");
        let value = format!("{SESSION_COOKIE}=session").parse().expect("a header's value");
        let cookie = HeaderMap::from_iter([(header::COOKIE, value)]);
        let by_session = caller(&state, &cookie).await;
        let stands = async || {
            let token = stands(&state, &by_token, &headers, None).await;
            let session = stands(&state, &by_session, &cookie, None).await.expect("an answer");
            (matches!(token, Ok(true)), session)
        };
        assert_eq!(stands().await, (true, true));
        let other = teams::create(&db.pool, "other").await.expect("a team").id;
        teams::add_member(&db.pool, other, ann).await.expect("a member");
        assert_eq!(stands().await, (false, false), "there is more to be seen");
        teams::remove_member(&db.pool, other, ann).await.expect("a change");
        assert_eq!(stands().await, (true, true));
        credentials::delete_token(&db.pool, ann, token).await.expect("it ends");
        assert_eq!(stands().await, (false, true));
        let kept_out = ChangeUser { disabled: Some(true), role: None };
        users::change(&db.pool, ann, &kept_out, None).await.expect("a change");
        assert_eq!(stands().await, (false, false));
    }

    #[tokio::test]
    async fn a_caller_stands_whatever_team_names_mean_first() {
        let db = database().await;
        let settings = Settings {
            web_dir: "nowhere".into(),
            public: false,
            proxies: [].into(),
            member_priority: 0,
            rate: RateConfig::DEFAULT,
        };
        let state = AppState::new(db.pool.clone(), settings);
        let mut local = Caller::local();
        local.viewer = local.viewer.at_home_in(TeamId::LOCAL);
        assert!(matches!(stands(&state, &local, &HeaderMap::new(), None).await, Ok(true)));

        let (state, ann) = with_user(&db).await;
        let other = teams::create(&db.pool, "other").await.expect("a team").id;
        teams::add_member(&db.pool, other, ann).await.expect("a member");
        let (_, headers) = token(&db, ann).await;
        let mut caller = caller(&state, &headers).await;
        caller.viewer = caller.viewer.at_home_in(other);
        assert!(matches!(stands(&state, &caller, &headers, None).await, Ok(true)));
    }

    #[tokio::test]
    async fn a_run_that_is_public_no_more_is_no_more_read_by_others() {
        let db = database().await;
        let (state, ann) = with_user(&db).await;
        let (_, headers) = token(&db, ann).await;
        let caller = caller(&state, &headers).await;
        let terms = Terms { team: teams::create(&db.pool, "theirs").await.expect("a team").id, ..Terms::default() };
        let viewer = &access::Viewer::Everything;
        let run = runs::create(&db.pool, viewer, &experiment("theirs"), terms).await.expect("a run").id;
        for public in [true, false] {
            let change = ChangeRun { public: Some(public), ..ChangeRun::default() };
            runs::change(&db.pool, run, &change, None).await.expect("a change");
            let stands = stands(&state, &caller, &headers, Some(run.into())).await.expect("an answer");
            assert_eq!(stands, public);
        }
    }
}
