//! Ids as types, so that a run's id cannot be passed where a dataset's is meant.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    };
}

id!(
    /// A stored dataset.
    DatasetId
);
id!(
    /// Anything in the queue.
    JobId
);
id!(
    /// A training run; the same number as its job's.
    RunId
);
id!(
    /// A stored checkpoint, which is what a model is served from.
    CheckpointId
);
id!(
    /// A measured score of a checkpoint on a dataset.
    EvaluationId
);
id!(
    /// A worker process; fresh at every start.
    WorkerId
);

id!(
    /// Somebody with an account.
    UserId
);
id!(
    /// Those who own something together.
    TeamId
);
id!(
    /// Runs that were queued together.
    SweepId
);
id!(
    /// A secret with which a program acts for a user.
    TokenId
);
id!(
    /// An invitation to become a user.
    InvitationId
);

impl TeamId {
    /// The team of the one local owner, and of whatever was stored before there were accounts.
    pub const LOCAL: Self = Self(Uuid::from_u128(0x0000_0000_0000_7000_8000_0000_0000_0001));
}

impl From<RunId> for JobId {
    fn from(id: RunId) -> Self {
        Self(id.0)
    }
}
