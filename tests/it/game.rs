//! The rules of ratings, tiers and the order of the board, as properties.

use proptest::prelude::*;
use rankedhonor::game::{
    ids::UserId,
    matches::Outcome,
    rating::{self, Guard, Rating, RatingParams, aged, update, win_probabilities},
    standing::{Ladder, Performance, Place, Standing, TierRule},
    time::Timestamp,
};
use uuid::Uuid;

const PARAMS: RatingParams = RatingParams {
    start_mmr: 1500.0,
    start_deviation: 350.0,
    start_volatility: 0.03,
    tau: 0.5,
    period_days: 1.0,
    team_share: 0.4,
    team_scale: 2.0,
    guard: Guard::OFF,
};
const NOW: Timestamp = Timestamp(10_000_000);

fn rating(value: f64, deviation: f64) -> Rating {
    Rating { value, deviation, volatility: 0.03 }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn chances_add_up_and_winners_do_not_lose(
        a in prop::collection::vec((500.0..2500.0f64, 30.0..350.0f64), 4),
        b in prop::collection::vec((500.0..2500.0f64, 30.0..350.0f64), 4),
    ) {
        let team = |players: Vec<(f64, f64)>| players.into_iter().map(|(v, d)| rating(v, d)).collect::<Vec<_>>();
        let teams = [team(a), team(b)];
        let chances = win_probabilities(&teams, &PARAMS);
        prop_assert!((chances.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        let after = update(&teams, &[1, 2], &PARAMS);
        for (before, after) in teams[0].iter().zip(&after[0]) {
            prop_assert!(after.value > before.value && after.deviation.is_finite());
        }
        for (before, after) in teams[1].iter().zip(&after[1]) {
            prop_assert!(after.value < before.value && after.deviation <= 350.0);
        }
    }

    #[test]
    fn the_order_of_the_board_is_total(
        rows in prop::collection::vec((0..3i32, 0..3i32, 0..3i32, 0..3i64), 3)
    ) {
        let places: Vec<_> = rows.into_iter().enumerate().map(|(n, (rating, deviation, wins, at))| Place {
            rating: f64::from(rating),
            deviation: f64::from(deviation),
            wins,
            reached_at: Timestamp(at),
            user: UserId::from_uuid(Uuid::from_u128(n as u128)),
        }).collect();
        let [a, b, c] = &places[..] else { unreachable!() };
        prop_assert!(a.cmp(b) == b.cmp(a).reverse() && a.cmp(b).is_ne());
        if a < b && b < c {
            prop_assert!(a < c);
        }
    }
}

#[test]
fn two_hundred_points_are_three_chances_in_four() {
    let chances =
        win_probabilities(&[vec![rating(1600.0, 40.0)], vec![rating(1400.0, 40.0)]], &PARAMS);
    assert!((chances[0] - 0.76).abs() < 0.01, "{chances:?}");
}

#[test]
fn time_makes_a_rating_less_certain_but_never_less_than_new() {
    let known = rating(1500.0, 60.0);
    let month = 30 * 86_400_000;
    assert!(aged(known, month, &PARAMS).deviation > 60.0);
    assert!(aged(known, month / 2, &PARAMS).deviation < aged(known, month, &PARAMS).deviation);
    assert_eq!(aged(known, i64::MAX, &PARAMS).deviation, 350.0);
    assert_eq!(aged(known, -5, &PARAMS), known);
}

fn ladder() -> Ladder {
    let tier =
        |name: &str, from_mmr, divisions| TierRule { name: name.into(), from_mmr, divisions };
    let tiers = [
        tier("Bronze", 953.0, 4),
        tier("Silver", 1205.0, 4),
        tier("Gold", 1456.0, 4),
        tier("Platinum", 1683.0, 4),
        tier("Diamond", 1894.0, 4),
        tier("Master", 2113.0, 1),
        tier("Grandmaster", 2402.0, 1),
    ];
    Ladder::new((2, 1, 110.0), (25.0, 3), (30, 0.0), &tiers)
}

#[test]
fn tiers_begin_where_they_are_said_to() {
    let ladder = ladder();
    for (mmr, label) in [
        (-100.0, "Bronze IV"),
        (1204.9, "Bronze I"),
        (1205.0, "Silver IV"),
        (1456.0, "Gold IV"),
        (1683.0, "Platinum IV"),
        (2112.0, "Diamond I"),
        (2113.0, "Master"),
        (2402.0, "Grandmaster"),
    ] {
        assert_eq!(ladder.tier(ladder.index_for(mmr)).unwrap().label, label, "{mmr}");
    }
    assert!(ladder.tier(-1).is_none() && ladder.tier(1_000).is_none());
}

#[test]
fn a_tier_comes_at_the_line_and_goes_only_below_it_and_later() {
    let ladder = ladder();
    let played = |outcome| Performance { outcome, kills: 0, deaths: 0, assists: 0 };
    let at = |standing: Standing, mmr: f64| {
        standing.after_match(rating(mmr, 80.0), played(Outcome::Win), NOW, (&PARAMS, &ladder))
    };
    let label =
        |standing: &Standing| standing.tier.map(|tier| ladder.tier(tier).unwrap().label.clone());
    let new = Standing::new(&PARAMS, &ladder, NOW);
    let one = at(new, 1500.0);
    assert_eq!((label(&one), one.is_placed()), (None, false));
    let placed = at(one, 1460.0);
    assert_eq!((label(&placed).as_deref(), placed.is_placed()), (Some("Gold IV"), true));
    let first = at(placed, 1400.0);
    let second = at(first, 1400.0);
    let third = at(second, 1440.0);
    assert_eq!(label(&third).as_deref(), Some("Gold IV"), "too soon, then too near the line");
    assert_eq!(label(&at(third.clone(), 1400.0)).as_deref(), Some("Silver I"));
    assert_eq!(label(&at(third, 1700.0)).as_deref(), Some("Platinum IV"));
}

#[test]
fn streaks_count_wins_up_and_losses_down() {
    let ladder = ladder();
    let play = |standing: Standing, outcome| {
        let played = Performance { outcome, kills: 1, deaths: 2, assists: 3 };
        standing.after_match(rating(1500.0, 80.0), played, NOW, (&PARAMS, &ladder))
    };
    let mut standing = Standing::new(&PARAMS, &ladder, NOW);
    let mut streaks = Vec::new();
    for outcome in
        [Outcome::Win, Outcome::Win, Outcome::Loss, Outcome::Loss, Outcome::Draw, Outcome::Win]
    {
        standing = play(standing, outcome);
        streaks.push(standing.streak);
    }
    assert_eq!(streaks, [1, 2, -1, -2, 0, 1]);
    assert_eq!((standing.wins, standing.losses, standing.draws), (3, 2, 1));
    assert_eq!((standing.kills, standing.deaths, standing.assists), (6, 12, 18));
}

#[test]
fn a_gap_of_any_size_leaves_ratings_that_are_numbers() {
    let teams = [vec![rating(9_900.0, 40.0)], vec![rating(0.0, 40.0)]];
    for placements in [[1, 2], [2, 1], [1, 1]] {
        for after in update(&teams, &placements, &PARAMS).concat() {
            assert!(
                after.value.is_finite()
                    && after.deviation.is_finite()
                    && after.volatility.is_finite()
            );
        }
    }
}

proptest! {
    #[test]
    fn a_season_is_begun_with_the_whole_rating_and_less_certainty(
        value in 0.0..3_500.0_f64,
        deviation in 30.0..350.0_f64,
        idle_days in 0_i64..2_000,
    ) {
        let (ended, ladder) = (NOW, ladder());
        let begins = ended.plus_ms(idle_days * 86_400_000);
        let last = Standing {
            rating: Rating { value, deviation, volatility: 0.02 },
            last_match_at: Some(ended),
            ..Standing::new(&PARAMS, &ladder, ended)
        };
        let next = last.carried(&PARAMS, &ladder, begins);
        prop_assert_eq!(next.rating.value, value);
        prop_assert!(next.rating.deviation >= deviation.max(120.0));
        prop_assert!(next.rating.deviation <= PARAMS.start_deviation);
        prop_assert!(!next.is_placed() && next.tier.is_none());
        prop_assert_eq!((next.wins, next.losses, next.draws, next.streak), (0, 0, 0, 0));
        // Nothing grows twice: the next match counts the time from the beginning of the season.
        prop_assert_eq!(next.last_match_at, Some(begins));
    }
}

#[test]
fn a_surprising_run_is_rated_fast_and_no_other() {
    let guard = Guard { streak: 3, deviation: 250.0, chance_below: 0.75 };
    let params = RatingParams { guard, ..PARAMS };
    let entered = |ratings: [f64; 2], streaks: [i32; 2], places: [i32; 2]| {
        let teams = ratings.map(|value| vec![rating(value, 60.0)]).to_vec();
        let streaks = streaks.map(|streak| vec![streak]);
        let entered = rating::guarded(teams, &streaks, &places, &params);
        [entered[0][0].deviation, entered[1][0].deviation]
    };
    // The third win in a row, and (for the other) the first loss.
    assert_eq!(entered([1500.0, 1500.0], [2, 0], [1, 2]), [250.0, 60.0]);
    assert_eq!(entered([1500.0, 1500.0], [1, 0], [1, 2]), [60.0, 60.0], "the second only");
    assert_eq!(entered([1500.0, 1500.0], [2, -2], [1, 2]), [250.0, 250.0]);
    assert_eq!(entered([1500.0, 1500.0], [2, -2], [2, 1]), [60.0, 60.0], "it ends");
    assert_eq!(entered([1500.0, 1500.0], [5, -5], [1, 1]), [60.0, 60.0], "a draw");
    assert_eq!(entered([1800.0, 1500.0], [5, -5], [1, 2]), [60.0, 60.0], "as expected");
    let teams = vec![vec![rating(1500.0, 60.0)], vec![rating(1500.0, 60.0)]];
    assert_eq!(rating::guarded(teams.clone(), &[vec![9], vec![-9]], &[1, 2], &PARAMS), teams);
}

#[test]
fn uncertainty_grows_beyond_a_bound_when_it_is_said_to() {
    for (deviation, bound) in [(60.0, 61.0), (60.0, 200.0), (100.0, 340.0)] {
        let ms = rating::grows_beyond(rating(1500.0, deviation), bound, &PARAMS).unwrap();
        assert!(aged(rating(1500.0, deviation), ms + 1_000, &PARAMS).deviation > bound);
        assert!(aged(rating(1500.0, deviation), ms - 1_000, &PARAMS).deviation <= bound);
    }
    assert_eq!(rating::grows_beyond(rating(1500.0, 90.0), 80.0, &PARAMS), Some(0));
    assert_eq!(rating::grows_beyond(rating(1500.0, 90.0), 350.0, &PARAMS), None);
}
