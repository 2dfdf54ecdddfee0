//! Who has an account, in which team, with which tokens.

use super::{
    Answer,
    transport::{change, get, patch, post},
};
use hrm_types::{
    Page,
    account::{
        ChangeTeam, ChangeUser, CreateInvitation, CreateTeam, CreateToken, CreatedInvitation, CreatedToken, Invitation,
        Me, Team, TeamMember, Token, User,
    },
    ids::{InvitationId, TeamId, TokenId, UserId},
};

pub(crate) async fn get_me() -> Answer<Me> {
    get("/me").await
}

/// Ends the session of this browser.
pub(crate) async fn end_session() -> Answer<()> {
    change("DELETE", "/me/session").await
}

pub(crate) async fn list_tokens() -> Answer<Page<Token>> {
    get("/tokens?limit=100").await
}

pub(crate) async fn create_token(request: &CreateToken) -> Answer<CreatedToken> {
    post("/tokens", request).await
}

pub(crate) async fn end_token(id: TokenId) -> Answer<()> {
    change("DELETE", &format!("/tokens/{id}")).await
}

pub(crate) async fn list_users() -> Answer<Page<User>> {
    get("/users?limit=100").await
}

pub(crate) async fn change_user(id: UserId, wanted: &ChangeUser) -> Answer<User> {
    patch(&format!("/users/{id}"), wanted).await
}

pub(crate) async fn list_invitations() -> Answer<Page<Invitation>> {
    get("/invitations?limit=100").await
}

pub(crate) async fn invite(request: &CreateInvitation) -> Answer<CreatedInvitation> {
    post("/invitations", request).await
}

pub(crate) async fn take_invitation_back(id: InvitationId) -> Answer<()> {
    change("DELETE", &format!("/invitations/{id}")).await
}

pub(crate) async fn list_teams() -> Answer<Page<Team>> {
    get("/teams?limit=100").await
}

pub(crate) async fn create_team(name: &str) -> Answer<Team> {
    post("/teams", &CreateTeam { name: name.to_owned() }).await
}

pub(crate) async fn rename_team(id: TeamId, name: &str) -> Answer<Team> {
    patch(&format!("/teams/{id}"), &ChangeTeam { name: Some(name.to_owned()) }).await
}

pub(crate) async fn delete_team(id: TeamId) -> Answer<()> {
    change("DELETE", &format!("/teams/{id}")).await
}

/// Who is in a team, by name.
pub(crate) async fn list_members(id: TeamId) -> Answer<Page<TeamMember>> {
    get(&format!("/teams/{id}/members?limit=100&order=name")).await
}

/// Adds a user to a team (`PUT`) or takes one out of it (`DELETE`).
pub(crate) async fn change_member(method: &str, team: TeamId, user: UserId) -> Answer<()> {
    change(method, &format!("/teams/{team}/members/{user}")).await
}
