//! Serving, and stopping (rule 31).

use std::{
    convert::Infallible,
    io::{self, ErrorKind},
    net::SocketAddr,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{Method, Request, Response, Version},
};
use http_body_util::BodyExt;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{Instant, sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower_service::Service;

use super::{App, router};

/// How long running requests and sockets have to end.
const DRAIN: Duration = Duration::from_secs(10);
/// Between two questions to an HTTP/2 peer that says nothing, and how long it has to answer.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// What is waited for where the system gives no more connections.
const OUT_OF_FILES: Duration = Duration::from_secs(1);

/// What all connections have in common.
#[derive(Clone)]
struct Serving {
    router: Router,
    /// How long a request's headers may take, and a connection may have no request.
    headers: Duration,
    /// How long a client may take nothing of what it is sent.
    unread: Duration,
    /// Running requests are finished, no others are begun.
    stop: CancellationToken,
    /// Nothing is finished any more.
    cut: CancellationToken,
}

/// Serves until the application is told to drain: then no new connections are taken, running requests finish, and sockets are
/// closed with 1001 so that their clients go elsewhere.
///
/// # Errors
/// None so far: a listener that fails is asked again.
pub async fn serve(listener: TcpListener, app: App) -> io::Result<()> {
    let limits = &app.services.config.settings.limits;
    let serving = Serving {
        router: router(app.clone()),
        headers: Duration::from_millis(limits.header_timeout_ms),
        unread: Duration::from_millis(limits.unread_timeout_ms),
        stop: app.draining.clone(),
        cut: CancellationToken::new(),
    };
    let seats = Arc::new(Semaphore::new(limits.connections));
    let connections = TaskTracker::new();
    loop {
        // Who comes when all seats are taken waits for one in the system's own queue.
        let next = async {
            let seat = seats.clone().acquire_owned().await;
            (accept(&listener).await, seat)
        };
        let ((stream, peer), seat) = tokio::select! {
            biased;
            () = app.draining.cancelled() => break,
            next = next => next,
        };
        let serving = serving.clone();
        connections.spawn(async move {
            let _seat = seat;
            serving.run(stream, peer).await;
        });
    }
    drop(listener);
    app.connections.send_away();
    connections.close();
    // Whatever is still open after this is cut.
    if timeout(DRAIN, connections.wait()).await.is_err() {
        serving.cut.cancel();
    }
    app.sockets.close();
    let _ = timeout(DRAIN, app.sockets.wait()).await;
    Ok(())
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            // Who came has left already.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::ConnectionRefused
                        | ErrorKind::ConnectionAborted
                        | ErrorKind::ConnectionReset
                ) => {}
            Err(error) => {
                tracing::error!(%error, "no connection can be taken");
                sleep(OUT_OF_FILES).await;
            }
        }
    }
}

/// What a connection is used for.
struct Use {
    /// How its first request came; none: it had none yet.
    version: Option<Version>,
    /// Requests whose answers are not sent yet.
    running: usize,
    /// Since when that is so.
    since: Instant,
}

/// A request whose answer is not sent yet, or the socket that it became over HTTP/2.
pub struct Running(Arc<Mutex<Use>>);

impl Running {
    fn begin(used: &Arc<Mutex<Use>>, version: Version) -> Self {
        let mut now = held(used);
        now.version = Some(version);
        now.running += 1;
        Self(used.clone())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut now = held(&self.0);
        now.running -= 1;
        now.since = Instant::now();
    }
}

fn held(used: &Mutex<Use>) -> MutexGuard<'_, Use> {
    used.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers a request; it runs until its answer is sent, or, over HTTP/2, what it became of it as a socket has ended.
async fn answer(
    router: Router,
    mut request: Request<Incoming>,
    running: Running,
) -> Result<Response<Body>, Infallible> {
    if request.method() == Method::CONNECT {
        request.extensions_mut().insert(Arc::new(running));
        return { router }.call(request).await;
    }
    let answer = { router }.call(request).await?;
    Ok(answer.map(|body| {
        Body::new(body.map_frame(move |frame| {
            let _ = &running;
            frame
        }))
    }))
}

/// The system gives a connection up whose peer acknowledges nothing for that long, or has no room for anything.
fn bound_unread(stream: &TcpStream, most: Duration) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Err(error) = socket2::SockRef::from(stream).set_tcp_user_timeout(Some(most)) {
        tracing::debug!(%error, "a connection has no bound for what its peer does not take");
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = (stream, most);
}

impl Serving {
    /// Serves one connection to its end, or to where it becomes a socket.
    async fn run(self, stream: TcpStream, peer: SocketAddr) {
        bound_unread(&stream, self.unread);
        let unused = Use { version: None, running: 0, since: Instant::now() };
        let used = Arc::new(Mutex::new(unused));
        let service = service_fn({
            let (router, used) = (self.router, used.clone());
            move |mut request: Request<Incoming>| {
                request.extensions_mut().insert(ConnectInfo(peer));
                let running = Running::begin(&used, request.version());
                answer(router.clone(), request, running)
            }
        });
        let mut builder = Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(self.headers);
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE)
            // Sockets over HTTP/2.
            .enable_connect_protocol();
        let mut connection =
            pin!(builder.serve_connection_with_upgrades(TokioIo::new(stream), service));
        // Before the first bytes have told the version, and between the requests of HTTP/2, there is no other clock.
        let mut idle = pin!(sleep(self.headers));
        let (mut watched, mut going, mut stopping) = (true, false, false);
        loop {
            tokio::select! {
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(error, %peer, "a connection broke");
                    }
                    return;
                }
                () = self.stop.cancelled(), if !stopping => {
                    stopping = true;
                    connection.as_mut().graceful_shutdown();
                }
                () = &mut idle, if watched => {
                    let (version, free_at) = {
                        let used = held(&used);
                        let since = if used.running > 0 { Instant::now() } else { used.since };
                        (used.version, since + self.headers)
                    };
                    match version {
                        _ if free_at > Instant::now() => idle.as_mut().reset(free_at),
                        None => return,
                        Some(Version::HTTP_2) if going => return,
                        Some(Version::HTTP_2) => {
                            // Its peer is told, and takes what is under way yet.
                            going = true;
                            connection.as_mut().graceful_shutdown();
                            idle.as_mut().reset(Instant::now() + self.unread);
                        }
                        // There it is the time for the next request's headers.
                        Some(_) => watched = false,
                    }
                }
                () = self.cut.cancelled() => return,
            }
        }
    }
}
