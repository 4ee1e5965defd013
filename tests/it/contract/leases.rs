use std::{sync::Arc, time::Duration};

use rankedhonor::backends::leases::{Leases, local::LocalLeases};
use tokio::time::{Instant, sleep};

const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(60);

async fn one_holder_at_a_time_and_names_are_apart(leases: &dyn Leases) {
    assert_eq!(leases.holder("a").await.unwrap(), None);
    assert!(leases.hold("a", "one", LONG).await.unwrap());
    assert!(!leases.hold("a", "two", LONG).await.unwrap());
    assert!(leases.hold("b", "two", LONG).await.unwrap());
    assert!(leases.hold("a", "one", LONG).await.unwrap());
    assert_eq!(leases.holder("a").await.unwrap().as_deref(), Some("one"));
}

async fn what_is_not_renewed_runs_out(leases: &dyn Leases) {
    let began = Instant::now();
    assert!(leases.hold("c", "one", SHORT).await.unwrap());
    while !leases.hold("c", "two", LONG).await.unwrap() {
        assert!(began.elapsed() < LONG, "a lease of {SHORT:?} does not run out");
        sleep(Duration::from_millis(20)).await;
    }
    assert!(began.elapsed() + Duration::from_millis(20) >= SHORT);
    assert_eq!(leases.holder("c").await.unwrap().as_deref(), Some("two"));
    assert!(!leases.hold("c", "one", SHORT).await.unwrap());
}

async fn what_is_given_back_is_free_and_nobody_gives_back_what_others_hold(leases: &dyn Leases) {
    assert!(leases.hold("d", "one", LONG).await.unwrap());
    leases.release("d", "two").await.unwrap();
    assert!(!leases.hold("d", "two", LONG).await.unwrap());
    leases.release("d", "one").await.unwrap();
    assert_eq!(leases.holder("d").await.unwrap(), None);
    assert!(leases.hold("d", "two", LONG).await.unwrap());
    leases.release("d", "one").await.unwrap();
    assert_eq!(leases.holder("d").await.unwrap().as_deref(), Some("two"));
}

async fn of_many_who_ask_at_once_one_gets_it(leases: Arc<dyn Leases>) {
    let asked = (0..32).map(|n| {
        let leases = leases.clone();
        tokio::spawn(async move { leases.hold("e", &format!("holder-{n}"), LONG).await.unwrap() })
    });
    let mut held = 0;
    for asked in asked.collect::<Vec<_>>() {
        held += usize::from(asked.await.unwrap());
    }
    assert_eq!(held, 1);
}

pub async fn holds(leases: Arc<dyn Leases>) {
    one_holder_at_a_time_and_names_are_apart(&*leases).await;
    what_is_not_renewed_runs_out(&*leases).await;
    what_is_given_back_is_free_and_nobody_gives_back_what_others_hold(&*leases).await;
    of_many_who_ask_at_once_one_gets_it(leases).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_leases_in_process_keep_the_contract() {
    holds(Arc::new(LocalLeases::default())).await;
}
