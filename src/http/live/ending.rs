//! Why a connection ends, which a client is told where there is a way to.

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The client is done.
    Done,
    /// The server stops; connect elsewhere, after so many milliseconds.
    GoingAway(u32),
    /// The peer fell silent.
    Silent,
    /// A message that is none.
    Invalid(&'static str),
    /// Something was asked for before the greeting was answered.
    Unauthorized,
    /// The access token ran out.
    Expired,
    /// The token is not valid, or its session has ended, or the key was taken back.
    Forbidden(&'static str),
    /// No greeting came in time.
    InitTimeout,
    /// The client reads too slowly.
    TooSlow,
    /// An operation of that id is running.
    DuplicateId(String),
    /// A second greeting.
    SecondInit,
    /// Too many messages, or sockets.
    TooMany(&'static str),
}

impl Ending {
    /// The code of a WebSocket's close frame, and its reason of fewer than 124 bytes.
    pub fn close(&self) -> (u16, String) {
        match self {
            Self::Done => (1000, String::new()),
            Self::GoingAway(ms) => {
                (1001, format!("the server is stopping; connect again in {ms} ms"))
            }
            Self::Silent => (1001, "nothing was heard from you".to_owned()),
            Self::Invalid(what) => (4400, (*what).to_owned()),
            Self::Unauthorized => (4401, "Unauthorized".to_owned()),
            Self::Expired => (4401, "the access token has expired".to_owned()),
            Self::Forbidden(why) => (4403, (*why).to_owned()),
            Self::InitTimeout => (4408, "Connection initialisation timeout".to_owned()),
            Self::TooSlow => (4408, "too slow: connect again and resume".to_owned()),
            Self::DuplicateId(id) => {
                let id: String = id.chars().take(20).collect();
                (4409, format!("Subscriber for {id} already exists"))
            }
            Self::SecondInit => (4429, "Too many initialisation requests".to_owned()),
            Self::TooMany(what) => (4429, (*what).to_owned()),
        }
    }

    /// Whether what is still to be sent is worth sending first.
    pub fn flushes(&self) -> bool {
        !matches!(self, Self::TooSlow | Self::Silent)
    }
}
