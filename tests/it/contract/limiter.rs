use std::sync::Arc;

use rankedhonor::backends::limiter::{Decision, Limiter, local::LocalLimiter};

use super::at;

const WINDOW: i64 = 60_000;

async fn refused(limiter: &dyn Limiter, key: &str, limit: u32, ms: i64) -> Option<u64> {
    match limiter.take(key, 1, limit, WINDOW, at(ms)).await.unwrap() {
        Decision::Allowed { .. } => None,
        Decision::RetryAfter { ms } => Some(ms),
    }
}

async fn takes_up_to_the_limit_and_keys_are_apart(limiter: &dyn Limiter) {
    for _ in 0..5 {
        assert_eq!(refused(limiter, "a", 5, 0).await, None);
    }
    assert!(refused(limiter, "a", 5, 0).await.is_some());
    assert_eq!(refused(limiter, "b", 5, 0).await, None);
}

async fn what_is_refused_takes_nothing_and_says_when_to_come_back(limiter: &dyn Limiter) {
    for _ in 0..5 {
        assert_eq!(refused(limiter, "c", 5, 1_000).await, None);
    }
    let mut now = 1_000;
    let wait = refused(limiter, "c", 5, now).await.unwrap();
    for _ in 0..100 {
        assert_eq!(refused(limiter, "c", 5, now).await, Some(wait));
    }
    // Whoever does as told gets through, and no moment earlier.
    for _ in 0..20 {
        let wait = i64::try_from(refused(limiter, "c", 5, now).await.unwrap()).unwrap();
        assert_eq!(refused(limiter, "c", 5, now + wait - 1).await, Some(1));
        now += wait;
        assert_eq!(refused(limiter, "c", 5, now).await, None);
    }
}

async fn no_window_passes_more_than_the_limit_at_its_edge(limiter: &dyn Limiter) {
    // Late in one window of the clock and early in the next: a fixed window would allow both.
    let edge = WINDOW - at(0).0.rem_euclid(WINDOW);
    for (key, limit) in [("d", 100), ("few", 3)] {
        let mut allowed = 0;
        for ms in [edge - 10, edge + 10] {
            for _ in 0..limit {
                allowed += u32::from(refused(limiter, key, limit, ms).await.is_none());
            }
        }
        assert_eq!(allowed, limit);
    }
}

async fn zero_is_no_limit(limiter: &dyn Limiter) {
    for _ in 0..100 {
        assert_eq!(refused(limiter, "e", 0, 0).await, None);
    }
}

async fn many_at_once_get_no_more_than_the_limit(limiter: Arc<dyn Limiter>) {
    let takes = (0..200).map(|_| {
        let limiter = limiter.clone();
        tokio::spawn(async move { refused(&*limiter, "f", 50, 5_000).await.is_none() })
    });
    let mut allowed = 0;
    for take in takes.collect::<Vec<_>>() {
        allowed += usize::from(take.await.unwrap());
    }
    assert_eq!(allowed, 50);
}

async fn much_can_be_taken_at_once_and_what_is_left_is_told(limiter: &dyn Limiter) {
    let take = |amount| limiter.take("g", amount, 100, WINDOW, at(7_000));
    assert_eq!(take(60).await.unwrap(), Decision::Allowed { left: 40 });
    assert!(matches!(take(41).await.unwrap(), Decision::RetryAfter { ms } if ms > 0));
    assert_eq!(take(40).await.unwrap(), Decision::Allowed { left: 0 });
    assert!(matches!(take(1).await.unwrap(), Decision::RetryAfter { .. }));
}

pub async fn holds(make: impl Fn() -> Arc<dyn Limiter>) {
    let limiter = make();
    takes_up_to_the_limit_and_keys_are_apart(&*limiter).await;
    what_is_refused_takes_nothing_and_says_when_to_come_back(&*limiter).await;
    no_window_passes_more_than_the_limit_at_its_edge(&*limiter).await;
    zero_is_no_limit(&*limiter).await;
    much_can_be_taken_at_once_and_what_is_left_is_told(&*limiter).await;
    many_at_once_get_no_more_than_the_limit(limiter).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_limiter_in_process_keeps_the_contract() {
    holds(|| Arc::new(LocalLimiter::default())).await;
}
