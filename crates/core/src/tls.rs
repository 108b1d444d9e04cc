//! The client side of TLS: one verifier for every outgoing connection (databases, SMTP, HTTP).
//!
//! It applies the rules of webpki with one addition. A server certificate that is itself among the trusted certificates is
//! accepted if its dates and its name are right, also when it is a CA certificate or its issuer is unknown. webpki refuses
//! both (`CaUsedAsEndEntity`, `UnknownIssuer`); OpenSSL and Go accept a trusted self-signed certificate, which is what
//! `openssl req -x509` makes.

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_cert_signed_by_trust_anchor, verify_server_name,
    },
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime},
    server::ParsedCertificate,
};
use sha2::{Digest, Sha256};
use std::{collections::HashSet, sync::Arc};

/// A certificate chain, the client's own certificate first, and its private key.
pub type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// Trusted certificates: as issuers of other certificates, and each as the certificate of a server.
#[derive(Debug, Clone)]
pub struct Roots {
    issuers: RootCertStore,
    /// SHA-256 of each certificate.
    digests: HashSet<[u8; 32]>,
}

impl Roots {
    /// Trusts these certificates and no others. Those that cannot be parsed are left out.
    pub fn new(certificates: Vec<CertificateDer<'static>>) -> Self {
        let digests = certificates.iter().map(digest).collect();
        let mut issuers = RootCertStore::empty();
        issuers.add_parsable_certificates(certificates);
        Self { issuers, digests }
    }

    /// The certificates that the system trusts; `SSL_CERT_FILE` and `SSL_CERT_DIR` replace them. Files that cannot be read
    /// are left out. Reads some hundred kilobytes, so call it once for many connections.
    pub fn system() -> Self {
        Self::new(rustls_native_certs::load_native_certs().certs)
    }

    fn contains(&self, certificate: &CertificateDer<'_>) -> bool {
        self.digests.contains(&digest(certificate))
    }
}

fn digest(certificate: &CertificateDer<'_>) -> [u8; 32] {
    Sha256::digest(certificate).into()
}

/// How much of a server's certificate is verified. The signature of the handshake always is.
#[derive(Debug, Clone)]
pub enum Verification {
    /// Nothing: the connection is encrypted, but any server may answer.
    None,
    /// That it is trusted, for any name (`sslmode=verify-ca`).
    Trust(Roots),
    /// That it is trusted and belongs to the server's name.
    Full(Roots),
}

/// The configuration of a TLS client: TLS 1.2 or newer, no ALPN.
///
/// # Errors
/// The client's certificate and key do not belong together or are not usable.
pub fn client_config(verification: Verification, identity: Option<Identity>) -> Result<ClientConfig, Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = Verifier { provider: Arc::clone(&provider), verification };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    match identity {
        None => Ok(builder.with_no_client_auth()),
        Some((chain, key)) => builder.with_client_auth_cert(chain, key),
    }
}

#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    verification: Verification,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let (roots, name) = match &self.verification {
            Verification::None => return Ok(ServerCertVerified::assertion()),
            Verification::Trust(roots) => (roots, None),
            Verification::Full(roots) => (roots, Some(name)),
        };
        if roots.digests.is_empty() {
            return Err(Error::General("there are no trusted certificates; set SSL_CERT_FILE".to_owned()));
        }
        let parsed = ParsedCertificate::try_from(certificate)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        let chain = verify_server_cert_signed_by_trust_anchor(&parsed, &roots.issuers, intermediates, now, algorithms);
        match chain {
            Err(error) if is_about_issuer(&error) && roots.contains(certificate) => {}
            // The remedy is to trust it, as with any other certificate that is not trusted.
            Err(error) if is_ca(&error) => return Err(CertificateError::UnknownIssuer.into()),
            result => result?,
        }
        if let Some(name) = name {
            verify_server_name(&parsed, name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Whether a chain was refused for what the issuer says about the certificate, and not for the certificate's own dates
/// and purpose.
///
/// Safety of order: webpki checks the dates before the basic constraints, and all of that before it looks for an issuer
/// (`check_issuer_independent_properties`), so a certificate with one of these errors has valid dates. The tests below
/// hold that.
fn is_about_issuer(error: &Error) -> bool {
    let Error::InvalidCertificate(reason) = error else { return false };
    is_ca(error)
        || matches!(
            reason,
            CertificateError::UnknownIssuer
                | CertificateError::BadSignature
                | CertificateError::UnsupportedSignatureAlgorithmContext { .. }
                | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. }
        )
}

/// Whether a server's certificate was refused because it is a CA certificate.
fn is_ca(error: &Error) -> bool {
    let Error::InvalidCertificate(CertificateError::Other(other)) = error else { return false };
    matches!(other.0.downcast_ref::<webpki::Error>(), Some(webpki::Error::CaUsedAsEndEntity))
}

#[cfg(test)]
mod tests;
