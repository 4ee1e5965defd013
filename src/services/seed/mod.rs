//! A plausible history for an installation that has none: to look at, to build a client against, to measure with.
//!
//! Nothing is drawn up by hand: matches are made of players with near ratings, end as hidden true skills say, and move
//! standings through the same rules as a reported result. The facts go through the outbox like any others.

mod world;

use std::{collections::BTreeMap, sync::Arc};

use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel};

use self::world::{Person, World};
use super::{
    Services,
    reports::{TeamResult, fingerprint},
    results::{Moved, Seat, finished, play_out, rating_point, scores},
    timelines::since_start,
};
use crate::{
    entities::{
        match_events, match_players, matches, rating_points, seasons, standings, ticket_players,
        tickets, users,
    },
    error::{Error, Result},
    game::{
        accounts::{Role, fold},
        event::Fact,
        ids::{MatchId, TicketId, UserId},
        matches::{MatchStatus, TicketState},
        mode::Mode,
        rating::win_probabilities,
        standing::{Standing, shown},
        time::Timestamp,
    },
};

/// The most players and matches that can be asked for.
pub const USERS_MAX: u32 = 1_000_000;
/// See [`USERS_MAX`].
pub const MATCHES_MAX: u32 = 10_000_000;
/// How far back the history goes.
const SPAN_MS: i64 = 28 * 24 * 60 * 60 * 1000;
/// Failures of the relay in a row that are waited out.
const PATIENCE: u32 = 20;
/// Matches written in one transaction: their rows stay within the 32,766 variables of one SQLite statement.
const BATCH: u32 = 100;
/// Players written in one statement.
const USER_BATCH: usize = 1_000;

/// What is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How many players.
    pub users: u32,
    /// How many matches.
    pub matches: u32,
    /// The same seed and end make the same history.
    pub seed: u64,
    /// When the history ends.
    pub until: Timestamp,
}

/// Everything about a match before it is written.
struct Played {
    mode: Arc<Mode>,
    row: matches::Model,
    moved: Vec<Moved>,
    tickets: Vec<tickets::Model>,
}

struct Seeding<'a> {
    services: &'a Services,
    world: World,
    people: Vec<Person>,
    users: Vec<users::Model>,
    /// By mode, in the order of the people.
    standings: Vec<Vec<Option<Standing>>>,
    season: seasons::Model,
}

/// Adds players and their matches; `progress` is told how many matches are done. Everybody's password is `password`.
///
/// # Errors
/// BAD_USER_INPUT for numbers out of bounds, CONFLICT when these players are there already.
pub async fn run(
    services: &Services,
    plan: Plan,
    password: String,
    progress: impl Fn(u32),
) -> Result<()> {
    let modes = checked(services, &plan)?;
    let begin = plan.until.plus_ms(-SPAN_MS);
    let hash = services.accounts.password_hash(password).await?;
    let season = services.seasons.reach_back(begin).await?;
    let mut world = World::new(plan.seed);
    let (people, users) = settle(services, &mut world, &plan, begin, &hash).await?;
    let none = vec![None; people.len()];
    let standings = vec![none; services.catalog.modes().len()];
    let mut seeding = Seeding { services, world, people, users, standings, season };
    seeding.write_users().await?;
    let mut batch = Vec::new();
    for number in 1..=plan.matches {
        // Ends are in order and apart, so the order of effect is the order of end.
        let step = SPAN_MS * i64::from(number) / i64::from(plan.matches);
        batch.push(seeding.play(&modes, begin.plus_ms(step))?);
        if number % BATCH == 0 || number == plan.matches {
            seeding.write(std::mem::take(&mut batch)).await?;
            progress(number);
        }
    }
    // Where servers run beside this, one of them relays.
    let mut failures = 0;
    loop {
        services.renew_leases().await;
        match services.relay.run_once().await {
            Ok(0) => break,
            Ok(_) => failures = 0,
            // A store that is slow for a moment: nothing is lost.
            Err(_) if failures < PATIENCE => {
                failures += 1;
                tokio::time::sleep(std::time::Duration::from_millis(500)).await;
            }
            Err(error) => return Err(error),
        }
    }
    services.step_down().await;
    Ok(())
}

/// The indices of the modes that so many players can play.
fn checked(services: &Services, plan: &Plan) -> Result<Vec<usize>> {
    let all = services.catalog.modes();
    let users = usize::try_from(plan.users).unwrap_or(usize::MAX);
    let modes: Vec<_> = (0..all.len()).filter(|mode| all[*mode].players() <= users).collect();
    let fewest = all.iter().map(|mode| mode.players()).min().unwrap_or(2);
    if modes.is_empty() || plan.users > USERS_MAX {
        let message = format!("expected {fewest} to {USERS_MAX}, not {}", plan.users);
        return Err(Error::bad_input("--users", message));
    }
    if plan.matches > MATCHES_MAX {
        let message = format!("expected 0 to {MATCHES_MAX}, not {}", plan.matches);
        return Err(Error::bad_input("--matches", message));
    }
    Ok(modes)
}

