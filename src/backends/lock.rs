//! One server on an embedded database: its bus and its ladder are in that server's memory, so a second one would not
//! hear of what the first one does.

use std::{
    fs::{File, TryLockError},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use crate::{
    config::Config,
    error::{Error, Result},
};

const NAME: &str = "rankedhonor.lock";
/// How long is waited for another process that is just about to end.
const PATIENCE: Duration = Duration::from_secs(2);
const AGAIN: Duration = Duration::from_millis(50);

/// The data directory, taken for this process until this is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct Alone(File);

impl Drop for Alone {
    fn drop(&mut self) {
        // Closing alone would leave it to a child process that is being started just now. An error leaves it to that.
        let _ = self.0.unlock();
    }
}

/// Takes the data directory; none where the database is a server's, which several instances share, and none on a file
/// system without locks, where there is nothing to go by.
///
/// # Errors
/// When another process has it.
pub async fn alone(config: &Config) -> Result<Option<Alone>> {
    if !config.is_embedded() {
        return Ok(None);
    }
    let file = File::create(config.data_dir.join(NAME)).map_err(Error::internal)?;
    let until = Instant::now() + PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Some(Alone(file))),
            Err(TryLockError::Error(_)) => return Ok(None),
            Err(TryLockError::WouldBlock) if Instant::now() < until => sleep(AGAIN).await,
            Err(TryLockError::WouldBlock) => {
                let dir = config.data_dir.display();
                return Err(Error::internal(format!(
                    "RANKEDHONOR_DATA_DIR: another rankedhonor runs on {dir}; stop it first"
                )));
            }
        }
    }
}
