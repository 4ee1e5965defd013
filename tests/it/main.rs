//! One binary of integration tests: everything goes through the public API, over real HTTP and WebSockets.
#![allow(clippy::unwrap_used, clippy::cast_possible_wrap, missing_docs)]

mod accounts;
mod config;
mod contract;
mod crash;
mod drift;
mod faults;
mod front;
mod game;
mod league;
mod live;
mod play;
mod replay;
mod seasons;
mod seed;
mod socket;
mod support;
