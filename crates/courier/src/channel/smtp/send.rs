//! The channel: conversations are kept open while there is mail, and closed when there is none.

use super::{
    super::{Channel, Errand, Failure},
    connection::{Connection, Opening, State},
    mail::Letterhead,
    target::{Security, Target},
};
use async_trait::async_trait;
use rustls::{
    ClientConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use std::{
    net::IpAddr,
    path::Path,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};
use zelos_core::{
    config::courier::Smtp as Settings,
    tls::{Identity, Roots, Verification, client_config},
};

/// What an operator is told when credentials are not used.
const UNAUTHENTICATED: &str = "the mail server offers no AUTH: mail is sent without authentication; remove user and password \
    from courier.smtp, or enable AUTH on the server";

/// So long each step of a conversation may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Delivers to one mail server.
pub(crate) struct Smtp {
    target: Target,
    letterhead: Letterhead,
    hello: String,
    public_only: bool,
    identity: Option<Identity>,
    /// Made when it is first needed: it reads the certificates of the system.
    tls: OnceLock<Arc<ClientConfig>>,
    /// It was said that the credentials are not used.
    warned: AtomicBool,
    /// Conversations that wait for the next mail.
    idle: Mutex<Vec<Connection>>,
}

impl Smtp {
    /// What is configured; every complaint comes with its key below `courier.smtp`.
    pub(crate) fn new(settings: &Settings, uri: &str, public_only: bool) -> Result<Self, (String, String)> {
        let (target, unknown) = Target::new(settings, uri).map_err(|(key, reason)| (key.to_owned(), reason))?;
        for option in unknown {
            tracing::warn!(%option, "courier.smtp.connection_uri: there is no such option");
        }
        let hello = hello(&settings.local_name).ok_or(("local_name".to_owned(), "is no name of a host".to_owned()))?;
        let smtp = Self {
            target,
            letterhead: Letterhead::new(settings)?,
            hello,
            public_only,
            identity: identity(settings)?,
            tls: OnceLock::new(),
            warned: AtomicBool::new(false),
            idle: Mutex::default(),
        };
        if smtp.identity.is_some() {
            // Whether certificate and key belong together is told by using them.
            smtp.tls().map_err(|reason| ("client_cert_path".to_owned(), format!("cannot be used: {reason}")))?;
        }
        Ok(smtp)
    }

    fn tls(&self) -> Result<Option<Arc<ClientConfig>>, String> {
        if self.target.security == Security::None {
            return Ok(None);
        }
        if let Some(tls) = self.tls.get() {
            return Ok(Some(Arc::clone(tls)));
        }
        let verification =
            if self.target.skip_verify { Verification::None } else { Verification::Full(Roots::system()) };
        let identity = self.identity.as_ref().map(|(chain, key)| (chain.clone(), key.clone_key()));
        let tls = client_config(verification, identity).map_err(|error| error.to_string())?;
        Ok(Some(Arc::clone(self.tls.get_or_init(|| Arc::new(tls)))))
    }

    fn take(&self) -> Option<Connection> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn keep(&self, connection: Connection) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
    }

    async fn open(&self) -> Result<Connection, Failure> {
        let tls = self.tls().map_err(|reason| Failure::Transient(format!("TLS cannot be used: {reason}")))?;
        let (target, hello, public_only) = (&self.target, self.hello.as_str(), self.public_only);
        let opening = Opening { target, tls, hello, patience: PATIENCE, public_only };
        let connection = Connection::open(&opening).await?;
        if connection.unauthenticated && !self.warned.swap(true, Relaxed) {
            tracing::warn!(host = %target.host, port = target.port, "{UNAUTHENTICATED}");
        }
        Ok(connection)
    }
}

#[async_trait]
impl Channel for Smtp {
    async fn send(&self, errand: &Errand<'_>) -> Result<(), Failure> {
        let mail = self.letterhead.write(errand)?;
        let mut waiting = self.take();
        loop {
            let (mut connection, used) = match waiting.take() {
                Some(connection) => (connection, true),
                None => (self.open().await?, false),
            };
            match connection.deliver(&mail).await {
                Ok(()) => {
                    self.keep(connection);
                    return Ok(());
                }
                // The server has closed it meanwhile.
                Err(trouble) if used && trouble.state == State::Stale => {}
                Err(trouble) => {
                    if trouble.state == State::Refused && connection.reset().await {
                        self.keep(connection);
                    }
                    return Err(trouble.failure);
                }
            }
        }
    }

    async fn greet(&self) -> Result<Option<&'static str>, Failure> {
        let connection = self.open().await?;
        let note = connection.unauthenticated.then_some(UNAUTHENTICATED);
        connection.close().await;
        Ok(note)
    }

    async fn rest(&self) {
        while let Some(connection) = self.take() {
            connection.close().await;
        }
    }
}

/// What EHLO says; an address stands in brackets (RFC 5321 section 4.1.3).
fn hello(name: &str) -> Option<String> {
    let usable = |letter: char| letter.is_ascii_alphanumeric() || "-._[]:".contains(letter);
    match name.parse() {
        Ok(IpAddr::V4(address)) => Some(format!("[{address}]")),
        Ok(IpAddr::V6(address)) => Some(format!("[IPv6:{address}]")),
        Err(_) if !name.is_empty() && name.chars().all(usable) => Some(name.to_owned()),
        Err(_) => None,
    }
}

/// The client certificate; both files or none.
fn identity(settings: &Settings) -> Result<Option<Identity>, (String, String)> {
    let read = |key: &str, path: &Path| {
        std::fs::read(path).map_err(|error| (key.to_owned(), format!("{} cannot be read: {error}", path.display())))
    };
    let (certificate, key) = (&settings.client_cert_path, &settings.client_key_path);
    match (certificate.as_os_str().is_empty(), key.as_os_str().is_empty()) {
        (true, true) => Ok(None),
        (false, true) => Err(("client_key_path".to_owned(), "is required with client_cert_path".to_owned())),
        (true, false) => Err(("client_cert_path".to_owned(), "is required with client_key_path".to_owned())),
        (false, false) => {
            let (certificate, key) = (read("client_cert_path", certificate)?, read("client_key_path", key)?);
            let complain = |reason: String| ("client_cert_path".to_owned(), format!("cannot be used: {reason}"));
            let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&certificate).collect();
            let chain = chain.map_err(|error| complain(error.to_string()))?;
            if chain.is_empty() {
                return Err(complain("it holds no certificate".to_owned()));
            }
            let key = PrivateKeyDer::from_pem_slice(&key)
                .map_err(|error| ("client_key_path".to_owned(), format!("cannot be used: {error}")))?;
            Ok(Some((chain, key)))
        }
    }
}
