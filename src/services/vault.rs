//! What only this installation can read or make: sealed texts (AES-256-GCM) and keyed hashes (HMAC-SHA-256), each purpose
//! with a key of its own that is derived (HKDF-SHA-256, RFC 5869) from the installation's secret.

use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    constant_time::verify_slices_are_equal,
    hkdf::{HKDF_SHA256, KeyType, Salt},
    hmac,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::ExposeSecret;

use crate::{
    config::secret::Secrets,
    error::{Error, Result},
};

const KEY_BYTES: usize = 32;

/// See the module.
pub struct Vault {
    /// The key in use first; there is one.
    keys: RwLock<Vec<Keys>>,
}

struct Keys {
    seal: RandomizedNonceKey,
    audit: hmac::Key,
    csrf: hmac::Key,
    mark: hmac::Key,
}

struct Bytes;

impl KeyType for Bytes {
    fn len(&self) -> usize {
        KEY_BYTES
    }
}

fn derived(secret: &[u8], purpose: &str) -> Result<[u8; KEY_BYTES]> {
    let mut key = [0; KEY_BYTES];
    Salt::new(HKDF_SHA256, b"rankedhonor")
        .extract(secret)
        .expand(&[purpose.as_bytes()], Bytes)
        .and_then(|derived| derived.fill(&mut key))
        .map_err(|_| Error::internal("a key could not be derived"))?;
    Ok(key)
}

impl Vault {
    /// A vault that seals with the first secret and opens with any.
    pub fn new(secrets: &Secrets) -> Result<Self> {
        Ok(Self { keys: RwLock::new(Self::derive(secrets)?) })
    }

    /// Uses these secrets from now on.
    pub fn replace(&self, secrets: &Secrets) -> Result<()> {
        let keys = Self::derive(secrets)?;
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        Ok(())
    }

    fn keys(&self) -> RwLockReadGuard<'_, Vec<Keys>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn derive(secrets: &Secrets) -> Result<Vec<Keys>> {
        let keys = secrets.iter().map(|secret| {
            let secret = secret.text.expose_secret().as_bytes();
            let mac = |purpose| {
                Ok::<_, Error>(hmac::Key::new(hmac::HMAC_SHA256, &derived(secret, purpose)?))
            };
            let seal = RandomizedNonceKey::new(&AES_256_GCM, &derived(secret, "seal")?)
                .map_err(|_| Error::internal("a key could not be made"))?;
            Ok(Keys { seal, audit: mac("audit")?, csrf: mac("csrf")?, mark: mac("mark")? })
        });
        let keys: Vec<_> = keys.collect::<Result<_>>()?;
        if keys.is_empty() {
            return Err(Error::internal("there is no secret to derive keys from"));
        }
        Ok(keys)
    }

    /// Seals a text; it opens for the same purpose only.
    pub fn seal(&self, purpose: &str, text: &str) -> Result<String> {
        let mut bytes = text.as_bytes().to_vec();
        let nonce = self.keys()[0]
            .seal
            .seal_in_place_append_tag(Aad::from(purpose.as_bytes()), &mut bytes)
            .map_err(|_| Error::internal("a text could not be sealed"))?;
        let sealed = [nonce.as_ref().as_slice(), &bytes].concat();
        Ok(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// Opens what was sealed for a purpose.
    pub fn open(&self, purpose: &str, sealed: &str) -> Result<String> {
        let bad = || Error::internal("a sealed text does not open with any key");
        let bytes = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| bad())?;
        let (nonce, bytes) = bytes.split_at_checked(NONCE_LEN).ok_or_else(bad)?;
        for keys in self.keys().iter() {
            let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| bad())?;
            let mut bytes = bytes.to_vec();
            if let Ok(text) =
                keys.seal.open_in_place(nonce, Aad::from(purpose.as_bytes()), &mut bytes)
            {
                return String::from_utf8(text.to_vec()).map_err(|_| bad());
            }
        }
        Err(bad())
    }

    /// The hash of a line of the audit log.
    pub fn chain(&self, line: &[u8]) -> String {
        hex::encode(hmac::sign(&self.keys()[0].audit, line))
    }

    /// Whether that is the hash of a line, by any key.
    pub fn is_chained(&self, line: &[u8], hash: &str) -> bool {
        let Ok(hash) = hex::decode(hash) else { return false };
        self.keys().iter().any(|keys| hmac::verify(&keys.audit, line, &hash).is_ok())
    }

    /// What a page has to send along with the cookie of a session, to show that it may read what the server told it.
    pub fn csrf(&self, session: &str) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.keys()[0].csrf, session.as_bytes()))
    }

    /// Whether that is what belongs to the session, by any key.
    pub fn is_csrf(&self, session: &str, token: &str) -> bool {
        let Ok(token) = URL_SAFE_NO_PAD.decode(token) else { return false };
        self.keys().iter().any(|keys| hmac::verify(&keys.csrf, session.as_bytes(), &token).is_ok())
    }

    /// What a text is known again by, to nobody else: by the key in use first, then by those before.
    pub fn marks(&self, kind: &str, text: &str) -> Vec<String> {
        let text = format!("{kind}:{text}");
        self.keys()
            .iter()
            .map(|keys| hex::encode(hmac::sign(&keys.mark, text.as_bytes())))
            .collect()
    }
}

/// Whether two secrets are the same, in a time that does not tell how much of them is.
pub fn same(one: &str, other: &str) -> bool {
    verify_slices_are_equal(one.as_bytes(), other.as_bytes()).is_ok()
}