/// Makes up the players; names that are taken are passed over.
async fn settle(
    services: &Services,
    world: &mut World,
    plan: &Plan,
    begin: Timestamp,
    password_hash: &str,
) -> Result<(Vec<Person>, Vec<users::Model>)> {
    let mut taken = services.users.names().await?;
    let regions = world::regions(services.catalog.regions());
    let (mut people, mut rows) = (Vec::new(), Vec::new());
    for number in 0..plan.users {
        let id = UserId::from_uuid(world.uuid(begin));
        if number == 0 && services.users.get(id).await?.is_some() {
            let message = "the players of this seed are here already; choose another";
            return Err(Error::bad_input("--seed", message));
        }
        let mut name = world.name();
        while !taken.insert(fold(&name)) {
            name = format!("{}{}", world.name(), number % 10);
        }
        let modes = services.catalog.modes().len();
        let person = world.person(id, name, begin, modes, &regions);
        let email = format!("{}@example.com", fold(&person.name));
        rows.push(users::Model {
            id: person.id,
            username_key: fold(&person.name),
            username: person.name.clone(),
            email_key: email.clone(),
            email,
            password_hash: password_hash.to_owned(),
            role: Role::Player,
            region: Some(services.catalog.regions()[person.region].id.clone()),
            country: Some(person.country.into()),
            avatar_url: None,
            bio: None,
            suspended_until: None,
            suspended_reason: None,
            email_verified_at: None,
            deletes_at: None,
            deleted_at: None,
            created_at: begin,
        });
        people.push(person);
    }
    Ok((people, rows))
}

