//! The ladder beside Redis: rank, the 21 around a player, an update, and memory, with as many players in both.
//!
//!     cargo bench --bench ladder -- [PLAYERS] [redis://127.0.0.1:6379]
//!
//! The ladder is asked as the server asks it, through its port, by one task. Redis is asked over loopback by 64 tasks on one
//! connection that pipelines by itself; what is told is the time for each question, of all tasks together.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::{
    future::Future,
    time::{Duration, Instant},
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use rankedhonor::{
    backends::ladder::{BoardId, Ladder, local::LocalLadder},
    game::{
        event::PlayerMove,
        ids::{SeasonId, UserId},
        mode::{Home, ModeId, RegionId, Scope},
        standing::{Place, shown},
        time::Timestamp,
    },
};
use redis::{AsyncCommands, aio::MultiplexedConnection};
use uuid::Uuid;

const TASKS: usize = 64;
const REDIS_KEY: &str = "bench:leaderboard";

struct Players {
    random: StdRng,
    count: u128,
}

impl Players {
    fn user(&self, number: u128) -> UserId {
        UserId::from_uuid(Uuid::from_u128((number << 64) | 0x7000_8000_0000_0000_0000))
    }

    fn any(&mut self) -> UserId {
        let number = self.random.random_range(0..self.count);
        self.user(number)
    }

    /// A place by a bell curve about 1500.
    fn place(&mut self, user: UserId) -> Place {
        let bell: f64 = (0..12).map(|_| self.random.random_range(0.0..1.0)).sum();
        Place {
            rating: (bell - 6.0).mul_add(330.0, 1500.0),
            deviation: self.random.random_range(45.0..120.0),
            wins: self.random.random_range(5..500),
            reached_at: Timestamp(self.random.random_range(0..1 << 40)),
            user,
        }
    }

    /// The same place after a match.
    fn moved(&mut self, place: &Place) -> Place {
        Place { rating: place.rating + self.random.random_range(-25.0..25.0), ..place.clone() }
    }
}

fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

fn each(elapsed: Duration, times: usize) -> f64 {
    elapsed.as_secs_f64() * 1e9 / times as f64
}

struct Figures {
    rank: f64,
    around: f64,
    update: f64,
    bytes: f64,
}

async fn ours(players: &mut Players) -> Figures {
    let ladder: &dyn Ladder = &LocalLadder::default();
    let board = BoardId { mode: ModeId::new("1v1"), season: SeasonId::from_uuid(Uuid::nil()) };
    let home = Home { region: Some(RegionId::new("eu-west")), country: None };
    let before = resident();
    let places = (0..players.count).map(|number| {
        let user = players.user(number);
        (players.place(user), home.clone())
    });
    let places: Vec<_> = places.collect();
    let began = Instant::now();
    ladder.rebuild(&board, places).await.unwrap();
    // The list that it was filled from is gone by now.
    println!("  filled in {:.2} s", began.elapsed().as_secs_f64());
    let bytes = resident().saturating_sub(before) as f64 / players.count as f64;
    let asked: Vec<_> = (0..1_000_000).map(|_| players.any()).collect();
    let began = Instant::now();
    for user in &asked {
        std::hint::black_box(ladder.rank(&board, *user).await.unwrap());
    }
    let rank = each(began.elapsed(), asked.len());
    let began = Instant::now();
    let around = &asked[..100_000];
    for user in around {
        let place = ladder.place(&board, *user).await.unwrap().unwrap();
        let at = ladder.ahead_of(&board, &Scope::All, &place).await.unwrap();
        let page = ladder.page(&board, &Scope::All, at.saturating_sub(10), 21).await.unwrap();
        assert!(page.len() >= 11);
    }
    let around = each(began.elapsed(), around.len());
    let mut moves = Vec::new();
    for user in &asked[..100_000] {
        let place = ladder.place(&board, *user).await.unwrap().unwrap();
        let after = players.moved(&place);
        moves.push([PlayerMove {
            user: *user,
            home: home.clone(),
            username: String::new(),
            mmr_before: shown(place.rating),
            mmr_after: shown(after.rating),
            before: Some(place),
            after: Some(after),
            tier_before: None,
            tier_after: None,
            best_before: None,
            streak: 1,
            hero: None,
        }]);
    }
    let began = Instant::now();
    for one in &moves {
        ladder.submit(&board, one).await.unwrap();
    }
    let update = each(began.elapsed(), moves.len());
    Figures { rank, around, update, bytes }
}

