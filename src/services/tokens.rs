//! Tokens: signed ones that prove a session for minutes, random ones that are stored by their hash.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    backends::sql::Sql,
    entities::secrets,
    error::{Error, Result},
    game::{
        accounts::{Role, SignedIn},
        ids::{MatchId, SessionId, UserId},
        time::Timestamp,
    },
};

const ACCESS: &str = "rankedhonor";
const JOIN: &str = "rankedhonor-join";
/// Seconds by which clocks may differ.
const LEEWAY_S: u64 = 5;

#[derive(Serialize, Deserialize)]
struct AccessClaims {
    aud: String,
    sub: UserId,
    sid: SessionId,
    role: Role,
    iat: i64,
    exp: i64,
}

#[derive(Serialize, Deserialize)]
struct JoinClaims {
    aud: String,
    sub: UserId,
    #[serde(rename = "match")]
    match_id: MatchId,
    exp: i64,
}

/// The secret that all instances on a database share.
pub async fn shared_secret(sql: &Sql) -> Result<SecretString> {
    let tx = sql.begin().await?;
    let fresh = hex::encode(rand::random::<[u8; 32]>());
    let secret = secrets::kept(&tx, "jwt", fresh).await?;
    tx.commit().await?;
    Ok(secret.into())
}

/// Signs and checks. HS256 and nothing else.
pub struct Signer {
    encoding: EncodingKey,
    decoding: DecodingKey,
    access: Validation,
}

impl Signer {
    /// A signer with that secret.
    pub fn new(secret: &SecretString) -> Self {
        let bytes = secret.expose_secret().as_bytes();
        let mut access = Validation::new(Algorithm::HS256);
        access.set_audience(&[ACCESS]);
        access.set_required_spec_claims(&["exp", "aud", "sub"]);
        access.leeway = LEEWAY_S;
        Self {
            encoding: EncodingKey::from_secret(bytes),
            decoding: DecodingKey::from_secret(bytes),
            access,
        }
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
    pub fn verify(&self, token: &str) -> Result<SignedIn> {
        let claims = jsonwebtoken::decode::<AccessClaims>(token, &self.decoding, &self.access)
            .map_err(|error| {
                use jsonwebtoken::errors::ErrorKind::ExpiredSignature;
                let expired = matches!(error.kind(), ExpiredSignature);
                let what = if expired { "has expired" } else { "is not valid" };
                Error::Unauthenticated(format!("the access token {what}"))
            })?
            .claims;
        Ok(SignedIn {
            user: claims.sub,
            session: claims.sid,
            role: claims.role,
            expires_at: Timestamp(claims.exp.saturating_mul(1000)),
        })
    }

    /// A token that proves to a game server that this user plays in this match.
    pub fn join(&self, user: UserId, match_id: MatchId, expires_at: Timestamp) -> Result<String> {
        self.sign(&JoinClaims { aud: JOIN.into(), sub: user, match_id, exp: expires_at.0 / 1000 })
    }

    fn sign<C: Serialize>(&self, claims: &C) -> Result<String> {
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &self.encoding)
            .map_err(Error::internal)
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
