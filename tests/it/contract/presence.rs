use std::collections::HashSet;

use rankedhonor::backends::presence::{Presence, local::LocalPresence};

use super::user;

/// Two views of the same presence: of two instances, or twice of the same.
pub async fn holds(one: &dyn Presence, two: &dyn Presence) {
    let everybody = [user(1), user(2), user(3)];
    assert_eq!(one.present(&everybody).await.unwrap(), HashSet::new());
    one.here(&[user(1), user(2)]).await.unwrap();
    assert_eq!(two.present(&everybody).await.unwrap(), HashSet::from([user(1), user(2)]));
    // Saying it again changes nothing.
    one.here(&[user(1)]).await.unwrap();
    one.gone(user(2)).await.unwrap();
    one.gone(user(3)).await.unwrap();
    assert_eq!(two.present(&everybody).await.unwrap(), HashSet::from([user(1)]));
    assert_eq!(two.present(&[]).await.unwrap(), HashSet::new());
}

#[tokio::test]
async fn the_presence_in_process_keeps_the_contract() {
    let presence = LocalPresence::default();
    holds(&presence, &presence).await;
}
