//! RankedHonor: the backend for competitive games.

pub mod config;
pub mod error;
pub mod game;
pub mod http;
pub mod resolvers;
pub mod services;
