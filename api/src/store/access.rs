//! Whose everything is, and who may see it.

use super::Error;
use hrm_types::ids::TeamId;
use sqlx::PgPool;
use uuid::Uuid;

/// Who looks: what is selected for a viewer is what that viewer may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Viewer {
    /// Workers, the command line and the one local owner.
    Everything,
    /// An administrator, who sees everything and is of these teams.
    Administrator(Vec<Uuid>),
    /// A member of these teams: theirs, and what is public.
    Teams(Vec<Uuid>),
}

impl Viewer {
    /// The teams whose objects alone are shown beside public ones; none if all are.
    pub(super) fn teams(&self) -> Option<&[Uuid]> {
        match self {
            Self::Everything | Self::Administrator(_) => None,
            Self::Teams(teams) => Some(teams),
        }
    }

    /// The teams whose objects a name means before it means another's, in this order.
    pub(super) fn own(&self) -> &[Uuid] {
        match self {
            Self::Everything => &[TeamId::LOCAL.0],
            Self::Administrator(teams) | Self::Teams(teams) => teams,
        }
    }

    /// The same viewer, to whom a name means what this team has before all else. Anybody but a member of it gains nothing
    /// by that.
    #[must_use]
    pub fn at_home_in(self, team: TeamId) -> Self {
        let first = |mut teams: Vec<Uuid>| {
            teams.retain(|other| *other != team.0);
            teams.insert(0, team.0);
            teams
        };
        match self {
            Self::Everything => Self::Administrator(vec![team.0]),
            Self::Administrator(teams) => Self::Administrator(first(teams)),
            Self::Teams(teams) if teams.contains(&team.0) => Self::Teams(first(teams)),
            stranger @ Self::Teams(_) => stranger,
        }
    }

    /// Whether both see the same, whatever names mean to them.
    pub fn sees_what(&self, other: &Self) -> bool {
        match (self.teams(), other.teams()) {
            (None, None) => true,
            (Some(ours), Some(theirs)) => {
                ours.iter().all(|team| theirs.contains(team)) && theirs.iter().all(|team| ours.contains(team))
            }
            _ => false,
        }
    }

    /// Whether an object can be read.
    pub fn may_read(&self, object: Owned) -> bool {
        object.public || self.may_change(object)
    }

    /// Whether an object can be changed, as far as it is asked whose it is.
    pub fn may_change(&self, object: Owned) -> bool {
        self.teams().is_none_or(|teams| teams.contains(&object.team.0))
    }
}

/// Whose an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owned {
    /// The team.
    pub team: TeamId,
    /// Whether others may read it.
    pub public: bool,
}

/// Whose the job with this id is, a run's or an evaluation's, too.
pub async fn of_job(pool: &PgPool, id: Uuid) -> Result<Option<Owned>, Error> {
    let row = sqlx::query!("SELECT team_id, public FROM jobs WHERE id = $1", id).fetch_optional(pool).await?;
    Ok(row.map(|row| Owned { team: TeamId(row.team_id), public: row.public }))
}

/// Whose the dataset with this id is.
pub async fn of_dataset(pool: &PgPool, id: Uuid) -> Result<Option<Owned>, Error> {
    let row = sqlx::query!("SELECT team_id, public FROM datasets WHERE id = $1", id).fetch_optional(pool).await?;
    Ok(row.map(|row| Owned { team: TeamId(row.team_id), public: row.public }))
}

/// Whose the sweep with this id is. It is public where one of its runs is.
pub async fn of_sweep(pool: &PgPool, id: Uuid) -> Result<Option<Owned>, Error> {
    let row = sqlx::query!(
        r#"SELECT team_id, EXISTS (SELECT 1 FROM runs JOIN jobs USING (id) WHERE sweep_id = sweeps.id AND jobs.public)
                           AS "public!"
           FROM sweeps WHERE id = $1"#,
        id
    )
    .fetch_optional(pool)
    .await?;
    Ok(row.map(|row| Owned { team: TeamId(row.team_id), public: row.public }))
}

/// Whose the checkpoint with this id is.
pub async fn of_checkpoint(pool: &PgPool, id: Uuid) -> Result<Option<Owned>, Error> {
    let row = sqlx::query!("SELECT team_id, public FROM checkpoints WHERE id = $1", id).fetch_optional(pool).await?;
    Ok(row.map(|row| Owned { team: TeamId(row.team_id), public: row.public }))
}
