//! Tickets into teams: parties whole, chances as even as they can be.

use super::{Candidate, Rules};
use crate::game::rating::{Rating, RatingParams, win_probabilities};

/// Splits looked at before the best so far is taken; 4v4 has 35 and three teams of three have 280.
const SPLITS_MAX: usize = 5_000;

/// Whether the chosen tickets, perhaps with others to come, can be put into whole teams.
pub(super) fn fits(chosen: &[usize], candidates: &[Candidate], rules: &Rules) -> bool {
    let mut sizes: Vec<_> = chosen.iter().map(|&i| candidates[i].ratings.len()).collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    let mut room = vec![usize::from(rules.team_size); usize::from(rules.team_count)];
    place(&sizes, &mut room)
}

fn place(sizes: &[usize], room: &mut [usize]) -> bool {
    let Some((size, rest)) = sizes.split_first() else { return true };
    // What is left are single players: they fit wherever there is room.
    if *size == 1 {
        return sizes.len() <= room.iter().sum();
    }
    for team in 0..room.len() {
        // A team with as much room as one that was tried gives nothing new.
        if room[team] < *size || room[..team].contains(&room[team]) {
            continue;
        }
        room[team] -= size;
        let done = place(rest, room);
        room[team] += size;
        if done {
            return true;
        }
    }
    false
}

/// The split whose chances are the most even; each team as indices into `tickets`. None when parties cannot stay whole.
pub(super) fn split(
    tickets: &[&Candidate],
    rules: &Rules,
    params: &RatingParams,
) -> Option<Vec<Vec<usize>>> {
    let mut order: Vec<_> = (0..tickets.len()).collect();
    // Large parties first, which cuts the tree; then by rating and id, so that the order of arrival does not matter.
    order.sort_by(|&a, &b| {
        let (a, b) = (tickets[a], tickets[b]);
        (b.ratings.len().cmp(&a.ratings.len()))
            .then_with(|| b.mean.total_cmp(&a.mean))
            .then_with(|| a.ticket.cmp(&b.ticket))
    });
    let mut best = Best { uneven: f64::INFINITY, teams: None, looked: 0 };
    let mut teams = vec![Vec::new(); usize::from(rules.team_count)];
    descend(tickets, &order, &mut teams, rules, params, &mut best);
    best.teams
}

struct Best {
    uneven: f64,
    teams: Option<Vec<Vec<usize>>>,
    looked: usize,
}

fn descend(
    tickets: &[&Candidate],
    order: &[usize],
    teams: &mut Vec<Vec<usize>>,
    rules: &Rules,
    params: &RatingParams,
    best: &mut Best,
) {
    if best.looked >= SPLITS_MAX {
        return;
    }
    let Some((next, rest)) = order.split_first() else {
        best.looked += 1;
        let uneven = unevenness(tickets, teams, params);
        if uneven < best.uneven {
            best.uneven = uneven;
            best.teams = Some(teams.clone());
        }
        return;
    };
    let size = tickets[*next].ratings.len();
    for team in 0..teams.len() {
        let filled: usize = teams[team].iter().map(|&i| tickets[i].ratings.len()).sum();
        if filled + size > usize::from(rules.team_size) {
            continue;
        }
        teams[team].push(*next);
        descend(tickets, rest, teams, rules, params, best);
        teams[team].pop();
        // Empty teams are all alike.
        if filled == 0 {
            break;
        }
    }
}

/// How far the best team's chance is above an even share.
fn unevenness(tickets: &[&Candidate], teams: &[Vec<usize>], params: &RatingParams) -> f64 {
    let ratings: Vec<Vec<Rating>> = teams
        .iter()
        .map(|team| team.iter().flat_map(|&i| tickets[i].ratings.iter().copied()).collect())
        .collect();
    let chances = win_probabilities(&ratings, params);
    let even = 1.0 / chances.len() as f64;
    chances.iter().map(|chance| (chance - even).abs()).sum()
}
