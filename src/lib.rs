//! RankedHonor: the backend for competitive games.
//!
//! `game` decides, `services` order the effects, `backends` and `entities` remember. `schema` holds the nouns of the API,
//! `resolvers` its verbs, `http` is the edge. SQL is the truth; leaderboards, documents and live events are projections fed
//! from the outbox. `docs/architecture.md` walks through it.

pub mod app;
pub mod backends;
pub mod cli;
pub mod config;
pub mod entities;
pub mod error;
pub mod game;
pub mod http;
pub mod resolvers;
pub mod schema;
pub mod services;
pub mod tasks;
pub mod telemetry;
