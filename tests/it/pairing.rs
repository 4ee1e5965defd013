//! Who plays whom, as properties: what is made is legal and whole, what is legal is made, and every wait is explained.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;
use rankedhonor::game::{
    ids::{TicketId, UserId},
    mode::RegionId,
    pairing::{
        Arrival, Candidate, Demand, Density, Estimator, KeptOut, LatencyStep, Proposal, Rules,
        Waited, Window, explain, legal, wave,
    },
    rating::Rating,
    time::Timestamp,
};
use uuid::Uuid;

const NOW: Timestamp = Timestamp(10_000_000);

fn rules(team_size: u8, team_count: u8) -> Rules {
    Rules {
        team_size,
        team_count,
        window: Window {
            start_mmr: 200.0,
            least_mmr: 20.0,
            most_mmr: 600.0,
            mmr_per_second: 1.0,
            widens_ms: 120_000,
            starves_ms: 60_000,
        },
        latency: vec![
            LatencyStep { from_ms: 0, max_ms: 60 },
            LatencyStep { from_ms: 30_000, max_ms: 100 },
        ],
        premade_mmr: 0.0,
        rematch_ms: 2_000,
    }
}

fn user(number: u128) -> UserId {
    UserId::from_uuid(Uuid::from_u128(number + 1))
}

fn eu() -> RegionId {
    RegionId::new("eu")
}

/// A ticket of players whose numbers begin at sixteen times its own.
fn candidate(
    n: u128,
    values: &[f64],
    waited_ms: i64,
    regions: &[(&str, Option<u32>)],
) -> Candidate {
    let players = values.iter().zip(0..).map(|(value, at)| {
        (user(n * 16 + at), Rating { value: *value, deviation: 80.0, volatility: 0.03 })
    });
    let players: Vec<_> = players.collect();
    let ratings: Vec<_> = players.iter().map(|(_, rating)| *rating).collect();
    Candidate {
        ticket: TicketId::from_uuid(Uuid::from_u128(n + 1)),
        mmr: rules(1, 2).queue_rating(&ratings),
        players,
        joined_at: NOW.plus_ms(-waited_ms),
        regions: regions.iter().map(|(id, ms)| (RegionId::new(id), *ms)).collect(),
        blocked: Vec::new(),
        met: Vec::new(),
    }
}

prop_compose! {
    fn queue(most: usize)(
        tickets in prop::collection::vec(
            (
                prop::collection::vec(800.0..2200.0f64, 1..=most),
                0..120_000i64,
                0..3usize,
                prop::option::of(0..150u32),
                prop::collection::vec(0..40u128, 0..3),
                prop::option::of(0..40u128),
            ),
            0..40,
        )
    ) -> Vec<Candidate> {
        let places = [vec!["eu"], vec!["eu", "us"], vec!["us"]];
        let tickets = tickets.into_iter().enumerate();
        tickets.map(|(n, (values, waited, place, ms, blocked, met))| {
            let near: Vec<f64> = values.iter().map(|value| values[0] + (value - values[0]) / 8.0).collect();
            let regions: Vec<_> = places[place].iter().map(|id| (*id, ms)).collect();
            let n = n as u128;
            Candidate {
                blocked: blocked.into_iter().filter(|other| *other != n).map(|other| user(other * 16)).collect(),
                met: met.into_iter().filter(|other| *other != n).map(|other| user(other * 16)).collect(),
                ..candidate(n, &near, waited, &regions)
            }
        }).collect()
    }
}

/// What is known of arrivals like these, who come one a second.
fn demand(queue: &[Candidate]) -> Demand {
    let arrivals: Vec<_> = queue
        .iter()
        .cycle()
        .take(if queue.is_empty() { 0 } else { 60 })
        .zip(0_i64..)
        .map(|(ticket, at)| Arrival {
            at: NOW.plus_ms((at - 60) * 1_000),
            user: user(1_000 + at as u128),
            mmr: ticket.mmr,
            players: ticket.players.len(),
        })
        .collect();
    let known = |id: &str| Some((RegionId::new(id), Density::of(&arrivals, NOW)?));
    Demand::new(known("eu").into_iter().chain(known("us")))
}

fn find<'a>(queue: &'a [Candidate], id: &TicketId) -> &'a Candidate {
    queue.iter().find(|candidate| candidate.ticket == *id).unwrap()
}

