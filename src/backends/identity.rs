//! Services that know who somebody is: OAuth 2.0, authorization code with PKCE (RFC 6749, RFC 7636).

use std::{collections::HashMap, time::Duration};

use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, Client, ClientId, ClientSecret, CsrfToken,
    EmptyExtraTokenFields, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope,
    StandardRevocableToken, StandardTokenResponse, TokenResponse, TokenUrl,
    basic::{
        BasicClient, BasicErrorResponse, BasicRevocationErrorResponse,
        BasicTokenIntrospectionResponse, BasicTokenType,
    },
};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    config::{Config, OauthClient, ProviderSettings},
    error::{Error, Result},
};

/// How long a service may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of an answer.
const ANSWER_BYTES: usize = 256 * 1024;

type Oauth = Client<
    BasicErrorResponse,
    StandardTokenResponse<EmptyExtraTokenFields, BasicTokenType>,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// The services that are configured.
pub struct Providers {
    known: HashMap<String, Provider>,
    http: reqwest::Client,
}

/// One of them.
pub struct Provider {
    /// What it is, and where its values are found.
    pub settings: ProviderSettings,
    client_id: String,
    oauth: Oauth,
}

/// A sign-in that begins.
pub struct Begun {
    /// Where the person is sent.
    pub url: String,
    /// What the service sends back with them.
    pub state: String,
    /// What shows that the sign-in is finished by who began it.
    pub verifier: String,
}

/// Who somebody is there.
#[derive(Clone, Debug)]
pub struct Identity {
    /// For good.
    pub subject: String,
    /// What they are called.
    pub username: String,
    /// Their address, where it is proven.
    pub email: Option<String>,
    /// What lets one act in their name.
    pub tokens: ServiceTokens,
}

/// What lets one act in somebody's name at a service.
#[derive(Clone, Serialize, Deserialize)]
pub struct ServiceTokens {
    access: String,
    refresh: Option<String>,
    expires_in: Option<u64>,
}

impl ServiceTokens {
    /// Some services give what renews the tokens once, at the first sign-in.
    pub fn keep(&mut self, before: Self) {
        self.refresh = self.refresh.take().or(before.refresh);
    }
}

impl std::fmt::Debug for ServiceTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ServiceTokens(…)")
    }
}

#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    #[error("the answer has more than {ANSWER_BYTES} bytes")]
    TooLong,
}

impl Providers {
    /// Those whose id and secret are given.
    ///
    /// # Errors
    /// When an address cannot be understood.
    pub fn new(config: &Config) -> Result<Self> {
        // A service that sends elsewhere would get the secrets sent there.
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .build()
            .map_err(Error::internal)?;
        let mut known = HashMap::new();
        for settings in &config.settings.oauth.providers {
            if let Some(client) = config.oauth_clients.get(&settings.id) {
                known.insert(settings.id.clone(), Provider::new(settings, client)?);
            }
        }
        Ok(Self { known, http })
    }

    /// Every service that people can sign in with, by name.
    pub fn all(&self) -> Vec<&Provider> {
        let mut all: Vec<_> = self.known.values().collect();
        all.sort_by(|one, other| one.settings.name.cmp(&other.settings.name));
        all
    }

    /// The service of that id.
    pub fn get(&self, id: &str) -> Option<&Provider> {
        self.known.get(id)
    }

