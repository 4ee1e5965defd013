//! One binary of integration tests: everything goes through the public API, over real HTTP and WebSockets.
#![recursion_limit = "512"]
#![allow(clippy::unwrap_used, clippy::cast_possible_wrap, missing_docs)]

mod accounts;
mod boards;
mod config;
mod contract;
mod corrections;
mod crash;
mod drift;
mod events;
mod faults;
mod front;
mod game;
mod hostile;
mod league;
mod live;
mod order;
mod pairing;
mod parties;
mod play;
mod reload;
mod replay;
mod seasons;
mod seed;
mod sharing;
mod simulate;
mod socket;
mod support;
mod traces;
