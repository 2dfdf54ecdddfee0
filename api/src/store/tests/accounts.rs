//! Accounts: who a secret stands for, and how long.

use crate::{
    accounts::{Secret, hash_secret},
    store::{
        Error,
        access::{self, Owned, Viewer},
        credentials::{self, NewToken},
        editions,
        invitations::{self, NewInvitation},
        jobs::Terms,
        runs,
        slices::Slice,
        sweeps, teams,
        testing::{TestDatabase, database},
        users::{self, Credentials},
        wishes,
    },
};
use futures_util::future::join_all;
use hrm_types::{
    account::{ChangeUser, Role, Scope},
    ids::{TeamId, UserId},
    run::ChangeRun,
};
use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);

async fn user(db: &TestDatabase, name: &str, role: Role) -> UserId {
    users::add(&db.pool, name, role, TeamId::LOCAL, "hash").await.expect("a user")
}

#[tokio::test]
async fn names_are_taken_in_any_case() {
    let db = database().await;
    assert!(!users::exist(&db.pool).await.expect("an answer"));
    let ann = user(&db, "Ann", Role::Admin).await;
    assert!(users::exist(&db.pool).await.expect("an answer"));
    let taken = users::add(&db.pool, "ANN", Role::Member, TeamId::LOCAL, "hash").await;
    assert!(matches!(taken, Err(Error::Conflict { constraint, .. }) if constraint == "users_name_key"));
    let found = users::find(&db.pool, "ann").await.expect("the user");
    assert_eq!((found.id, found.name.as_str(), found.teams[0].name.as_str()), (ann, "Ann", "local"));
    assert_eq!(users::find(&db.pool, &ann.to_string()).await.expect("the user"), found);
    assert_eq!(users::credentials(&db.pool, "aNN").await.expect("an answer").expect("credentials").id, ann);
}

#[tokio::test]
async fn sessions_and_tokens_end_with_their_time_or_with_their_user() {
    let db = database().await;
    user(&db, "root", Role::Admin).await;
    let ann = user(&db, "ann", Role::Member).await;
    let secret = Secret::new().expect("a secret");
    let session = async || credentials::of_session(&db.pool, &secret.hash()).await.expect("an answer");
    let shown = |password_hash: &str| Credentials { id: ann, password_hash: password_hash.into() };
    let begin = async |shown, length| credentials::begin_session(&db.pool, &secret.hash(), &shown, length).await;
    let changed = begin(shown("another"), HOUR).await;
    assert!(matches!(changed, Err(Error::NotFound { .. })), "the password was changed meanwhile: {changed:?}");
    begin(shown("hash"), Duration::ZERO).await.expect("a session");
    assert_eq!(session().await, None, "it is over at once");
    begin(shown("hash"), HOUR).await.expect("the old one is dropped");
    let identity = session().await.expect("a session");
    assert_eq!((identity.user, identity.role, identity.scopes), (ann, Role::Member, None));
    assert_eq!(identity.teams, [TeamId::LOCAL]);

    let make = async |name, length| {
        let secret_hash = hash_secret(name);
        let new = NewToken { name, prefix: "hrm_", secret_hash: &secret_hash, scopes: &[Scope::Read], length };
        credentials::create_token(&db.pool, ann, new).await.expect("a token")
    };
    let of = async |name| credentials::of_token(&db.pool, &hash_secret(name)).await.expect("an answer");
    make("over", Some(Duration::ZERO)).await;
    make("lasting", Some(HOUR)).await;
    let eternal = make("eternal", None).await;
    assert_eq!(of("over").await, None);
    assert_eq!(of("lasting").await.expect("a token").scopes, Some(vec![Scope::Read]));
    assert_eq!(of("eternal").await.expect("a token").user, ann);
    let listed = credentials::list_tokens(&db.pool, ann, &Slice::newest(2)).await.expect("a page");
    assert_eq!((listed.items.len(), listed.items[0].id), (2, eternal.id));
    assert!(listed.items[0].last_used_at.is_some() && listed.next_cursor.is_some());

    let kept_out = ChangeUser { disabled: Some(true), role: None };
    users::change(&db.pool, ann, &kept_out, None).await.expect("a change");
    assert_eq!((session().await, of("lasting").await), (None, None));
    assert!(users::credentials(&db.pool, "ann").await.expect("an answer").is_none());
    let back = ChangeUser { disabled: Some(false), role: None };
    users::change(&db.pool, ann, &back, None).await.expect("a change");
    assert_eq!(session().await, None, "the session has ended for good");
    assert!(of("lasting").await.is_some());
}

