//! Where mails are handed over: to a server that speaks SMTP, or (where none is named) as files in the data directory.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
};
use secrecy::ExposeSecret;
use uuid::Uuid;

use crate::{
    config::{Config, private},
    error::{Error, Result},
    game::ids::UserId,
};

/// How long the server may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// See the module.
pub struct Mail {
    from: Mailbox,
    transport: Transport,
    /// Where mails are that are files, or were before a server was named.
    directory: PathBuf,
}

enum Transport {
    File,
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
}

impl Mail {
    /// What the settings name.
    ///
    /// # Errors
    /// When the URL or the sender cannot be understood, or the directory not be made.
    pub fn new(config: &Config) -> Result<Self> {
        let from = config.settings.mail.from.parse().map_err(|error| {
            Error::internal(format!("mail.from is no address with a name: {error}"))
        })?;
        let transport = match &config.smtp_url {
            Some(url) => {
                let built = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose_secret());
                // What it says could hold the password.
                let built = built.map_err(|_| Error::internal("SMTP_URL cannot be understood"))?;
                Transport::Smtp(built.timeout(Some(PATIENCE)).build())
            }
            None => Transport::File,
        };
        let directory = config.data_dir.join("mail");
        if matches!(transport, Transport::File) {
            // What is in mails lets their readers in.
            private::make_dir(&directory).map_err(Error::internal)?;
        }
        Ok(Self { from, transport, directory })
    }

    /// Hands a mail to a user over.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE when it was not taken.
    pub async fn send(&self, user: UserId, to: &str, subject: &str, text: String) -> Result<()> {
        let unavailable = |error| Error::unavailable("mail server", error);
        let to = to.parse().map_err(Error::internal)?;
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(subject)
            .header(ContentType::TEXT_PLAIN)
            .body(text)
            .map_err(Error::internal)?;
        match &self.transport {
            Transport::File => {
                // By its name it is found again when its user is deleted.
                let name = format!("{user}.{}.eml", Uuid::now_v7());
                let written = tokio::fs::write(self.directory.join(name), message.formatted());
                written.await.map_err(Error::internal)?;
            }
            Transport::Smtp(server) => {
                server.send(message).await.map_err(|error| unavailable(Box::new(error)))?;
            }
        }
        Ok(())
    }

    /// Removes the files that hold mails to a user who had that address. Says how many.
    ///
    /// # Errors
    /// When the directory cannot be read, or a file not be removed.
    pub async fn forget(&self, user: UserId, address: &str) -> Result<usize> {
        let (own, address) = (user.to_string(), address.to_owned());
        self.remove(move |file| {
            let named = file.user.is_some_and(|user| user == own);
            named || file.user.is_none() && is_to(file.path, &address)
        })
        .await
    }

    /// Removes the files that were written before `before`, and those to these users. Says how many.
    ///
    /// # Errors
    /// As [`Self::forget`].
    pub async fn tidy(&self, before: SystemTime, gone: &[UserId]) -> Result<usize> {
        let gone: Vec<_> = gone.iter().map(ToString::to_string).collect();
        self.remove(move |file| {
            file.written.is_some_and(|at| at < before)
                || file.user.is_some_and(|user| gone.iter().any(|gone| gone == user))
        })
        .await
    }

    async fn remove(&self, whether: impl Fn(&File<'_>) -> bool + Send + 'static) -> Result<usize> {
        let directory = self.directory.clone();
        let removed = tokio::task::spawn_blocking(move || remove(&directory, whether)).await;
        removed.map_err(Error::internal)?.map_err(Error::internal)
    }
}

/// A mail that is a file.
struct File<'a> {
    path: &'a Path,
    /// To whom it went; none where its name does not say so.
    user: Option<&'a str>,
    written: Option<SystemTime>,
}

fn remove(directory: &Path, whether: impl Fn(&File<'_>) -> bool) -> io::Result<usize> {
    let files = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        files => files?,
    };
    let mut removed = 0;
    for entry in files {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let Some(stem) = name.strip_suffix(".eml") else { continue };
        let user = stem.split_once('.').map(|(user, _)| user);
        // One that is gone meanwhile was removed by somebody else.
        let written = fs::metadata(&path).and_then(|found| found.modified()).ok();
        if whether(&File { path: &path, user, written }) {
            match fs::remove_file(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                done => done.map(|()| removed += 1)?,
            }
        }
    }
    Ok(removed)
}

/// Whether a mail went to that address.
fn is_to(path: &Path, address: &str) -> bool {
    let Ok(bytes) = fs::read(path) else { return false };
    let text = String::from_utf8_lossy(&bytes);
    let head = text.split("\r\n\r\n").next().unwrap_or_default();
    // A line that begins with a space goes on with the one before.
    let head = head.replace("\r\n ", " ");
    let to = head.lines().find_map(|line| line.strip_prefix("To:"));
    let to = to.map(|to| to.trim().trim_start_matches('<').trim_end_matches('>'));
    to.is_some_and(|to| to.eq_ignore_ascii_case(address))
}