/// Asks so often, by many tasks; the time for each.
async fn by_many<F, Fut>(connection: &MultiplexedConnection, times: usize, ask: F) -> f64
where
    F: Fn(MultiplexedConnection, u64) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = ()> + Send,
{
    let began = Instant::now();
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (connection, ask) = (connection.clone(), ask.clone());
            tokio::spawn(async move {
                for round in 0..times / TASKS {
                    ask(connection.clone(), (round * TASKS + task) as u64).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    each(began.elapsed(), times / TASKS * TASKS)
}

async fn redis_memory(connection: &mut MultiplexedConnection) -> f64 {
    let info: String = redis::cmd("INFO").arg("memory").query_async(connection).await.unwrap();
    let used = info.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap();
    used.trim().parse().unwrap()
}

async fn theirs(players: &mut Players, url: &str) -> Figures {
    let client = redis::Client::open(url).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let _: () = connection.del(REDIS_KEY).await.unwrap();
    let before = redis_memory(&mut connection).await;
    let numbers: Vec<_> = (0..players.count).collect();
    for chunk in numbers.chunks(10_000) {
        let entries: Vec<_> = chunk
            .iter()
            .map(|number| {
                let user = players.user(*number);
                (players.place(user).rating, user.to_string())
            })
            .collect();
        let _: () = connection.zadd_multiple(REDIS_KEY, &entries).await.unwrap();
    }
    let bytes = (redis_memory(&mut connection).await - before) / players.count as f64;
    let (count, times) = (players.count, 200_000);
    let name = move |at: u64| {
        let number = (u128::from(at) * 7_919_777) % count;
        let uuid = Uuid::from_u128((number << 64) | 0x7000_8000_0000_0000_0000);
        UserId::from_uuid(uuid).to_string()
    };
    let rank = by_many(&connection, times, move |mut connection, at| async move {
        let rank: Option<u64> = connection.zrevrank(REDIS_KEY, name(at)).await.unwrap();
        assert!(rank.is_some());
    });
    let rank = rank.await;
    let around = by_many(&connection, times / 4, move |mut connection, at| async move {
        let rank: Option<isize> = connection.zrevrank(REDIS_KEY, name(at)).await.unwrap();
        let from = (rank.unwrap() - 10).max(0);
        let page: Vec<(String, f64)> =
            connection.zrevrange_withscores(REDIS_KEY, from, from + 20).await.unwrap();
        assert!(page.len() >= 11);
    });
    let around = around.await;
    let update = by_many(&connection, times, move |mut connection, at| async move {
        let rating = 1500.0 + (at % 977) as f64;
        let _: () = connection.zadd(REDIS_KEY, name(at), rating).await.unwrap();
    });
    let update = update.await;
    let _: () = connection.unlink(REDIS_KEY).await.unwrap();
    Figures { rank, around, update, bytes }
}

#[tokio::main]
async fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let count = arguments.first().map_or(1_000_000, |count| count.parse().unwrap());
    let url = arguments.get(1).map_or("redis://127.0.0.1:6379", String::as_str);
    let mut players = Players { random: StdRng::seed_from_u64(1), count };
    println!("{count} players");
    let ours = ours(&mut players).await;
    let theirs = theirs(&mut players, url).await;
    println!("  {:10} {:>12} {:>12} {:>8}", "", "here, ns", "Redis, ns", "ratio");
    for (name, here, there) in [
        ("rank", ours.rank, theirs.rank),
        ("around 21", ours.around, theirs.around),
        ("update", ours.update, theirs.update),
    ] {
        println!("  {name:10} {here:>12.0} {there:>12.0} {:>8.1}", there / here);
    }
    println!("  {:10} {:>12.0} {:>12.0}   bytes a player", "memory", ours.bytes, theirs.bytes);
}
