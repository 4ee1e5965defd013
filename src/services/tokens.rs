//! Tokens: signed ones that prove a session for minutes, random ones that are stored by their hash.

use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, errors::ErrorKind};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use crate::{
    config::{self, secret::Secrets},
    error::{Error, Result},
    game::{
        accounts::{Role, SignedIn},
        ids::{MatchId, SessionId, UserId},
        time::Timestamp,
    },
};

const ACCESS: &str = "rankedhonor";
const JOIN: &str = "rankedhonor-join";

#[derive(Clone, Serialize, Deserialize)]
struct AccessClaims {
    aud: String,
    sub: UserId,
    sid: SessionId,
    role: Role,
    iat: i64,
    exp: i64,
}

#[derive(Clone, Serialize, Deserialize)]
struct JoinClaims {
    aud: String,
    sub: UserId,
    #[serde(rename = "match")]
    match_id: MatchId,
    exp: i64,
}

/// A secret that signs, or did until another took its place.
struct SigningKey {
    id: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
    /// Until when what it signed can be about.
    accepted_until: Option<Timestamp>,
}

/// Signs and checks. HS256 and nothing else; a token names the key that signed it.
pub struct Signer {
    /// The one in use first.
    keys: RwLock<Vec<SigningKey>>,
    access: Validation,
    join: Validation,
    /// Seconds by which clocks may differ.
    skew_s: u32,
    /// Life of an access token in milliseconds.
    life_ms: i64,
}

impl Signer {
    /// A signer with these secrets.
    pub fn new(secrets: &Secrets, settings: &config::Accounts) -> Self {
        let validation = |audience: &str| {
            let mut validation = Validation::new(Algorithm::HS256);
            validation.set_audience(&[audience]);
            validation.set_required_spec_claims(&["exp", "aud", "sub"]);
            validation.validate_nbf = true;
            validation.leeway = settings.clock_skew_seconds.into();
            validation
        };
        let signer = Self {
            keys: RwLock::default(),
            access: validation(ACCESS),
            join: validation(JOIN),
            skew_s: settings.clock_skew_seconds,
            life_ms: i64::from(settings.access_token_seconds) * 1000,
        };
        signer.replace(secrets);
        signer
    }

    /// Uses these secrets from now on.
    pub fn replace(&self, secrets: &Secrets) {
        let grace_ms = self.life_ms + i64::from(self.skew_s) * 1000;
        let keys = secrets.iter().map(|secret| {
            let bytes = secret.text.expose_secret().as_bytes();
            SigningKey {
                // Half of a hash tells which secret it is, and nothing of it.
                id: hash(&format!("kid:{}", secret.text.expose_secret()))[..16].to_owned(),
                encoding: EncodingKey::from_secret(bytes),
                decoding: DecodingKey::from_secret(bytes),
                accepted_until: secret.retired_at.map(|at| Timestamp(at).plus_ms(grace_ms)),
            }
        });
        let keys = keys.collect();
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    /// Whether a token names a key that is not known here.
    pub fn is_foreign(&self, token: &str) -> bool {
        let Ok(header) = jsonwebtoken::decode_header(token) else { return false };
        header.kid.is_some_and(|kid| !self.held().iter().any(|key| key.id == kid))
    }

    fn held(&self) -> RwLockReadGuard<'_, Vec<SigningKey>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// A token that proves this session until it expires.
    pub fn access(&self, who: &SignedIn, now: Timestamp) -> Result<String> {
        self.sign(&AccessClaims {
            aud: ACCESS.into(),
            sub: who.user,
            sid: who.session,
            role: who.role,
            iat: now.0 / 1000,
            exp: who.expires_at.0 / 1000,
        })
    }

    /// Who a token proves.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<SignedIn> {
        let claims = self.claims(token, now).map_err(|error| {
            let expired = matches!(error, Some(ErrorKind::ExpiredSignature));
            let what = if expired { "has expired" } else { "is not valid" };
            Error::Unauthenticated(format!("the access token {what}"))
        })?;
        Ok(SignedIn {
            user: claims.sub,
            session: claims.sid,
            role: claims.role,
            expires_at: Timestamp(claims.exp.saturating_mul(1000)),
        })
    }

    fn claims(&self, token: &str, now: Timestamp) -> Result<AccessClaims, Option<ErrorKind>> {
        let claims: AccessClaims = self.decoded(token, &self.access, now)?;
        // One from the future, or good for longer than any that is signed here, was not signed here.
        let skew_ms = i64::from(self.skew_s) * 1000;
        let (issued, expires) = (claims.iat.saturating_mul(1000), claims.exp.saturating_mul(1000));
        let ours = issued <= now.0.saturating_add(skew_ms)
            && expires.saturating_sub(issued) <= self.life_ms + skew_ms;
        if ours { Ok(claims) } else { Err(None) }
    }

    /// What a token says that the key it names has signed, for that audience.
    fn decoded<C: DeserializeOwned + Clone>(
        &self,
        token: &str,
        validation: &Validation,
        now: Timestamp,
    ) -> Result<C, Option<ErrorKind>> {
        let kind = |error: jsonwebtoken::errors::Error| Some(error.into_kind());
        let kid = jsonwebtoken::decode_header(token).map_err(kind)?.kid.ok_or(None)?;
        let keys = self.held();
        let key = keys
            .iter()
            .find(|key| key.id == kid && key.accepted_until.is_none_or(|until| until > now))
            .ok_or(None)?;
        Ok(jsonwebtoken::decode::<C>(token, &key.decoding, validation).map_err(kind)?.claims)
    }

    /// A token that proves to a game server that this user plays in this match.
    pub fn join(&self, user: UserId, match_id: MatchId, expires_at: Timestamp) -> Result<String> {
        self.sign(&JoinClaims { aud: JOIN.into(), sub: user, match_id, exp: expires_at.0 / 1000 })
    }

    /// Who plays in which match, as such a token proves, and until when it is good.
    pub fn verify_join(&self, token: &str, now: Timestamp) -> Option<(UserId, MatchId, Timestamp)> {
        let claims: JoinClaims = self.decoded(token, &self.join, now).ok()?;
        Some((claims.sub, claims.match_id, Timestamp(claims.exp.saturating_mul(1000))))
    }

    fn sign<C: Serialize>(&self, claims: &C) -> Result<String> {
        let keys = self.held();
        let key = keys.first().ok_or_else(|| Error::internal("there is no key to sign with"))?;
        let header = Header { kid: Some(key.id.clone()), ..Header::new(Algorithm::HS256) };
        jsonwebtoken::encode(&header, claims, &key.encoding).map_err(Error::internal)
    }
}

/// A token that nobody can guess (256 bits), behind a prefix.
pub fn random(prefix: &str) -> String {
    let bytes: [u8; 32] = rand::random();
    format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes))
}

/// What is stored of a random token.
pub fn hash(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}
