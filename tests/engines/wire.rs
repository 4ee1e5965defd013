//! A network that can break: what one instance says to an engine goes through it. Cut, it swallows everything without a
//! word, and connections from before stay dead when it is mended, as after a long partition.

use std::{io::ErrorKind, net::SocketAddr, sync::Arc};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};

pub struct Wire {
    addr: SocketAddr,
    /// How often it was cut; odd: it is.
    cuts: watch::Sender<u32>,
}

impl Wire {
    /// A wire to that engine.
    pub async fn to(url: &str) -> Self {
        let (_, rest) = url.split_once("://").unwrap();
        let authority = rest.split(['/', '?']).next().unwrap();
        let target = authority.rsplit('@').next().unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let cuts = watch::Sender::new(0);
        let state = cuts.subscribe();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(carry(near, target.clone(), state.clone()));
            }
        });
        Self { addr, cuts }
    }

    /// The engine's address by way of this wire.
    pub fn through(&self, url: &str) -> String {
        let (scheme, rest) = url.split_once("://").unwrap();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let credentials =
            rest[..end].rsplit_once('@').map_or(String::new(), |(who, _)| format!("{who}@"));
        format!("{scheme}://{credentials}{}{}", self.addr, &rest[end..])
    }

    pub fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    pub fn mend(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}

async fn carry(near: TcpStream, target: String, mut cuts: watch::Receiver<u32>) {
    let age = *cuts.borrow();
    // Held to the end: a broken network closes nothing.
    let (near, far) =
        (near, if age.is_multiple_of(2) { TcpStream::connect(target).await.ok() } else { None });
    let Some(far) = far else {
        return silent(near).await;
    };
    let (near, far) = (Arc::new(near), Arc::new(far));
    tokio::select! {
        () = copy(near.clone(), far.clone()) => return,
        () = copy(far.clone(), near.clone()) => return,
        _ = cuts.wait_for(|cuts| *cuts != age) => {}
    }
    silent((near, far)).await;
}

/// Keeps connections open, on which nothing comes any more.
async fn silent<T>(connections: T) {
    std::future::pending::<()>().await;
    drop(connections);
}

async fn copy(from: Arc<TcpStream>, to: Arc<TcpStream>) {
    let mut buffer = vec![0; 16_384];
    loop {
        if from.readable().await.is_err() {
            return;
        }
        let read = match from.try_read(&mut buffer) {
            Ok(0) => return,
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
            Err(_) => return,
        };
        let mut sent = 0;
        while sent < read {
            if to.writable().await.is_err() {
                return;
            }
            match to.try_write(&buffer[sent..read]) {
                Ok(wrote) => sent += wrote,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
        }
    }
}