    /// Learns who somebody is, with the code that the service sent them back with.
    ///
    /// # Errors
    /// BAD_USER_INPUT when the service does not take the code, SERVICE_UNAVAILABLE when it does not answer as it should.
    pub async fn identify(
        &self,
        provider: &Provider,
        redirect_uri: &str,
        code: String,
        verifier: String,
    ) -> Result<Identity> {
        let away = |what: String| Error::unavailable("sign-in service", what);
        let redirect = RedirectUrl::new(redirect_uri.to_owned()).map_err(Error::internal)?;
        let client = provider.oauth.clone().set_redirect_uri(redirect);
        let http = self.http.clone();
        let send = move |request: HttpRequest| tokens_of(http.clone(), request);
        let traded = client
            .exchange_code(AuthorizationCode::new(code))
            .set_pkce_verifier(PkceCodeVerifier::new(verifier))
            .request_async(&send)
            .await;
        let tokens = traded.map_err(|error| match error {
            RequestTokenError::ServerResponse(_) => {
                Error::bad_input("input.code", "the service does not take this code: sign in again")
            }
            RequestTokenError::Request(error) => away(error.to_string()),
            // What was parsed may hold a token.
            RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
                away("its answer has no token".into())
            }
        })?;
        let access = tokens.access_token().secret().clone();
        let user = self
            .http
            .get(&provider.settings.user_url)
            .bearer_auth(&access)
            .header("client-id", &provider.client_id)
            .header("user-agent", "rankedhonor")
            .header("accept", "application/json")
            .build()
            .map_err(Error::internal)?;
        let answer = answer(&self.http, user).await.map_err(|error| away(error.to_string()))?;
        if !answer.status().is_success() {
            return Err(away(format!("it answers {} when asked who that is", answer.status())));
        }
        let user: Value = serde_json::from_slice(answer.body())
            .map_err(|_| away("it does not tell in JSON who that is".into()))?;
        let text = |pointer: &str| {
            let value = user.pointer(pointer).filter(|_| !pointer.is_empty())?;
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                _ => return None,
            };
            Some(text).filter(|text| !text.is_empty())
        };
        let settings = &provider.settings;
        let subject = text(&settings.subject)
            .filter(|subject| subject.len() <= 190)
            .ok_or_else(|| away("it does not tell who that is".into()))?;
        let proven = settings.email_verified.is_empty()
            || user.pointer(&settings.email_verified) == Some(&Value::Bool(true));
        Ok(Identity {
            username: text(&settings.username).unwrap_or_else(|| subject.clone()),
            email: text(&settings.email).filter(|_| proven),
            subject,
            tokens: ServiceTokens {
                access,
                refresh: tokens.refresh_token().map(|token| token.secret().clone()),
                expires_in: tokens.expires_in().map(|life| life.as_secs()),
            },
        })
    }
}

/// Some services list the scopes where the standard has them in one text.
async fn tokens_of(http: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, Trouble> {
    let mut answer = answer(&http, request.try_into()?).await?;
    if let Ok(mut json) = serde_json::from_slice::<Value>(answer.body())
        && let Some(Value::Array(scopes)) = json.get("scope")
    {
        let scopes: Vec<_> = scopes.iter().filter_map(Value::as_str).collect();
        json["scope"] = scopes.join(" ").into();
        *answer.body_mut() = json.to_string().into_bytes();
    }
    Ok(answer)
}

async fn answer(
    http: &reqwest::Client,
    request: reqwest::Request,
) -> Result<HttpResponse, Trouble> {
    let mut answer = http.execute(request).await?;
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > ANSWER_BYTES {
            return Err(Trouble::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    let mut whole = HttpResponse::new(body);
    *whole.status_mut() = answer.status();
    *whole.headers_mut() = std::mem::take(answer.headers_mut());
    Ok(whole)
}

impl Provider {
    fn new(settings: &ProviderSettings, client: &OauthClient) -> Result<Self> {
        let authorize = AuthUrl::new(settings.authorize_url.clone()).map_err(Error::internal)?;
        let token = TokenUrl::new(settings.token_url.clone()).map_err(Error::internal)?;
        let oauth = BasicClient::new(ClientId::new(client.id.clone()))
            .set_client_secret(ClientSecret::new(client.secret.expose_secret().to_owned()))
            .set_auth_uri(authorize)
            .set_token_uri(token)
            // Not all of them take the other way.
            .set_auth_type(AuthType::RequestBody);
        Ok(Self { settings: settings.clone(), client_id: client.id.clone(), oauth })
    }

    /// Begins a sign-in that ends at that page.
    ///
    /// # Errors
    /// When the page's address cannot be understood.
    pub fn begin(&self, redirect_uri: &str) -> Result<Begun> {
        let redirect = RedirectUrl::new(redirect_uri.to_owned()).map_err(Error::internal)?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let client = self.oauth.clone().set_redirect_uri(redirect);
        let scopes = self.settings.scopes.iter().cloned().map(Scope::new);
        let (url, state) = client
            .authorize_url(CsrfToken::new_random)
            .add_scopes(scopes)
            .set_pkce_challenge(challenge)
            .url();
        Ok(Begun {
            url: url.to_string(),
            state: state.into_secret(),
            verifier: verifier.into_secret(),
        })
    }
}
