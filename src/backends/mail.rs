//! Where mails are handed over: to a server that speaks SMTP, or (where none is named) as files in the data directory.

use std::{path::Path, time::Duration};

use lettre::{
    AsyncFileTransport, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
};
use secrecy::ExposeSecret;

use crate::{
    config::Config,
    error::{Error, Result},
};

/// How long the server may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// See the module.
pub struct Mail {
    from: Mailbox,
    transport: Transport,
}

enum Transport {
    File(AsyncFileTransport<Tokio1Executor>),
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
            None => Transport::File(AsyncFileTransport::new(directory(&config.data_dir)?)),
        };
        Ok(Self { from, transport })
    }

    /// Hands a mail over.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE when it was not taken.
    pub async fn send(&self, to: &str, subject: &str, text: String) -> Result<()> {
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
            Transport::File(files) => {
                files.send(message).await.map_err(Error::internal)?;
            }
            Transport::Smtp(server) => {
                server.send(message).await.map_err(|error| unavailable(Box::new(error)))?;
            }
        }
        Ok(())
    }
}

fn directory(data_dir: &Path) -> Result<std::path::PathBuf> {
    let directory = data_dir.join("mail");
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    // What is in mails lets their readers in.
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(&directory).map_err(Error::internal)?;
    Ok(directory)
}
