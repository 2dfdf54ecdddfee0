//! The caller of a request.

use crate::store::{access::Viewer, credentials::Identity};
use hrm_types::{
    account::{Role, Scope},
    ids::{TeamId, UserId},
    job::LOCAL,
};

/// How a caller is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Not at all: there are no accounts, and only this machine reaches the server.
    BeingHere,
    /// By a browser's cookie.
    Session,
    /// By a token.
    Token,
}

/// Who asks, and what that one may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The user; none for the one local owner.
    pub user: Option<UserId>,
    /// The user's name, under which jobs are queued.
    pub name: String,
    /// The user's role.
    pub role: Role,
    /// What may be done.
    pub scopes: Vec<Scope>,
    /// What can be read.
    pub viewer: Viewer,
    /// Teams whose member the user is.
    pub teams: Vec<TeamId>,
    /// The team that what is made belongs to; none for a user of no team.
    pub home: Option<TeamId>,
    /// How the caller is known.
    pub by: By,
}

impl Caller {
    /// The one local owner, who may do everything.
    pub fn local() -> Self {
        Self {
            user: None,
            name: LOCAL.into(),
            role: Role::Admin,
            scopes: Scope::ALL.into(),
            viewer: Viewer::Everything,
            teams: vec![TeamId::LOCAL],
            home: Some(TeamId::LOCAL),
            by: By::BeingHere,
        }
    }

    /// A user: a token may do what both it and the user's role allow.
    pub fn known(identity: Identity, by: By) -> Self {
        let Identity { user, name, role, teams, scopes } = identity;
        let allowed = |scope: &Scope| scopes.as_ref().is_none_or(|limit| limit.contains(scope));
        let scopes: Vec<Scope> = role.scopes().iter().copied().filter(allowed).collect();
        // An administrator's token without that scope is a member's.
        let own = teams.iter().map(|team| team.0).collect();
        let viewer = if scopes.contains(&Scope::Admin) { Viewer::Administrator(own) } else { Viewer::Teams(own) };
        Self { user: Some(user), name, role, scopes, viewer, home: teams.first().copied(), teams, by }
    }

    /// Whether that may be done.
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_token_may_do_what_both_it_and_its_user_may() {
        use Scope::{Admin, Read, Solve, Write};
        let caller = |role, scopes: Option<&[Scope]>| {
            let teams = vec![TeamId::LOCAL];
            let scopes = scopes.map(<[Scope]>::to_vec);
            let identity = Identity { user: UserId(Uuid::nil()), name: "ann".into(), role, teams, scopes };
            Caller::known(identity, By::Token)
        };
        assert_eq!(caller(Role::Viewer, Some(&[Read, Write])).scopes, [Read]);
        assert_eq!(caller(Role::Member, None).scopes, [Read, Solve, Write]);
        assert_eq!(caller(Role::Member, Some(&[Admin])).scopes, []);
        assert_eq!(caller(Role::Admin, None).viewer, Viewer::Administrator(vec![TeamId::LOCAL.0]));
        assert_eq!(caller(Role::Admin, Some(&[Read])).viewer, Viewer::Teams(vec![TeamId::LOCAL.0]));
    }
}