fn check(queue: &[Candidate], rules: &Rules, demand: &Demand) -> Result<(), TestCaseError> {
    let made = wave(queue, NOW, rules, demand);
    let mut seen = HashSet::new();
    for proposal in &made {
        prop_assert_eq!(proposal.teams.len(), usize::from(rules.team_count));
        for team in &proposal.teams {
            let players: usize = team.iter().map(|id| find(queue, id).players.len()).sum();
            prop_assert_eq!(players, usize::from(rules.team_size));
            prop_assert!(team.iter().all(|id| seen.insert(*id)), "a ticket is in two teams");
        }
        let tickets: Vec<_> = proposal.teams.iter().flatten().map(|id| find(queue, id)).collect();
        prop_assert!(legal(&tickets, &proposal.region, NOW, rules, demand));
    }
    let mut turned: Vec<_> = queue.to_vec();
    turned.reverse();
    prop_assert_eq!(&made, &wave(&turned, NOW, rules, demand));
    explained(queue, &made, rules, demand)
}

/// Every ticket that is left over has every other one that is left over named once, under the first rule that keeps the two
/// out of a match, worked out anew here.
fn explained(
    queue: &[Candidate],
    made: &[Proposal],
    rules: &Rules,
    demand: &Demand,
) -> Result<(), TestCaseError> {
    let gone: HashSet<_> = made.iter().flat_map(|proposal| proposal.teams.concat()).collect();
    let left: Vec<_> = queue.iter().filter(|one| !gone.contains(&one.ticket)).cloned().collect();
    for one in &left {
        let why = explain(one, &left, NOW, rules, demand);
        let mut named: HashMap<TicketId, Option<KeptOut>> = HashMap::new();
        for id in &why.candidates {
            prop_assert!(named.insert(*id, None).is_none());
        }
        for (rule, id) in &why.kept_out {
            prop_assert!(named.insert(*id, Some(*rule)).is_none());
        }
        prop_assert_eq!(named.len(), left.len() - 1);
        for other in left.iter().filter(|other| other.ticket != one.ticket) {
            let names = |a: &[UserId], b: &Candidate| b.players.iter().any(|(u, _)| a.contains(u));
            let near = |region: &RegionId| {
                let tolerances = [one, other].map(|who| who.tolerance(region, NOW, rules, demand));
                let waited = one.waited_ms(NOW).max(other.waited_ms(NOW)) as f64 / 120_000.0;
                let weight = (0.5 + waited).min(1.0);
                let (low, high) =
                    (tolerances[0].min(tolerances[1]), tolerances[0].max(tolerances[1]));
                (one.mmr - other.mmr).abs() <= low * (1.0 - weight) + high * weight + 1e-9
            };
            let shared: Vec<_> = one
                .regions
                .iter()
                .map(|(region, _)| region)
                .filter(|r| one.accepts(r, NOW, rules) && other.accepts(r, NOW, rules))
                .collect();
            let sizes = [one.players.len(), other.players.len()];
            let fresh = one.waited_ms(NOW).max(other.waited_ms(NOW)) < rules.rematch_ms;
            let rule = if names(&one.blocked, other) || names(&other.blocked, one) {
                Some(KeptOut::Blocked)
            } else if sizes.iter().any(|size| *size > usize::from(rules.team_size)) {
                Some(KeptOut::PartySize)
            } else if shared.is_empty() {
                Some(KeptOut::Latency)
            } else if fresh && (names(&one.met, other) || names(&other.met, one)) {
                Some(KeptOut::RecentlyPlayed)
            } else if !shared.iter().any(|region| near(region)) {
                Some(KeptOut::Rating)
            } else {
                None
            };
            prop_assert_eq!(named[&other.ticket], rule);
            // A duel that may be played is.
            prop_assert!(rules.players() > 2 || rule.is_some());
        }
        if let Some(next) = why.next {
            let later = NOW.plus_ms(next.in_ms);
            let then = explain(one, &left, later, rules, demand).candidates.len();
            prop_assert!(next.tickets > 0 && then >= why.candidates.len() + next.tickets);
            let before = explain(one, &left, later.plus_ms(-501), rules, demand).candidates.len();
            prop_assert!(next.in_ms <= 501 || before <= why.candidates.len());
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn duels_are_legal_exact_and_the_same_in_any_order(queue in queue(1)) {
        check(&queue, &rules(1, 2), &Demand::default())?;
        check(&queue, &rules(1, 2), &demand(&queue))?;
    }

    #[test]
    fn squads_are_legal_exact_and_keep_parties_whole(queue in queue(4)) {
        check(&queue, &rules(4, 2), &Demand::default())?;
        check(&queue, &rules(4, 2), &demand(&queue))?;
    }

    #[test]
    fn three_teams_are_legal_exact_and_keep_parties_whole(queue in queue(3)) {
        check(&queue, &rules(3, 3), &demand(&queue))?;
    }

    #[test]
    fn everybody_for_themselves_is_legal_and_exact(queue in queue(1)) {
        check(&queue, &rules(1, 8), &demand(&queue))?;
    }

    #[test]
    fn whoever_may_play_each_other_alone_is_matched(a in 800.0..2200.0f64, b in 800.0..2200.0f64, wait in 0..600_000i64) {
        let queue = [candidate(0, &[a], wait, &[("eu", None)]), candidate(1, &[b], wait, &[("eu", None)])];
        let rules = rules(1, 2);
        let may = legal(&[&queue[0], &queue[1]], &eu(), NOW, &rules, &Demand::default());
        prop_assert_eq!(wave(&queue, NOW, &rules, &Demand::default()).len(), usize::from(may));
    }

    #[test]
    fn among_equals_the_longest_waiting_play(waits in prop::collection::hash_set(0..100_000i64, 3)) {
        let waits: Vec<_> = waits.into_iter().collect();
        let queue: Vec<_> = waits.iter().enumerate()
            .map(|(n, wait)| candidate(n as u128, &[1500.0], *wait, &[("eu", None)])).collect();
        let made = wave(&queue, NOW, &rules(1, 2), &Demand::default());
        let oldest = queue.iter().min_by_key(|candidate| candidate.joined_at).unwrap();
        prop_assert!(made[0].teams.iter().flatten().any(|id| *id == oldest.ticket));
    }

    #[test]
    fn teams_are_as_even_as_they_can_be(values in prop::collection::vec(1450.0..1550.0f64, 8)) {
        let queue: Vec<_> = values.iter().enumerate()
            .map(|(n, value)| candidate(n as u128, &[*value], 0, &[("eu", None)])).collect();
        let made = wave(&queue, NOW, &rules(4, 2), &Demand::default());
        let sum = |team: &[TicketId]| team.iter().map(|id| find(&queue, id).mmr).sum::<f64>();
        let difference = (sum(&made[0].teams[0]) - sum(&made[0].teams[1])).abs();
        let total: f64 = values.iter().sum();
        let best = (0_u32..256).filter(|set| set.count_ones() == 4).map(|set| {
            let team: f64 = values.iter().enumerate().filter(|(n, _)| set >> n & 1 == 1).map(|(_, v)| v).sum();
            (total - 2.0 * team).abs()
        }).fold(f64::INFINITY, f64::min);
        prop_assert!(difference <= best + 1e-6, "{difference} instead of {best}");
    }
}

#[test]
fn parties_meet_parties_where_that_costs_nothing() {
    let sizes: [&[f64]; 6] =
        [&[1500.0, 1500.0], &[1500.0, 1500.0], &[1500.0], &[1500.0], &[1501.0], &[1499.0]];
    let queue: Vec<_> =
        sizes.iter().zip(0..).map(|(values, n)| candidate(n, values, 0, &[("eu", None)])).collect();
    let made = wave(&queue, NOW, &rules(4, 2), &Demand::default());
    for team in &made[0].teams {
        let parties = team.iter().filter(|id| find(&queue, id).players.len() == 2).count();
        assert_eq!(parties, 1, "{made:?}");
    }
}

#[test]
fn opponents_of_the_last_match_meet_again_only_after_a_moment() {
    let met = |waited| {
        let mut queue = [0, 1].map(|n| candidate(n, &[1500.0], waited, &[("eu", None)]));
        queue[0].met = vec![user(16)];
        wave(&queue, NOW, &rules(1, 2), &Demand::default()).len()
    };
    assert_eq!((met(1_999), met(2_000)), (0, 1));
}

#[test]
fn a_measured_region_opens_with_the_wait_and_an_unmeasured_one_at_once() {
    let made = |waited, ms| {
        let queue = [0, 1].map(|n| candidate(n, &[1500.0], waited, &[("eu", ms)]));
        wave(&queue, NOW, &rules(1, 2), &Demand::default()).len()
    };
    assert_eq!((made(0, Some(60)), made(0, Some(61)), made(0, None)), (1, 0, 1));
    assert_eq!((made(29_999, Some(100)), made(30_000, Some(100))), (0, 1));
}

/// One ticket every `gap_ms`, from 1000 to 2000 MMR; `again`: always of the same player.
fn known(gap_ms: i64, again: bool) -> Demand {
    let arrivals: Vec<_> = (0..200_i64)
        .map(|n| Arrival {
            at: NOW.plus_ms((n - 200) * gap_ms),
            user: user(if again { 1 } else { n as u128 }),
            mmr: f64::from(1_000 + (n as i32 * 37) % 1_000),
            players: 1,
        })
        .collect();
    Demand::new([(eu(), Density::of(&arrivals, NOW).unwrap())])
}

#[test]
fn the_more_arrive_the_nearer_they_have_to_be() {
    let rules = rules(1, 2);
    let ticket = candidate(0, &[1500.0], 0, &[("eu", None)]);
    let tolerance = |demand: &Demand| ticket.tolerance(&eu(), NOW, &rules, demand);
    let (many, few) = (tolerance(&known(1_000, false)), tolerance(&known(16_000, false)));
    // A quarter of the square root of sixteen times as many.
    assert!((few / many - 4.0).abs() < 0.1, "{many} {few}");
    assert_eq!(tolerance(&Demand::default()), 200.0);
    let same = tolerance(&known(1_000, true));
    assert!(same > 3.0 * few, "who comes again and again is one to play with: {same}");
    // Two minutes of waiting double it.
    let waited = candidate(0, &[1500.0], 120_000, &[("eu", None)]);
    let doubled = waited.tolerance(&eu(), NOW, &rules, &known(1_000, false));
    assert!((doubled / many - 2.0).abs() < 0.01);
}

#[test]
fn when_nobody_comes_any_more_nobody_nearer_is_waited_for() {
    let (rules, demand) = (rules(1, 2), known(1_000, false));
    let tolerance = |quiet_ms| {
        let now = NOW.plus_ms(quiet_ms);
        Candidate { joined_at: now, ..candidate(0, &[1500.0], 0, &[("eu", None)]) }.tolerance(
            &eu(),
            now,
            &rules,
            &demand,
        )
    };
    assert!(tolerance(8_000) < 100.0);
    assert!(tolerance(12_000) > 200.0);
    assert!(tolerance(31_000) > 500.0);
}

#[test]
fn estimates_are_unknown_without_history_and_cover_what_they_say() {
    let mut estimator = Estimator::default();
    let (mut half, mut most, mut asked) = (0, 0, 0);
    // Waits that double every thousand, as on an evening.
    for n in 0..6_000_i64 {
        let ms = (n * 7_919 % 1_000) * (1 + n / 1_000) * 20;
        let at = NOW.plus_ms(n * 500);
        let estimate = estimator.estimate(Some(&eu()), 1500.0, 0, at);
        assert_eq!(estimate.is_some(), n >= 25, "{n}");
        if let Some(estimate) = estimate {
            asked += 1;
            half += i32::from(ms <= estimate.p50_ms);
            most += i32::from(ms <= estimate.p90_ms);
        }
        estimator.learn(&Waited { at, ms, mmr: 1500.0, region: Some(eu()) });
    }
    let share = |kept: i32| f64::from(kept) / f64::from(asked);
    assert!((share(half) - 0.5).abs() < 0.03 && (share(most) - 0.9).abs() < 0.02);
    let later = NOW.plus_ms(6_000 * 500);
    let left = |waited| estimator.estimate(Some(&eu()), 1500.0, waited, later);
    let (fresh, waited) = (left(0).unwrap(), left(60_000).unwrap());
    assert!(waited.p50_ms < fresh.p50_ms && waited.p90_ms < fresh.p90_ms);
    assert!(left(10_000_000).is_none(), "longer than all that is known of");
    assert!(estimator.estimate(Some(&eu()), 1500.0, 0, later.plus_ms(3_600_000)).is_none());
}
