//! Whose everything is, and who may see it.

use super::Error;
use hrm_types::ids::TeamId;
use sqlx::PgPool;
use uuid::Uuid;

/// Who looks: what is selected for a viewer is what that viewer may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Viewer {
    /// Workers, the command line, the one local owner and administrators.
    Everything,
    /// A member of these teams: theirs, and what is public.
    Teams(Vec<Uuid>),
}

impl Viewer {
    /// The teams whose objects alone are shown beside public ones; none if all are.
    pub(super) fn teams(&self) -> Option<&[Uuid]> {
        match self {
            Self::Everything => None,
            Self::Teams(teams) => Some(teams),
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

/// Whose the sweep with this id is.
pub async fn of_sweep(pool: &PgPool, id: Uuid) -> Result<Option<Owned>, Error> {
    let row = sqlx::query!("SELECT team_id, public FROM sweeps WHERE id = $1", id).fetch_optional(pool).await?;
    Ok(row.map(|row| Owned { team: TeamId(row.team_id), public: row.public }))
}

/// Whose the checkpoint with this id is.
pub async fn of_checkpoint(pool: &PgPool, id: Uuid) -> Result<Option<Owned>, Error> {
    let row = sqlx::query!("SELECT team_id, public FROM checkpoints WHERE id = $1", id).fetch_optional(pool).await?;
    Ok(row.map(|row| Owned { team: TeamId(row.team_id), public: row.public }))
}