#[tokio::test]
async fn an_administrator_is_always_left() {
    let db = database().await;
    let root = user(&db, "root", Role::Admin).await;
    for change in
        [ChangeUser { role: Some(Role::Member), disabled: None }, ChangeUser { role: None, disabled: Some(true) }]
    {
        let refused = users::change(&db.pool, root, &change, None).await;
        assert!(matches!(refused, Err(Error::Conflict { .. })), "{refused:?}");
    }
    user(&db, "other", Role::Admin).await;
    users::change(&db.pool, root, &ChangeUser { role: Some(Role::Viewer), disabled: None }, None)
        .await
        .expect("a change");
    assert_eq!(users::find(&db.pool, "root").await.expect("the user").role, Role::Viewer);
}

#[tokio::test]
async fn an_invitation_makes_one_user_in_its_time() {
    let db = database().await;
    let invite = async |name, code, length| {
        let new = NewInvitation { name, role: Role::Viewer, team: TeamId::LOCAL, length };
        invitations::create(&db.pool, &hash_secret(code), new).await
    };
    invite("late", "late", Duration::ZERO).await.expect("an invitation");
    let refused = invitations::accept(&db.pool, &hash_secret("late"), "hash").await;
    assert!(matches!(refused, Err(Error::NotFound { .. })));
    invite("ann", "code", HOUR).await.expect("an invitation");
    let second = invite("ANN", "second", HOUR).await;
    assert!(matches!(&second, Err(Error::Conflict { detail, .. }) if detail.contains("is open")), "{second:?}");
    assert_eq!(
        invitations::list(&db.pool, &Slice::newest(10)).await.expect("a page").items.len(),
        1,
        "the other is over"
    );
    let ann = invitations::accept(&db.pool, &hash_secret("code"), "hash").await.expect("a user");
    assert_eq!(users::find(&db.pool, "ann").await.expect("the user").id, ann);
    let again = invitations::accept(&db.pool, &hash_secret("code"), "hash").await;
    assert!(matches!(again, Err(Error::NotFound { .. })));
    assert!(matches!(invite("Ann", "other", HOUR).await, Err(Error::Conflict { .. })));
}

#[tokio::test]
async fn a_team_is_renamed_and_is_deleted_when_it_owns_nothing() {
    let db = database().await;
    let pool = &db.pool;
    let constraint = |refused: Result<_, Error>| match refused {
        Err(Error::Conflict { constraint, detail }) => (constraint, detail),
        other => panic!("expected a conflict, found {other:?}"),
    };
    let ann = user(&db, "ann", Role::Member).await;
    let [first, second] = [teams::create(pool, "Puzzlers").await, teams::create(pool, "others").await];
    let [first, second] = [first.expect("a team").id, second.expect("a team").id];
    assert_eq!(constraint(teams::create(pool, "puzzlerS").await).0, "teams_name_key");
    assert_eq!(constraint(teams::rename(pool, second, "PUZZLERS").await).0, "teams_name_key");
    assert_eq!(teams::named(pool, "puzzlers").await.expect("the team").id, first);
    assert_eq!(teams::rename(pool, first, "puzzlers").await.expect("its own name, in another case").name, "puzzlers");
    assert_eq!(constraint(teams::rename(pool, TeamId::LOCAL, "mine").await).0, "teams_local");

    teams::add_member(pool, first, ann).await.expect("a membership");
    let members = async |team| {
        let page = teams::members(pool, team, &Slice::newest(9)).await.expect("members");
        page.items.into_iter().map(|member| (member.id, member.name, member.role)).collect::<Vec<_>>()
    };
    assert_eq!(members(first).await, [(ann, "ann".into(), Role::Member)]);
    assert_eq!(members(second).await, []);
    let terms = Terms { team: first, ..Terms::default() };
    let run = runs::create(pool, &Viewer::Everything, &super::experiment("theirs"), terms).await.expect("a run");
    let (_, detail) = constraint(teams::delete(pool, first).await.map(|()| unreachable!("it owns a run")));
    assert_eq!(detail, "this team owns runs or other jobs; delete those first, on the page or by the API");
    assert_eq!(members(first).await.len(), 1, "nobody has left it");
    let other = super::sweep(pool, "theirs", &[super::experiment("swept")], terms).await;
    sweeps::request_cancel(pool, other.id).await.expect("an end");
    wishes::delete(pool, other.runs[0].id.into()).await.expect("the sweep's last run goes");
    wishes::request_cancel(pool, run.id.into()).await.expect("an end");
    runs::delete(pool, run.id).await.expect("the run goes");
    teams::delete(pool, first).await.expect("the team goes");
    assert!(matches!(teams::delete(pool, first).await, Err(Error::NotFound { .. })));
    assert_eq!(users::find(pool, "ann").await.expect("the user").teams.len(), 1, "the local one");
    assert!(matches!(teams::delete(pool, TeamId::LOCAL).await, Err(Error::Conflict { .. })));
}

