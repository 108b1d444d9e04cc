//! The configuration of a moment, with everything compiled that is derived from it. A request keeps the snapshot it
//! began with; a reload swaps the whole.

use crate::{
    config::{Config, selfservice::SelfService},
    flow::Kind,
    identity::{
        at_rest::Cipher,
        json::{schema_url, with_slash},
    },
    return_to::ReturnRules,
    schema::Schemas,
    sealed::{Domain, Keys},
};
use sha2::{Digest, Sha256};
use std::{collections::BTreeSet, fmt::Write as _, ops::Deref};
use url::Url;

/// The configuration and what was made of it. Dereferences to the [`Config`].
#[derive(Debug)]
pub struct Snapshot {
    config: Config,
    /// The identity schemas, compiled.
    pub schemas: Schemas,
    /// Where browsers may be sent.
    pub returns: ReturnRules,
    /// Origins where a form of our pages may end: those that browsers may be sent to.
    pub form_targets: Vec<String>,
    /// The public base URL.
    pub public: Url,
    /// The admin base URL.
    pub admin: Url,
    /// Keys for cookies and tags.
    pub keys: Keys,
    /// Keys for tokens of pages.
    pub page_keys: Keys,
    /// Encrypts secrets of credentials at rest; empty if no `secrets.cipher` are configured.
    pub cipher: Cipher,
    /// The name of the session cookie, with its prefix.
    pub session_cookie_name: String,
    /// `csrf_token_` and the hash of the public base URL, with a prefix if one is configured.
    pub csrf_cookie_name: String,
    /// `device_` and the same hash, likewise.
    pub device_cookie_name: String,
    public_prefix: String,
}

impl Deref for Snapshot {
    type Target = Config;

    fn deref(&self) -> &Config {
        &self.config
    }
}

impl Snapshot {
    /// Puts the parts together.
    pub fn new(config: Config, schemas: Schemas) -> Self {
        let public = config.public_url();
        let admin = config.admin_url();
        let digest = Sha256::digest(public.as_str());
        let hash = digest.iter().fold(String::new(), |mut hash, byte| {
            let _ = write!(hash, "{byte:02x}");
            hash
        });
        let prefix = config.cookie_prefix(&config.cookie());
        let (csrf_cookie_name, device_cookie_name) =
            (format!("{prefix}csrf_token_{hash}"), format!("{prefix}device_{hash}"));
        let session_cookie_name =
            format!("{}{}", config.cookie_prefix(&config.session_cookie()), config.session.cookie.name);
        let service = &config.selfservice;
        let returns = ReturnRules::new(
            service.default_browser_return_url.clone(),
            &service.allowed_return_urls,
            &public,
            config.feature_flags.legacy_allow_insecure_origins,
        );
        let form_targets = form_targets(service);
        let keys = Keys::derive(Domain::Cookie, config.cookie_secrets());
        let own = &config.secrets.pagination;
        let page_keys = if own.is_empty() { keys.clone() } else { Keys::derive(Domain::Pagination, own) };
        let cipher = Cipher::new(&config.secrets.cipher, config.security.credentials.require_encrypted);
        let public_prefix = with_slash(&public);
        Self {
            config,
            schemas,
            returns,
            form_targets,
            public,
            admin,
            keys,
            page_keys,
            cipher,
            session_cookie_name,
            csrf_cookie_name,
            device_cookie_name,
            public_prefix,
        }
    }

    /// An address under the public base URL; `path` without a slash in front.
    pub fn public_path(&self, path: &str) -> String {
        format!("{}{path}", self.public_prefix)
    }

    /// The page that shows a kind of flow: the operator's, or our own.
    pub fn ui_url(&self, kind: Kind) -> String {
        let configured = self.config.selfservice.flows.ui_url(kind);
        configured.map_or_else(|| self.public_path(&format!("ui/{}", kind.as_str())), ToString::to_string)
    }

    /// The page that shows an error.
    pub fn error_url(&self) -> String {
        let configured = self.config.selfservice.flows.error.ui_url.as_ref();
        configured.map_or_else(|| self.public_path("ui/error"), ToString::to_string)
    }

    /// The page that shows one flow.
    pub fn ui_url_of(&self, kind: Kind, flow: crate::id::FlowId) -> String {
        with_query(&self.ui_url(kind), &[("flow", &flow.to_string())])
    }

    /// Where a form of that flow is sent.
    pub fn action(&self, kind: Kind, flow: crate::id::FlowId) -> String {
        format!("{}self-service/{}?flow={flow}", self.public_prefix, kind.as_str())
    }

    /// Where a browser starts a flow of that kind.
    pub fn start_url(&self, kind: Kind, query: &[(&str, &str)]) -> String {
        with_query(&self.public_path(&format!("self-service/{}/browser", kind.as_str())), query)
    }

    /// Where the schema of an identity can be read.
    pub fn schema_url(&self, schema_id: &str) -> String {
        schema_url(&self.public, schema_id)
    }
}

/// Where browsers may be sent: by `return_to`, and to the pages of flows, to which the page of a link leads.
fn form_targets(service: &SelfService) -> Vec<String> {
    let returns = std::iter::once(&service.default_browser_return_url).chain(&service.allowed_return_urls);
    let pages = Kind::ALL.into_iter().filter_map(|kind| service.flows.ui_url(kind));
    let pages = pages.chain(&service.flows.error.ui_url);
    let origins: BTreeSet<String> = returns.chain(pages).map(|url| url.origin().ascii_serialization()).collect();
    origins.into_iter().filter(|origin| origin != "null").collect()
}

/// The address with members added to its query.
pub fn with_query(address: &str, query: &[(&str, &str)]) -> String {
    if query.is_empty() {
        return address.to_owned();
    }
    match Url::parse(address) {
        Ok(mut url) => {
            url.query_pairs_mut().extend_pairs(query);
            url.into()
        }
        Err(_) => address.to_owned(),
    }
}
