use std::{collections::HashMap, sync::Arc};

use proptest::{prelude::*, strategy::ValueTree};
use rankedhonor::{
    backends::ladder::{Above, BoardId, Ladder, SHIFTS_MAX, local::LocalLadder},
    game::{
        event::PlayerMove,
        mode::{Country, Home, ModeId, RegionId, Scope},
        standing::{Place, shown},
    },
};

use super::{at, season, user};

fn place(player: u128, rating: f64) -> Place {
    Place { rating, deviation: 80.0, wins: 3, reached_at: at(0), user: user(player) }
}

fn home(region: &str) -> Home {
    Home { region: Some(RegionId::new(region)), country: None }
}

fn of(region: &str) -> Scope {
    Scope::Region(RegionId::new(region))
}

fn board(mode: &str) -> BoardId {
    BoardId { mode: ModeId::new(mode), season: season(1) }
}

fn moved(after: Option<Place>, player: u128, home: Home) -> PlayerMove {
    PlayerMove {
        hero: None,
        user: user(player),
        home,
        username: String::new(),
        mmr_before: 0,
        mmr_after: 0,
        before: None,
        after,
        tier_before: None,
        tier_after: None,
        best_before: None,
        streak: 0,
    }
}

async fn an_empty_board_is_empty(ladder: &dyn Ladder) {
    let id = board("empty");
    assert_eq!(ladder.rank(&id, user(1)).await.unwrap(), None);
    assert_eq!(ladder.place(&id, user(1)).await.unwrap(), None);
    assert_eq!(ladder.len(&id, &Scope::All).await.unwrap(), 0);
    assert_eq!(ladder.page(&id, &Scope::All, 0, 10).await.unwrap(), vec![]);
    assert_eq!(ladder.ahead_of(&id, &Scope::All, &place(1, 1500.0)).await.unwrap(), 0);
}

async fn whoever_is_placed_no_more_leaves_and_those_behind_move_up(ladder: &dyn Ladder) {
    let id = board("leaves");
    let start = (1..=4).map(|n| (place(n, 1000.0 + n as f64), home("eu"))).collect();
    ladder.rebuild(&id, start).await.unwrap();
    for told in [(Some(2), None), (None, None)] {
        let moved = ladder.submit(&id, &[moved(None, 3, home("eu"))]).await.unwrap();
        assert_eq!(moved.players, vec![told]);
        let shifts: Vec<_> =
            moved.shifts.iter().map(|s| (s.place.user, s.before, s.after)).collect();
        let expected = [(user(2), 3, 2), (user(1), 4, 3)];
        assert_eq!(shifts, if told.0.is_some() { expected.to_vec() } else { Vec::new() });
        assert_eq!(ladder.rank(&id, user(3)).await.unwrap(), None);
        assert_eq!(ladder.len(&id, &of("eu")).await.unwrap(), 3);
    }
}

async fn a_move_tells_places_before_and_after_and_repeating_it_changes_nothing(
    ladder: &dyn Ladder,
) {
    let id = board("moves");
    let start = (1..=4).map(|n| (place(n, 1000.0 + n as f64), Home::default())).collect();
    ladder.rebuild(&id, start).await.unwrap();
    let moves =
        [moved(Some(place(1, 1003.5)), 1, Home::default()), moved(None, 9, Home::default())];
    let told = ladder.submit(&id, &moves).await.unwrap();
    assert_eq!(told.players, vec![(Some(4), Some(2)), (None, None)]);
    let shifts: HashMap<_, _> =
        told.shifts.iter().map(|s| (s.place.user, (s.before, s.after))).collect();
    assert_eq!(shifts, HashMap::from([(user(3), (2, 3)), (user(2), (3, 4))]));
    let again = ladder.submit(&id, &moves).await.unwrap();
    assert_eq!(again.players, vec![(Some(2), Some(2)), (None, None)]);
    assert_eq!(again.shifts, vec![]);
    assert_eq!(ladder.len(&id, &Scope::All).await.unwrap(), 4);
}

async fn boards_and_regions_are_apart(ladder: &dyn Ladder) {
    let (one, two) = (board("one"), board("two"));
    ladder.submit(&one, &[moved(Some(place(1, 1.0)), 1, home("eu"))]).await.unwrap();
    ladder.submit(&one, &[moved(Some(place(2, 2.0)), 2, home("us"))]).await.unwrap();
    ladder.submit(&two, &[moved(Some(place(1, 5.0)), 1, home("eu"))]).await.unwrap();
    assert_eq!(ladder.len(&two, &Scope::All).await.unwrap(), 1);
    let eu = of("eu");
    assert_eq!(ladder.page(&one, &eu, 0, 9).await.unwrap(), vec![place(1, 1.0)]);
    ladder.set_home(user(2), home("eu")).await.unwrap();
    let both = vec![place(2, 2.0), place(1, 1.0)];
    assert_eq!(ladder.page(&one, &eu, 0, 9).await.unwrap(), both);
    assert_eq!(ladder.len(&one, &of("us")).await.unwrap(), 0);
    ladder.set_home(user(1), Home::default()).await.unwrap();
    assert_eq!(ladder.len(&one, &eu).await.unwrap(), 1);
    assert_eq!(ladder.len(&one, &Scope::All).await.unwrap(), 2);
    assert_eq!(ladder.len(&two, &eu).await.unwrap(), 0);
}

