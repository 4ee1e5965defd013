//! Why a rating changed: the numbers from which the change can be worked out anew.

use std::collections::HashMap;

use super::{rankings::Rankings, results::TeamScore};
use crate::{
    entities::{match_players, matches, rating_points},
    error::{Error, Result},
    game::{
        ids::{MatchId, UserId},
        rating::{self, Explanation, Rating},
    },
};

impl Rankings {
    /// The rating changes that these matches made.
    pub async fn points_of(
        &self,
        ids: &[MatchId],
    ) -> Result<HashMap<MatchId, Vec<rating_points::Model>>> {
        let mut found: HashMap<_, Vec<_>> = HashMap::new();
        for point in rating_points::of_matches(self.core.sql.read(), ids).await? {
            found.entry(point.match_id).or_default().push(point);
        }
        Ok(found)
    }

    /// Why a match moved a player's rating as it did; none where it did not, or where the history does not tell.
    ///
    /// # Errors
    /// When the match's result cannot be read.
    pub fn explain(
        &self,
        row: &matches::Model,
        players: &[match_players::Model],
        points: &[rating_points::Model],
        user: UserId,
    ) -> Result<Option<(rating_points::Model, Explanation)>> {
        let mode = self.core.mode("mode", row.mode.as_str())?;
        let scores = row.team_results.as_deref().unwrap_or("[]");
        let scores: Vec<TeamScore> = serde_json::from_str(scores).map_err(Error::internal)?;
        let placements: Vec<_> = scores.iter().map(|score| score.placement).collect();
        let points: HashMap<_, _> = points.iter().map(|point| (point.user_id, point)).collect();
        let mut teams: Vec<Vec<Rating>> = vec![Vec::new(); placements.len()];
        let mut own = None;
        for seat in players {
            let Some(point) = points.get(&seat.user_id) else { return Ok(None) };
            let Some(idle) = point.idle_ms else { return Ok(None) };
            let team = usize::try_from(seat.team).unwrap_or(0);
            let before = Rating {
                value: point.rating_before,
                deviation: point.deviation_before,
                volatility: point.volatility_before,
            };
            let Some(members) = teams.get_mut(team) else { return Ok(None) };
            if seat.user_id == user {
                own = Some((team, members.len(), (*point).clone()));
            }
            let aged = rating::aged(before, idle, &mode.rating);
            let deviation = point.deviation_at_match.unwrap_or(aged.deviation);
            members.push(Rating { deviation, ..aged });
        }
        let Some((team, place, point)) = own else { return Ok(None) };
        Ok(Some((point, rating::explain(&teams, &placements, (team, place), &mode.rating))))
    }
}
