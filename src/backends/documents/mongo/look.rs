//! What an operator asks MongoDB: which version, what time, which indexes are missing.

use mongodb::bson::{Document, doc};

use super::{MongoDocuments, away, rows::indexes};
use crate::error::Result;

impl MongoDocuments {
    /// Which version answers.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE when none does.
    pub async fn version(&self) -> Result<String> {
        let info = async { self.database.run_command(doc! {"buildInfo": 1}).await };
        let info = self.ask("doctor", info).await?;
        Ok(info.get_str("version").unwrap_or_default().to_owned())
    }

    /// MongoDB's own time, in milliseconds since 1970.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE when it does not answer.
    pub async fn now_ms(&self) -> Result<i64> {
        let hello = async { self.database.run_command(doc! {"hello": 1}).await };
        let hello = self.ask("doctor", hello).await?;
        hello.get_datetime("localTime").map(|at| at.timestamp_millis()).map_err(away)
    }

    /// The names of the indexes that are missing.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE when MongoDB does not answer.
    pub async fn missing_indexes(&self) -> Result<Vec<String>> {
        let mut missing = Vec::new();
        for (name, index) in indexes() {
            let collection = self.collection::<Document>(name);
            let there = self.ask("indexes", async { collection.list_index_names().await }).await;
            let wanted = index.options.and_then(|options| options.name).unwrap_or_default();
            if !there.unwrap_or_default().contains(&wanted) {
                missing.push(format!("{name}.{wanted}"));
            }
        }
        Ok(missing)
    }
}
