//! One server on an embedded database: its bus and its ladder are in that server's memory, so a second one would not
//! hear of what the first one does.

use std::fs::{File, TryLockError};

use crate::{
    config::Config,
    error::{Error, Result},
};

const NAME: &str = "rankedhonor.lock";

/// Takes the data directory for this process, until the file is dropped or the process ends, however it ends.
///
/// # Errors
/// When another process has it.
pub fn alone(config: &Config) -> Result<Option<File>> {
    let path = config.data_dir.join(NAME);
    let file = File::create(&path).map_err(Error::internal)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => {
            let dir = config.data_dir.display();
            let what =
                format!("RANKEDHONOR_DATA_DIR: another rankedhonor runs on {dir}; stop it first");
            Err(Error::internal(what))
        }
        // A file system without locks: nothing to go by.
        Err(TryLockError::Error(_)) => Ok(None),
    }
}
