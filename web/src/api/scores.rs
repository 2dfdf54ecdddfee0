//! Leaderboards.

use super::{Answer, transport::get};
use hrm_types::{Page, evaluation::LeaderboardRow, ids::DatasetId};

pub(crate) async fn leaderboard(dataset: DatasetId) -> Answer<Page<LeaderboardRow>> {
    get(&format!("/leaderboard?dataset_id={dataset}")).await
}
