//! Why a ticket waits.

use super::{Candidate, Demand, Rules, allowed, split, spread};
use crate::game::{ids::TicketId, mode::RegionId, time::Timestamp};

/// How far ahead is looked for what the next widening lets in, in milliseconds.
const AHEAD_MS: i64 = 600_000;
/// To how many milliseconds that is told.
const NEAR_MS: i64 = 500;

/// The rule that keeps two tickets out of one match; the first that does so counts, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeptOut {
    /// Somebody of the one has blocked somebody of the other.
    Blocked,
    /// The two parties do not fit into the mode's teams.
    PartySize,
    /// There is no region in which both would play yet.
    Latency,
    /// They were opponents in their last match, and have not waited long enough to be so again.
    RecentlyPlayed,
    /// Their ratings are too far apart yet.
    Rating,
}

impl KeptOut {
    /// All, in their order.
    pub const ALL: [Self; 5] =
        [Self::Blocked, Self::PartySize, Self::Latency, Self::RecentlyPlayed, Self::Rating];
}

/// What time will change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Widening {
    /// In how many milliseconds.
    pub in_ms: i64,
    /// How many tickets are let in then.
    pub tickets: usize,
}

/// The nearest match that is not made.
#[derive(Clone, Debug, PartialEq)]
pub struct Nearest {
    /// Where.
    pub region: RegionId,
    /// The other tickets of it.
    pub tickets: Vec<TicketId>,
    /// Players that it lacks.
    pub missing: usize,
    /// How far apart the ratings are, in MMR.
    pub spread: f64,
    /// How far apart they may be now, in MMR.
    pub allowed: f64,
}

/// Why a ticket waits.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The tickets with which it could be in a match now.
    pub candidates: Vec<TicketId>,
    /// The others, each under the rule that keeps it out.
    pub kept_out: Vec<(KeptOut, TicketId)>,
    /// When the next are let in; none where time alone lets in nobody within ten minutes.
    pub next: Option<Widening>,
    /// The nearest match that is not made; none where nobody could be in it.
    pub nearest: Option<Nearest>,
}

/// What keeps two tickets out of one match; none: nothing does.
fn between(
    one: &Candidate,
    other: &Candidate,
    now: Timestamp,
    rules: &Rules,
    demand: &Demand,
) -> Option<KeptOut> {
    if one.is_blocked_from(other) {
        return Some(KeptOut::Blocked);
    }
    let sizes = [one.players.len(), other.players.len()];
    if sizes.iter().sum::<usize>() > rules.players() || !split::fits(&sizes, rules) {
        return Some(KeptOut::PartySize);
    }
    let mut shared = shared(one, other, now, rules).peekable();
    if shared.peek().is_none() {
        return Some(KeptOut::Latency);
    }
    if one.avoids(other, now, rules) {
        return Some(KeptOut::RecentlyPlayed);
    }
    let pair = [one, other];
    let near = shared.any(|region| spread(&pair) <= allowed(&pair, region, now, rules, demand));
    (!near).then_some(KeptOut::Rating)
}

/// The regions in which both would play now.
fn shared<'a>(
    one: &'a Candidate,
    other: &'a Candidate,
    now: Timestamp,
    rules: &'a Rules,
) -> impl Iterator<Item = &'a RegionId> {
    let both = move |region: &RegionId| {
        one.accepts(region, now, rules) && other.accepts(region, now, rules)
    };
    one.regions.iter().map(|(region, _)| region).filter(move |region: &&RegionId| both(region))
}

/// Why a ticket waits, among all that wait; itself is passed over.
pub fn explain(
    ticket: &Candidate,
    pool: &[Candidate],
    now: Timestamp,
    rules: &Rules,
    demand: &Demand,
) -> Explanation {
    let others: Vec<_> = pool.iter().filter(|other| other.ticket != ticket.ticket).collect();
    let (mut candidates, mut kept_out, mut free) = (Vec::new(), Vec::new(), Vec::new());
    let mut waits = Vec::new();
    for other in others {
        match between(ticket, other, now, rules, demand) {
            None => candidates.push(other.ticket),
            Some(rule) => {
                kept_out.push((rule, other.ticket));
                waits.extend(admitted_in(ticket, other, now, rules, demand));
            }
        }
        let never = between(ticket, other, now.plus_ms(AHEAD_MS), rules, demand);
        if !matches!(never, Some(KeptOut::Blocked | KeptOut::PartySize)) {
            free.push(other);
        }
    }
    let next = waits.iter().min().map(|first| Widening {
        in_ms: *first,
        tickets: waits.iter().filter(|wait| *wait <= first).count(),
    });
    let nearest = nearest(ticket, &free, now, rules, demand);
    Explanation { candidates, kept_out, next, nearest }
}

/// In how many milliseconds nothing keeps the two apart any more: no rule grows tighter with time.
fn admitted_in(
    one: &Candidate,
    other: &Candidate,
    now: Timestamp,
    rules: &Rules,
    demand: &Demand,
) -> Option<i64> {
    let free_in =
        |steps: i64| between(one, other, now.plus_ms(steps * NEAR_MS), rules, demand).is_none();
    let (mut kept, mut free) = (0, AHEAD_MS / NEAR_MS);
    if !free_in(free) {
        return None;
    }
    while free - kept > 1 {
        let middle = kept.midpoint(free);
        if free_in(middle) { free = middle } else { kept = middle }
    }
    Some(free * NEAR_MS)
}

/// The match of the nearest ratings around a ticket, in the region where it lacks the fewest players and is the closest.
fn nearest(
    ticket: &Candidate,
    free: &[&Candidate],
    now: Timestamp,
    rules: &Rules,
    demand: &Demand,
) -> Option<Nearest> {
    let mut best: Option<Nearest> = None;
    for (region, _) in
        ticket.regions.iter().filter(|(region, _)| ticket.accepts(region, now, rules))
    {
        let mut here: Vec<_> =
            free.iter().filter(|other| other.accepts(region, now, rules)).collect();
        let gap = |other: &Candidate| (other.mmr - ticket.mmr).abs();
        here.sort_by(|a, b| gap(a).total_cmp(&gap(b)).then_with(|| a.ticket.cmp(&b.ticket)));
        let mut chosen = vec![ticket];
        let mut players = ticket.players.len();
        for other in here {
            let apart = chosen.iter().any(|one| one.is_blocked_from(other));
            let mut sizes: Vec<_> = chosen.iter().map(|one| one.players.len()).collect();
            sizes.push(other.players.len());
            if apart || sizes.iter().sum::<usize>() > rules.players() || !split::fits(&sizes, rules)
            {
                continue;
            }
            players += other.players.len();
            chosen.push(other);
        }
        if chosen.len() == 1 {
            continue;
        }
        let found = Nearest {
            region: region.clone(),
            tickets: chosen[1..].iter().map(|one| one.ticket).collect(),
            missing: rules.players() - players,
            spread: spread(&chosen),
            allowed: allowed(&chosen, region, now, rules, demand),
        };
        let better = best.as_ref().is_none_or(|best| {
            found.missing.cmp(&best.missing).then(found.spread.total_cmp(&best.spread)).is_lt()
        });
        if better {
            best = Some(found);
        }
    }
    best
}