#[tokio::test]
async fn what_a_team_queues_is_seen_by_it_alone() {
    let db = database().await;
    let team = teams::create(&db.pool, "theirs").await.expect("a team").id;
    let terms = Terms { team, ..Terms::default() };
    let experiment = super::experiment("theirs");
    let run = runs::create(&db.pool, &Viewer::Everything, &experiment, terms).await.expect("a run");
    let owned = access::of_job(&db.pool, run.id.0).await.expect("an answer").expect("a job");
    assert_eq!(owned, Owned { team, public: false });
    let seen = async |viewer: Viewer| {
        let page = runs::list(&db.pool, &viewer, runs::RunFilter::default(), &Slice::newest(10)).await.expect("a page");
        (page.items.len(), viewer.may_read(owned), viewer.may_change(owned))
    };
    assert_eq!(seen(Viewer::Everything).await, (1, true, true));
    assert_eq!(seen(Viewer::Teams(vec![team.0])).await, (1, true, true));
    assert_eq!(seen(Viewer::Teams(vec![TeamId::LOCAL.0])).await, (0, false, false));
    let public = Owned { public: true, ..owned };
    let other = Viewer::Teams(vec![]);
    assert_eq!((other.may_read(public), other.may_change(public)), (true, false));
}

#[tokio::test]
async fn of_many_who_change_one_edition_at_once_one_does() {
    let db = database().await;
    let ann = user(&db, "ann", Role::Member).await;
    user(&db, "root", Role::Admin).await;
    let seen = editions::of_user(&db.pool, ann).await.expect("an edition");
    let change = ChangeUser { role: Some(Role::Viewer), disabled: None };
    // More than there are connections: whoever waits for another one must not hold what that one waits for.
    let changes = (0..40).map(|_| users::change(&db.pool, ann, &change, Some(seen)));
    let changed = join_all(changes).await;
    assert_eq!(changed.iter().filter(|changed| changed.is_ok()).count(), 1, "{changed:?}");
    assert!(changed.iter().all(|changed| matches!(changed, Ok(()) | Err(Error::Stale))), "{changed:?}");

    let run = super::queue(&db.pool, "run").await.id;
    for round in 0..8 {
        let seen = editions::of_run(&db.pool, run).await.expect("an edition");
        let notes = |number: u32| ChangeRun { notes: Some(format!("{round} {number}")), ..ChangeRun::default() };
        let changes = (0..4).map(async |number| runs::change(&db.pool, run, &notes(number), Some(seen)).await);
        let changed = join_all(changes).await;
        assert_eq!(changed.iter().filter(|changed| changed.is_ok()).count(), 1, "round {round}: {changed:?}");
    }
}
