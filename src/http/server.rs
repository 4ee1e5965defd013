//! Serving, and stopping (rule 31).

use std::{net::SocketAddr, time::Duration};

use tokio::net::TcpListener;

use super::{App, router};

/// How long running requests and sockets have to end.
const DRAIN: Duration = Duration::from_secs(10);

/// Serves until the application is told to drain: then no new connections are taken, running requests finish, and sockets are
/// closed with 1001 so that their clients go elsewhere.
///
/// # Errors
/// When the listener fails.
pub async fn serve(listener: TcpListener, app: App) -> std::io::Result<()> {
    let service = router(app.clone()).into_make_service_with_connect_info::<SocketAddr>();
    let draining = app.draining.clone();
    let stop = draining.clone();
    let serving = axum::serve(listener, service)
        .with_graceful_shutdown(async move { stop.cancelled().await });
    let serving = std::future::IntoFuture::into_future(serving);
    tokio::pin!(serving);
    let ended = tokio::select! {
        biased;
        () = draining.cancelled() => None,
        ended = &mut serving => Some(ended),
    };
    app.connections.send_away();
    match ended {
        // The same word that is waited for here may have ended it already.
        Some(ended) => ended?,
        // Whatever is still open after this is cut.
        None => drop(tokio::time::timeout(DRAIN, &mut serving).await),
    }
    app.sockets.close();
    let _ = tokio::time::timeout(DRAIN, app.sockets.wait()).await;
    Ok(())
}
