//! The secret that signs access tokens where none is given: made once, kept in the data directory, for its owner only.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::Path,
};

const FILE: &str = "jwt.secret";

/// The kept secret. Several processes that start at once end up with the same one.
///
/// # Errors
/// When the directory cannot be written, or what is kept there is no secret.
pub fn kept_in(data_dir: &Path) -> io::Result<String> {
    let path = data_dir.join(FILE);
    if let Some(secret) = read(&path)? {
        return Ok(secret);
    }
    let fresh = hex::encode(rand::random::<[u8; 32]>());
    // Written whole under another name first: the name that counts never shows half a secret, and the first link wins.
    let draft = data_dir.join(format!("{FILE}.{:016x}", rand::random::<u64>()));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    file.write_all(fresh.as_bytes())?;
    file.sync_all()?;
    let linked = fs::hard_link(&draft, &path);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    read(&path)?.ok_or_else(|| io::Error::other("the secret vanished"))
}

fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) if text.trim().len() >= 32 => Ok(Some(text.trim().to_owned())),
        Ok(_) => Err(io::Error::other(format!(
            "{} holds no secret; remove it to have a new one made",
            path.display()
        ))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
