//! The models used last, loaded.

use crate::{http::error::ApiError, store};
use hrm_types::{ids::CheckpointId, model::Model};
use sqlx::PgPool;
use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

/// A few loaded models, the one used last in front. A stored checkpoint never changes, so none goes stale.
pub(super) struct Cache {
    capacity: usize,
    loaded: Mutex<VecDeque<(CheckpointId, Arc<hrm_model::Model>)>>,
    /// One load at a time: two requests for a new model must not both load it.
    loading: tokio::sync::Mutex<()>,
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("capacity", &self.capacity).finish_non_exhaustive()
    }
}

impl Cache {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, loaded: Mutex::default(), loading: tokio::sync::Mutex::default() }
    }

    /// The model, loaded from the store if need be.
    pub(super) async fn get(&self, pool: &PgPool, model: &Model) -> Result<Arc<hrm_model::Model>, ApiError> {
        if let Some(found) = self.find(model.id) {
            return Ok(found);
        }
        let _loading = self.loading.lock().await;
        if let Some(found) = self.find(model.id) {
            return Ok(found);
        }
        let bytes = store::artifacts::read(pool, &model.sha256).await?;
        let loaded = tokio::task::spawn_blocking(move || hrm_model::Model::from_bytes(&bytes)).await;
        let loaded = Arc::new(loaded.map_err(ApiError::internal)?.map_err(ApiError::internal)?);
        tracing::info!(model = model.name, id = %model.id, parameters = model.parameters, "loaded");
        self.keep(model.id, Arc::clone(&loaded));
        Ok(loaded)
    }

    fn find(&self, id: CheckpointId) -> Option<Arc<hrm_model::Model>> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let at = loaded.iter().position(|(kept, _)| *kept == id)?;
        let found = loaded.remove(at)?;
        let model = Arc::clone(&found.1);
        loaded.push_front(found);
        Some(model)
    }

    fn keep(&self, id: CheckpointId, model: Arc<hrm_model::Model>) {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        loaded.push_front((id, model));
        loaded.truncate(self.capacity);
    }
}
