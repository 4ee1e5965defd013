//! A queue with made-up players: in virtual time, or on a real server. How an operator tries a change of the matchmaking
//! before players feel it.

pub mod bots;
mod crowd;
mod line;
mod report;
mod virtual_time;

pub use self::{
    report::{Figures, Report},
    virtual_time::{Plan, run},
};
