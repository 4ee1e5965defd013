use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt;

use rankedhonor::{
    backends::bus::{Bus, Signal, Subscription, local::LocalBus},
    game::{
        event::{LiveEvent, Shared, TimelineEvent, Topic},
        ids::MatchId,
    },
};
use tokio::time::timeout;

use super::{at, match_id};

/// What a slow listener may miss at most before it hears of a gap, in any implementation.
const FLOOD: i64 = 20_000;

fn line(of: MatchId, position: i64) -> Shared {
    let event = TimelineEvent {
        position,
        kind: "KILL".into(),
        at_ms: 0,
        actor: None,
        target: None,
        data: None,
        recorded_at: at(position),
    };
    Arc::new(LiveEvent::Timeline { match_id: of, events: vec![event] })
}

fn board() -> Shared {
    Arc::new(LiveEvent::Board { mode: None })
}

async fn next(listener: &mut Box<dyn Subscription>) -> Option<Signal> {
    timeout(Duration::from_secs(60), listener.next()).await.expect("nothing was told")
}

async fn every_listener_hears_its_topic_in_order(bus: Arc<dyn Bus>) {
    arrived(&bus).await;
    let (one, two) = (match_id(1), match_id(2));
    let mut first = bus.subscribe(Topic::Match(one));
    let mut second = bus.subscribe(Topic::Match(one));
    let mut other = bus.subscribe(Topic::Match(two));
    bus.publish(&[line(one, 1), line(two, 7), line(one, 2)]).await.unwrap();
    bus.publish(&[line(one, 3)]).await.unwrap();
    for listener in [&mut first, &mut second] {
        for position in 1..4 {
            assert_eq!(next(listener).await, Some(Signal::Event(line(one, position))));
        }
    }
    assert_eq!(next(&mut other).await, Some(Signal::Event(line(two, 7))));
}

/// Waits until what was published is with the listeners: a bus that crosses a network needs a moment.
async fn arrived(bus: &Arc<dyn Bus>) {
    let mut last = bus.subscribe(Topic::Feed);
    let mark = Arc::new(LiveEvent::Feed { items: Vec::new() });
    loop {
        bus.publish(std::slice::from_ref(&mark)).await.unwrap();
        if let Ok(Some(Signal::Event(_))) = timeout(Duration::from_millis(200), last.next()).await {
            return;
        }
    }
}

async fn nothing_from_before_is_heard(bus: Arc<dyn Bus>) {
    bus.publish(&[line(match_id(1), 1)]).await.unwrap();
    arrived(&bus).await;
    let mut late = bus.subscribe(Topic::Match(match_id(1)));
    bus.publish(&[line(match_id(1), 2)]).await.unwrap();
    assert_eq!(next(&mut late).await, Some(Signal::Event(line(match_id(1), 2))));
}

async fn a_listener_that_left_holds_up_nobody(bus: Arc<dyn Bus>) {
    let left = bus.subscribe(Topic::Boards);
    let mut stays = bus.subscribe(Topic::Boards);
    drop(left);
    bus.publish(&[board()]).await.unwrap();
    assert_eq!(next(&mut stays).await, Some(Signal::Event(board())));
    drop(stays);
    bus.publish(&[board()]).await.unwrap();
    let mut again = bus.subscribe(Topic::Boards);
    bus.publish(&[board()]).await.unwrap();
    assert_eq!(next(&mut again).await, Some(Signal::Event(board())));
}

async fn everybody_hears_of_a_gap_that_is_told(bus: Arc<dyn Bus>) {
    let (mut one, mut two) = (bus.subscribe(Topic::Boards), bus.subscribe(Topic::Ranks));
    bus.gap().await.unwrap();
    assert_eq!(next(&mut one).await, Some(Signal::Gap));
    assert_eq!(next(&mut two).await, Some(Signal::Gap));
}

async fn what_comes_first_is_done_before_anybody_hears(bus: Arc<dyn Bus>) {
    let done = Arc::new(AtomicUsize::new(0));
    let count = done.clone();
    bus.precede(Arc::new(move |signal| {
        let count = count.clone();
        async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            if signal == Signal::Event(board()) || signal == Signal::Gap {
                count.fetch_add(1, Ordering::SeqCst);
            }
        }
        .boxed()
    }));
    let mut listener = bus.subscribe(Topic::Boards);
    bus.publish(&[board()]).await.unwrap();
    assert_eq!(next(&mut listener).await, Some(Signal::Event(board())));
    assert_eq!(done.load(Ordering::SeqCst), 1);
    bus.gap().await.unwrap();
    assert_eq!(next(&mut listener).await, Some(Signal::Gap));
    assert_eq!(done.load(Ordering::SeqCst), 2);
}

async fn a_slow_listener_hears_of_a_gap_and_then_the_newest(bus: Arc<dyn Bus>) {
    arrived(&bus).await;
    let id = match_id(1);
    let mut slow = bus.subscribe(Topic::Match(id));
    let flood: Vec<_> = (1..=FLOOD).map(|position| line(id, position)).collect();
    for batch in flood.chunks(500) {
        bus.publish(batch).await.unwrap();
    }
    let mut gaps = 0;
    let mut last = 0;
    while last < FLOOD {
        match next(&mut slow).await {
            Some(Signal::Gap) => gaps += 1,
            Some(Signal::Event(event)) => {
                let LiveEvent::Timeline { events, .. } = &*event else { panic!("{event:?}") };
                let position = events[0].position;
                assert!(position == last + 1 || gaps > 0, "{position} after {last} without a gap");
                assert!(position > last);
                last = position;
            }
            None => panic!("the bus is gone"),
        }
    }
    assert!(gaps > 0, "{FLOOD} events were kept for a listener that does not listen");
}

pub async fn holds(make: impl Fn() -> Arc<dyn Bus>) {
    every_listener_hears_its_topic_in_order(make()).await;
    nothing_from_before_is_heard(make()).await;
    a_listener_that_left_holds_up_nobody(ready(make()).await).await;
    everybody_hears_of_a_gap_that_is_told(ready(make()).await).await;
    what_comes_first_is_done_before_anybody_hears(ready(make()).await).await;
    a_slow_listener_hears_of_a_gap_and_then_the_newest(make()).await;
}

async fn ready(bus: Arc<dyn Bus>) -> Arc<dyn Bus> {
    arrived(&bus).await;
    bus
}

#[tokio::test]
async fn the_bus_in_process_keeps_the_contract() {
    holds(|| Arc::new(LocalBus::default())).await;
}