async fn countries_are_apart_from_regions(ladder: &dyn Ladder) {
    let id = board("countries");
    let norway = Scope::Country(Country::new("NO"));
    let at_home = Home { country: Some(Country::new("NO")), ..home("eu") };
    ladder.submit(&id, &[moved(Some(place(1, 1.0)), 1, at_home)]).await.unwrap();
    ladder.submit(&id, &[moved(Some(place(2, 2.0)), 2, home("eu"))]).await.unwrap();
    assert_eq!(ladder.page(&id, &norway, 0, 9).await.unwrap(), vec![place(1, 1.0)]);
    assert_eq!(ladder.len(&id, &of("eu")).await.unwrap(), 2);
    ladder.set_home(user(1), home("us")).await.unwrap();
    assert_eq!(ladder.len(&id, &norway).await.unwrap(), 0);
    assert_eq!(ladder.ahead_of(&id, &of("us"), &place(1, 1.0)).await.unwrap(), 0);
}

async fn too_many_shifts_are_not_told_one_by_one(ladder: &dyn Ladder) {
    let id = board("crowd");
    let crowd = SHIFTS_MAX as u128 + 10;
    ladder
        .rebuild(&id, (1..=crowd).map(|n| (place(n, n as f64), Home::default())).collect())
        .await
        .unwrap();
    let told = ladder.submit(&id, &[moved(Some(place(1, 1e6)), 1, Home::default())]).await.unwrap();
    assert_eq!(told.players, vec![(Some(crowd as i32), Some(1))]);
    assert_eq!(told.shifts, vec![]);
}

async fn a_rebuilt_board_holds_what_it_was_given_and_no_more(ladder: &dyn Ladder) {
    let id = board("anew");
    ladder
        .rebuild(&id, vec![(place(1, 1.0), Home::default()), (place(2, 2.0), Home::default())])
        .await
        .unwrap();
    ladder.rebuild(&id, vec![(place(3, 3.0), home("eu"))]).await.unwrap();
    assert_eq!(ladder.page(&id, &Scope::All, 0, 9).await.unwrap(), vec![place(3, 3.0)]);
    assert_eq!(ladder.rank(&id, user(1)).await.unwrap(), None);
}

/// The order is the one of rule 20, whatever came in which order: every answer is compared with a sorted list.
async fn agrees_with_a_sorted_list(ladder: &dyn Ladder, moves: &[(u128, Place)], name: &str) {
    let id = board(name);
    let mut truth: HashMap<u128, Place> = HashMap::new();
    for (player, to) in moves {
        ladder.submit(&id, &[moved(Some(to.clone()), *player, Home::default())]).await.unwrap();
        truth.insert(*player, to.clone());
    }
    let mut order: Vec<_> = truth.into_values().collect();
    order.sort();
    assert_eq!(ladder.len(&id, &Scope::All).await.unwrap(), order.len());
    assert_eq!(ladder.page(&id, &Scope::All, 0, usize::MAX).await.unwrap(), order);
    for (index, at) in order.iter().enumerate() {
        assert_eq!(ladder.rank(&id, at.user).await.unwrap(), Some(index as i32 + 1));
        assert_eq!(ladder.place(&id, at.user).await.unwrap().as_ref(), Some(at));
        assert_eq!(ladder.ahead_of(&id, &Scope::All, at).await.unwrap(), index);
        assert_eq!(ladder.page(&id, &Scope::All, index, 1).await.unwrap(), vec![at.clone()]);
        let mmr = shown(at.rating);
        let mut above: Vec<_> =
            order.iter().map(|p| shown(p.rating)).filter(|other| *other > mmr).collect();
        let players = above.len();
        above.dedup();
        let above = Above { players, ratings: above.len() };
        assert_eq!(ladder.above(&id, &Scope::All, mmr).await.unwrap(), above);
    }
}

/// Few values of each part, so that every tie of the order comes up.
fn moves() -> impl Strategy<Value = Vec<(u128, Place)>> {
    let one = (0..400_u128, 0..3_i32, 0..2_i32, 0..2_i32, 0..2_i64).prop_map(
        |(player, rating, deviation, wins, reached)| {
            let place = Place {
                rating: 1500.0 + f64::from(rating) / 3.0,
                deviation: 60.0 + f64::from(deviation),
                wins,
                reached_at: at(reached),
                user: user(player),
            };
            (player, place)
        },
    );
    proptest::collection::vec(one, 1..1_500)
}

pub async fn holds(make: impl Fn() -> Arc<dyn Ladder>) {
    let ladder = make();
    whoever_is_placed_no_more_leaves_and_those_behind_move_up(&*ladder).await;
    an_empty_board_is_empty(&*ladder).await;
    a_move_tells_places_before_and_after_and_repeating_it_changes_nothing(&*ladder).await;
    boards_and_regions_are_apart(&*ladder).await;
    countries_are_apart_from_regions(&*ladder).await;
    too_many_shifts_are_not_told_one_by_one(&*ladder).await;
    a_rebuilt_board_holds_what_it_was_given_and_no_more(&*ladder).await;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for case in 0..12 {
        let moves = moves().new_tree(&mut runner).unwrap().current();
        agrees_with_a_sorted_list(&*ladder, &moves, &format!("sorted{case}")).await;
    }
}

#[tokio::test]
async fn the_ladder_in_process_keeps_the_contract() {
    holds(|| Arc::new(LocalLadder::default())).await;
}