impl Seeding<'_> {
    async fn write_users(&self) -> Result<()> {
        let tx = self.services.core.sql.begin().await?;
        for chunk in self.users.chunks(USER_BATCH) {
            let rows = chunk.iter().map(|row| users::ActiveModel::from(row.clone()).reset_all());
            users::Entity::insert_many(rows).exec_without_returning(&tx).await?;
        }
        tx.commit().await
    }

    /// One match, which ends at that time.
    fn play(&mut self, modes: &[usize], end: Timestamp) -> Result<Played> {
        let index = self.world.mode(modes);
        let mode = self.services.catalog.modes()[index].clone();
        let mut start = end.plus_ms(-self.world.duration_ms());
        let standings = &self.standings[index];
        let start_mmr = mode.rating.start_mmr;
        let rating = |one: usize| standings[one].as_ref().map_or(start_mmr, |s| s.rating.value);
        let players = self.world.gather(&self.people, mode.players(), start, rating);
        for one in &players {
            start = Timestamp(start.0.max(self.people[*one].free_from.0));
        }
        let region = self.people[players[0]].region;
        let teams = world::split(&mode, players, rating);
        let result = self.world.result(&self.people, index, &teams);
        let id = MatchId::from_uuid(self.world.uuid(start));
        let row = self.match_row(id, &mode, region, (&teams, index), &result, (start, end))?;
        let (seats, tickets) = self.seats(&row, &teams, index);
        let rules = self.services.core.rules(self.season.id);
        let moved = play_out(&mode, &rules, seats, &result, end);
        for (one, moved) in teams.into_iter().flatten().zip(&moved) {
            self.standings[index][one] = Some(moved.after.clone());
            self.people[one].free_from = end;
        }
        Ok(Played { mode, row, moved, tickets })
    }

    fn match_row(
        &self,
        id: MatchId,
        mode: &Mode,
        region: usize,
        (teams, index): (&[Vec<usize>], usize),
        result: &[TeamResult],
        (start, end): (Timestamp, Timestamp),
    ) -> Result<matches::Model> {
        let rating = |one: &usize| {
            self.standings[index][*one].as_ref().map_or(mode.rating.start(), |s| s.rating)
        };
        let ratings: Vec<Vec<_>> =
            teams.iter().map(|team| team.iter().map(rating).collect()).collect();
        let values: Vec<_> = ratings.iter().flatten().map(|rating| rating.value).collect();
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let chances = win_probabilities(&ratings, &mode.rating);
        Ok(matches::Model {
            reported_by: None,
            id,
            mode: mode.id.clone(),
            region: self.services.catalog.regions()[region].id.clone(),
            season_id: self.season.id,
            status: MatchStatus::Completed,
            average_mmr: shown(values.iter().sum::<f64>() / values.len() as f64),
            mmr_spread: shown(high - low),
            win_probabilities: serde_json::to_string(&chances).map_err(Error::internal)?,
            created_at: start,
            started_at: Some(start),
            ended_at: Some(end),
            deadline_at: None,
            cancel_reason: None,
            endpoint: None,
            result_hash: Some(fingerprint(result)?),
            team_results: Some(scores(result)?),
            voided_at: None,
            void_reason: None,
        })
    }

    /// The players' seats, and the tickets that brought them there.
    fn seats(
        &mut self,
        row: &matches::Model,
        teams: &[Vec<usize>],
        mode: usize,
    ) -> (Vec<Seat>, Vec<tickets::Model>) {
        let (mut seats, mut tickets) = (Vec::new(), Vec::new());
        for (team, index) in teams.iter().zip(0..) {
            for (one, slot) in team.iter().zip(0..) {
                let user = self.users[*one].clone();
                let standing = self.standings[mode][*one].clone();
                let waited = self.world.below(60_000);
                let joined_at = row.created_at.plus_ms(-i64::try_from(waited).unwrap_or(0));
                let ticket_id = TicketId::from_uuid(self.world.uuid(joined_at));
                let start_mmr = self.services.catalog.modes()[mode].rating.start_mmr;
                tickets.push(tickets::Model {
                    party_id: None,
                    id: ticket_id,
                    mode: row.mode.clone(),
                    state: TicketState::Matched,
                    regions: serde_json::json!([[row.region, null]]).to_string(),
                    mmr: standing.as_ref().map_or(start_mmr, |s| s.rating.value),
                    joined_at,
                    expires_at: row.created_at,
                    ended_at: Some(row.created_at),
                    match_id: Some(row.id),
                });
                let seat = match_players::Model {
                    match_id: row.id,
                    user_id: user.id,
                    ticket_id,
                    team: index,
                    slot,
                    mmr_before: 0,
                    mmr_after: None,
                    accepted: None,
                    asked_at: None,
                    kills: 0,
                    deaths: 0,
                    assists: 0,
                    hero: None,
                    abandoned: false,
                };
                seats.push(Seat { seat, user, standing });
            }
        }
        (seats, tickets)
    }

    async fn write(&self, batch: Vec<Played>) -> Result<()> {
        let tx = self.services.core.sql.begin().await?;
        let rows = batch.iter().map(|p| p.row.clone().into_active_model().reset_all());
        matches::Entity::insert_many(rows).exec_without_returning(&tx).await?;
        let rows = batch.iter().flat_map(|p| &p.tickets);
        let rows = rows.map(|ticket| ticket.clone().into_active_model().reset_all());
        tickets::Entity::insert_many(rows).exec_without_returning(&tx).await?;
        let moved = || batch.iter().flat_map(|p| p.moved.iter().map(move |m| (p, m)));
        let rows = moved().map(|(_, m)| holder(m).into_active_model().reset_all());
        ticket_players::Entity::insert_many(rows).exec_without_returning(&tx).await?;
        let rows = moved().map(|(_, m)| m.seat.clone().into_active_model().reset_all());
        match_players::Entity::insert_many(rows).exec_without_returning(&tx).await?;
        let rows = moved().map(|(p, m)| rating_point(&p.row, m, ended(&p.row)));
        rating_points::Entity::insert_many(rows).exec_without_returning(&tx).await?;
        let rows = batch.iter().flat_map(|p| timeline(&p.row));
        let rows = rows.map(|line| line.into_active_model().reset_all());
        match_events::Entity::insert_many(rows).exec_without_returning(&tx).await?;
        standings::put(&tx, self.standings(&batch)).await?;
        let facts: Vec<Fact> =
            batch.iter().map(|p| finished(&p.row, &p.moved, ended(&p.row))).collect();
        self.services.core.commit(tx, &facts).await?;
        Ok(())
    }

    /// Where the players of these matches stand now.
    fn standings(&self, batch: &[Played]) -> Vec<standings::Model> {
        let mut last = BTreeMap::new();
        let rules = self.services.core.rules(self.season.id);
        for played in batch {
            for moved in &played.moved {
                let (user, mode) = (moved.user.id, &played.mode);
                let rules = (&**mode, &*rules);
                let row = standings::Model::of(user, rules, self.season.id, &moved.after);
                last.insert((mode.id.as_str(), user), row);
            }
        }
        last.into_values().collect()
    }
}

fn ended(row: &matches::Model) -> Timestamp {
    row.ended_at.unwrap_or(row.created_at)
}

/// The one player of a ticket, with the rating they queued with.
fn holder(moved: &Moved) -> ticket_players::Model {
    let rating = moved.before.rating;
    ticket_players::Model {
        ticket_id: moved.seat.ticket_id,
        user_id: moved.user.id,
        rating: rating.value,
        deviation: rating.deviation,
        volatility: rating.volatility,
    }
}

/// What the server itself says of every match.
fn timeline(row: &matches::Model) -> [match_events::Model; 2] {
    let line = |position, kind: &str, at| match_events::Model {
        match_id: row.id,
        position,
        sequence: None,
        kind: kind.into(),
        at_ms: since_start(row, at),
        actor: None,
        target: None,
        data: None,
        recorded_at: at,
    };
    [line(1, "MATCH_STARTED", row.created_at), line(2, "MATCH_COMPLETED", ended(row))]
}
