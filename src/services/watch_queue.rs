//! Streams about queues.

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt;

use super::{
    Services,
    patience::patiently,
    waits::Stats,
    watch::{Live, snapshots},
};
use crate::{
    entities::tickets,
    error::Result,
    game::{
        event::{LiveEvent, Topic},
        ids::UserId,
        mode::{ModeId, RegionId},
    },
};

/// The fewest milliseconds between two pictures of a queue's numbers.
const STATS_INTERVAL: Duration = Duration::from_secs(1);
/// A ticket is looked at this often, even when nothing is heard.
const IDLE: Duration = Duration::from_secs(60);

impl Services {
    /// A player's ticket, now and at each change; while the stream lives, the ticket does not expire.
    pub fn watch_ticket(self: Arc<Self>, user: UserId) -> Live<tickets::Model> {
        let mut bus = self.core.bus.subscribe(Topic::Player(user));
        Box::pin(async_stream::try_stream! {
            let mut last = None;
            let mut shown = None;
            loop {
                let look = || async {
                    let Some(ticket) = self.queue.shown_ticket(user, last).await? else {
                        return Ok(None);
                    };
                    let picture = self.picture(user, &ticket).await?;
                    Ok(Some((ticket, picture)))
                };
                let seen = if shown.is_some() { patiently(look).await? } else { look().await? };
                let mut wait = IDLE;
                if let Some((ticket, picture)) = seen {
                    last = Some(ticket.id);
                    if picture.searching {
                        wait = self.queue.next_change_in();
                    }
                    if shown.as_ref() != Some(&picture) {
                        shown = Some(picture);
                        yield ticket;
                    }
                }
                // Whatever is heard, or nothing for so long: look again.
                if let Ok(None) = tokio::time::timeout(wait, bus.next()).await { break }
            }
        })
    }

    async fn picture(&self, user: UserId, ticket: &tickets::Model) -> Result<Picture> {
        let searching = ticket.ended_at.is_none();
        let status = match ticket.match_id {
            Some(id) => match self.matches.get(id).await? {
                Some(row) => {
                    self.matches.shown_to(user, &row).await?;
                    Some(row.status)
                }
                None => None,
            },
            None => None,
        };
        let estimate = self.queue.estimate(ticket).await?;
        Ok(Picture {
            id: ticket.id,
            state: ticket.state,
            searching,
            tolerance: self.queue.tolerance(ticket).await?,
            // An estimate that shrinks with each second that passes has not changed.
            estimated_end_s: estimate
                .map(|left| (left.p50_ms + super::queue::waited_ms(ticket)) / 1000),
            status,
        })
    }

    /// The numbers of a queue, now and at each change, at most once a second.
    ///
    /// # Errors
    /// BAD_USER_INPUT for an unknown mode or region.
    pub async fn watch_stats(
        self: Arc<Self>,
        mode: ModeId,
        region: Option<RegionId>,
    ) -> Result<Live<Stats>> {
        self.queue.stats(mode.as_str(), region.as_ref()).await?;
        let bus = self.core.bus.subscribe(Topic::Queue(mode.clone()));
        let load = move || {
            let (services, mode, region) = (self.clone(), mode.clone(), region.clone());
            async move { services.queue.stats(mode.as_str(), region.as_ref()).await }.boxed()
        };
        Ok(snapshots(bus, STATS_INTERVAL, |_: &LiveEvent| true, load))
    }
}

/// What a change of a ticket is measured by.
#[derive(PartialEq)]
struct Picture {
    id: crate::game::ids::TicketId,
    state: crate::game::matches::TicketState,
    searching: bool,
    tolerance: i32,
    estimated_end_s: Option<i64>,
    status: Option<crate::game::matches::MatchStatus>,
}
