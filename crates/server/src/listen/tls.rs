//! Certificates: PEM from a file or, base64, from the configuration itself. TLS 1.2 at least.

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use std::{path::Path, sync::Arc};
use tokio_rustls::TlsAcceptor;
use zelos_core::{config::serve::Tls, secret::Secret};

/// What takes TLS connections; nothing where the configuration has no certificate. `key` is the key path of the
/// section, for errors.
pub(crate) fn acceptor(tls: &Tls, key: &str) -> anyhow::Result<Option<TlsAcceptor>> {
    if !tls.enabled() {
        return Ok(None);
    }
    let at = format!("{key}.cert");
    let chain = pem(tls.cert.path.as_deref(), tls.cert.base64.as_deref()).with_context(|| at.clone())?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&chain)
        .collect::<Result<_, _>>()
        .map_err(|error| anyhow::anyhow!("{at}: no PEM certificates: {error}"))?;
    anyhow::ensure!(!chain.is_empty(), "{at}: no PEM certificate found");
    let at = format!("{key}.key");
    let secret = tls.key.base64.as_ref().map(Secret::expose);
    let secret = pem(tls.key.path.as_deref(), secret).with_context(|| at.clone())?;
    let secret =
        PrivateKeyDer::from_pem_slice(&secret).map_err(|error| anyhow::anyhow!("{at}: no PEM private key: {error}"))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .map_err(|error| anyhow::anyhow!("{key}: certificate and key are not usable: {error}"))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Some(TlsAcceptor::from(Arc::new(config))))
}

fn pem(path: Option<&Path>, base64: Option<&str>) -> anyhow::Result<Vec<u8>> {
    match (base64, path) {
        (Some(text), _) => STANDARD.decode(text.trim()).context("base64: not base64"),
        (None, Some(path)) => std::fs::read(path).with_context(|| format!("path: {}", path.display())),
        (None, None) => anyhow::bail!("neither path nor base64 is set"),
    }
}
