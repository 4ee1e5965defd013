//! One binary of integration tests: everything goes through the public API, over real HTTP and WebSockets.
#![recursion_limit = "512"]
#![allow(clippy::unwrap_used, clippy::cast_possible_wrap, missing_docs)]

mod access;
mod accounts;
mod addresses;
mod audit;
mod boards;
mod bounds;
mod censor;
mod config;
mod contract;
mod corrections;
mod crash;
mod documents;
mod drift;
mod events;
mod export;
mod faults;
mod front;
mod game;
mod hostile;
mod joins;
mod league;
mod links;
mod live;
mod moderation;
mod order;
mod origins;
mod pairing;
mod parsers;
mod parties;
mod passwords;
mod play;
mod rates;
mod recovery;
mod reload;
mod replay;
mod rights;
mod seasons;
mod seed;
mod sessions;
mod sharing;
mod simulate;
mod socket;
mod support;
mod traces;
