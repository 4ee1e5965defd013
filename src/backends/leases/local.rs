//! Leases within one process, for an embedded database, which has one.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;

use super::Leases;
use crate::error::Result;

/// See the module.
#[derive(Default)]
pub struct LocalLeases {
    held: Mutex<HashMap<String, (String, Instant)>>,
}

#[async_trait]
impl Leases for LocalLeases {
    async fn hold(&self, name: &str, holder: &str, life: Duration) -> Result<bool> {
        let now = Instant::now();
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.get(name).is_some_and(|(other, until)| other != holder && *until > now) {
            return Ok(false);
        }
        held.insert(name.to_owned(), (holder.to_owned(), now + life));
        Ok(true)
    }

    async fn release(&self, name: &str, holder: &str) -> Result<()> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.get(name).is_some_and(|(of, _)| of == holder) {
            held.remove(name);
        }
        Ok(())
    }

    async fn holder(&self, name: &str) -> Result<Option<String>> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let live = held.get(name).filter(|(_, until)| *until > Instant::now());
        Ok(live.map(|(holder, _)| holder.clone()))
    }
}
