//! Where chunks' bodies lie, if not in the database.

use crate::store::bodies::Place;
use clap::Args;

/// The object store.
#[derive(Debug, Clone, Args)]
pub struct ObjectsConfig {
    /// Move the bytes of stored files to this folder or bucket: `file:///FOLDER`, or `s3://BUCKET/PREFIX` in a program
    /// built with the feature `s3`; the folder must be there [default: they stay in the database]
    ///
    /// They can be read without this setting, and stay where they are when it changes. Credentials are in AWS_* variables.
    #[arg(long, env = "HRM_OBJECT_STORE", value_name = "ADDRESS", value_parser = Place::there)]
    pub object_store: Option<Place>,
}

impl ObjectsConfig {
    /// The variables that make another process move them to the same place.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        self.object_store.iter().map(|place| ("HRM_OBJECT_STORE", place.to_string())).collect()
    }
}
