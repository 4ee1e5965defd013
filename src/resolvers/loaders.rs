//! Batches for nested fields: made for one request, so nothing is seen by anybody else and nothing grows stale. They do not
//! remember either, so that each event of a subscription reads afresh.

use std::{collections::HashMap, hash::Hash, sync::Arc};

use dataloader::{BatchFn, non_cached::Loader};

use super::context::{Fault, Result};
use crate::{
    entities::{match_players, matches, rating_points, seasons, standings, tickets, users},
    error,
    game::ids::{MatchId, PartyId, SeasonId, TicketId, UserId},
    services::{Services, presence::Presence, rankings::StandingKey},
};

type Loaded<V> = Result<Option<V>>;

/// Gives each key its part of what one query found, or the failure that all share.
fn share<K: Clone + Eq + Hash, V: Clone>(
    keys: &[K],
    found: error::Result<HashMap<K, V>>,
) -> HashMap<K, Loaded<V>> {
    match found {
        Ok(mut found) => keys.iter().map(|key| (key.clone(), Ok(found.remove(key)))).collect(),
        Err(error) => {
            let fault = Fault::from(error);
            keys.iter().map(|key| (key.clone(), Err(fault.clone()))).collect()
        }
    }
}

macro_rules! batches {
    ($($(#[$doc:meta])* $field:ident: $batch:ident($key:ty => $value:ty) = |$services:ident, $keys:ident| $load:expr;)+) => {
        $(
            struct $batch(Arc<Services>);

            impl BatchFn<$key, Loaded<$value>> for $batch {
                async fn load(&mut self, $keys: &[$key]) -> HashMap<$key, Loaded<$value>> {
                    let $services = self.0.clone();
                    let found: error::Result<HashMap<$key, $value>> = $load.await;
                    share($keys, found)
                }
            }
        )+

        /// The batches of one request.
        pub struct Loaders {
            $($field: Loader<$key, Loaded<$value>, $batch>,)+
        }

        impl Loaders {
            /// For one request.
            pub fn new(services: &Arc<Services>) -> Self {
                Self { $($field: Loader::new($batch(services.clone())),)+ }
            }

            $(
                $(#[$doc])*
                pub async fn $field(&self, key: $key) -> Loaded<$value> {
                    // An error means that the batch left the key out, which `share` never does.
                    self.$field.try_load(key).await.unwrap_or(Ok(None))
                }
            )+
        }
    };
}

batches! {
    /// A user.
    user: Users(UserId => users::Model) = |services, keys| async {
        Ok(services.users.get_many(keys).await?.into_iter().map(|row| (row.id, row)).collect())
    };
    /// What a user is doing.
    presence: Presences(UserId => Presence) = |services, keys| services.presence.of(keys);
    /// A match.
    match_: Matches(MatchId => matches::Model) = |services, keys| async {
        Ok(services.matches.get_many(keys).await?.into_iter().map(|row| (row.id, row)).collect())
    };
    /// The players of a match.
    match_players: MatchPlayers(MatchId => Vec<match_players::Model>) = |services, keys| {
        services.matches.players_of(keys)
    };
    /// The rating changes that a match made.
    rating_points: RatingPoints(MatchId => Vec<rating_points::Model>) = |services, keys| {
        services.rankings.points_of(keys)
    };
    /// A ticket.
    ticket: Tickets(TicketId => tickets::Model) = |services, keys| async {
        Ok(services.queue.get_many(keys).await?.into_iter().map(|row| (row.id, row)).collect())
    };
    /// The players of a ticket.
    ticket_players: TicketPlayers(TicketId => Vec<UserId>) = |services, keys| {
        services.queue.players_of(keys)
    };
    /// The ticket with which a party waits, by the party and its leader.
    party_ticket: PartyTickets((PartyId, UserId) => tickets::Model) = |services, keys| async {
        let found = services.parties.tickets_of(keys).await?;
        let of_party = |key: &(PartyId, UserId)| Some((*key, found.get(&key.0)?.clone()));
        Ok(keys.iter().filter_map(of_party).collect())
    };
    /// A player's standing in one mode.
    standing: Standings(StandingKey => standings::Model) = |services, keys| {
        services.rankings.standings(keys)
    };
    /// A player's standings in every mode.
    standings: AllStandings((UserId, SeasonId) => Vec<standings::Model>) = |services, keys| {
        standings_of(&services, keys)
    };
    /// A season.
    season: Seasons(SeasonId => seasons::Model) = |services, keys| async {
        let _ = keys;
        Ok(services.seasons.all().await?.into_iter().map(|row| (row.id, row)).collect())
    };
}

async fn standings_of(
    services: &Services,
    keys: &[(UserId, SeasonId)],
) -> error::Result<HashMap<(UserId, SeasonId), Vec<standings::Model>>> {
    let mut seasons: HashMap<SeasonId, Vec<UserId>> = HashMap::new();
    for (user, season) in keys {
        seasons.entry(*season).or_default().push(*user);
    }
    let mut found: HashMap<_, Vec<_>> = HashMap::new();
    for (season, users) in seasons {
        for row in services.rankings.in_every_mode(season, &users).await? {
            found.entry((row.user_id, season)).or_default().push(row);
        }
    }
    Ok(found)
}
