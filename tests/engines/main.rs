//! What needs real engines: each test starts its own from the programs that are installed (`tests/engines/install.sh`
//! gets them), on ports and in directories of its own, and stops, freezes and restarts them as it likes.
#![recursion_limit = "512"]
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_wrap,
    clippy::large_futures,
    clippy::print_stdout,
    missing_docs,
    dead_code
)]

#[path = "../it/contract/mod.rs"]
mod contract;
#[path = "../it/crash.rs"]
mod crash;
#[path = "../it/support/mod.rs"]
mod support;

mod accounts;
mod cluster;
mod contracts;
mod engine;
mod instances;
mod live;
mod outages;
mod sql;
mod together;
mod upkeep;
mod wire;
