//! The rules: pure decisions over values. No async, no clock, no randomness of its own, no storage, no API.

pub mod accounts;
pub mod event;
pub mod ids;
pub mod matches;
pub mod mode;
pub mod pairing;
pub mod penalty;
pub mod rating;
pub mod score;
pub mod season;
pub mod standing;
pub mod time;
