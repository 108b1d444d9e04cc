use super::*;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, date_time_ymd,
};
use rustls::{
    ClientConnection, ServerConfig, ServerConnection,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use std::time::Duration;

const NAME: &str = "mail.example.org";

/// 2026-06-01, in the middle of the year in which the certificates below are valid.
const NOW: Duration = Duration::from_hours(494_520);
const A_YEAR_AGO: Duration = Duration::from_hours(494_520 - 8760);
const IN_A_YEAR: Duration = Duration::from_hours(494_520 + 8760);

fn params(is_ca: bool) -> CertificateParams {
    let mut params = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, NAME);
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2027, 1, 1);
    params.is_ca = if is_ca { IsCa::Ca(BasicConstraints::Unconstrained) } else { IsCa::ExplicitNoCa };
    params
}

/// A self-signed certificate.
fn own(params: CertificateParams) -> CertifiedIssuer<'static, KeyPair> {
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn der(certificate: &CertifiedIssuer<'static, KeyPair>) -> CertificateDer<'static> {
    CertificateDer::from(certificate.der().to_vec())
}

/// A certificate for [`NAME`], issued by that one.
fn issued(issuer: &CertifiedIssuer<'static, KeyPair>) -> CertificateDer<'static> {
    let leaf = params(false).signed_by(&KeyPair::generate().unwrap(), issuer).unwrap();
    leaf.der().clone()
}

fn verify(
    verification: Verification,
    certificate: &CertificateDer<'_>,
    name: &str,
    now: Duration,
) -> Result<(), String> {
    let verifier = Verifier { provider: Arc::new(aws_lc_rs::default_provider()), verification };
    let name = ServerName::try_from(name).unwrap();
    let result = verifier.verify_server_cert(certificate, &[], &name, &[], UnixTime::since_unix_epoch(now));
    result.map(|_| ()).map_err(|error| format!("{error:?}"))
}

fn trusting(certificate: &CertificateDer<'static>) -> Roots {
    Roots::new(vec![certificate.clone()])
}

#[test]
fn trusted_certificate_is_accepted_as_the_servers_own() {
    let elsewhere = own(params(true));
    for certificate in [der(&own(params(true))), der(&own(params(false))), issued(&elsewhere)] {
        assert_eq!(verify(Verification::Full(trusting(&certificate)), &certificate, NAME, NOW), Ok(()));
    }
}

#[test]
fn certificate_of_a_trusted_issuer_is_accepted() {
    let issuer = own(params(true));
    assert_eq!(verify(Verification::Full(trusting(&der(&issuer))), &issued(&issuer), NAME, NOW), Ok(()));
}

#[test]
fn name_must_match_unless_only_trust_is_asked_for() {
    let certificate = der(&own(params(true)));
    let refused = verify(Verification::Full(trusting(&certificate)), &certificate, "other.example.org", NOW);
    assert!(refused.unwrap_err().contains("NotValidForName"));
    let accepted = verify(Verification::Trust(trusting(&certificate)), &certificate, "other.example.org", NOW);
    assert_eq!(accepted, Ok(()));
}

#[test]
fn dates_count_for_every_kind_of_trusted_certificate() {
    let elsewhere = own(params(true));
    for certificate in [der(&own(params(true))), der(&own(params(false))), issued(&elsewhere)] {
        for verification in [Verification::Full(trusting(&certificate)), Verification::Trust(trusting(&certificate))] {
            let late = verify(verification.clone(), &certificate, NAME, IN_A_YEAR).unwrap_err();
            assert!(late.contains("Expired"), "{late}");
            let early = verify(verification, &certificate, NAME, A_YEAR_AGO).unwrap_err();
            assert!(early.contains("NotValidYet"), "{early}");
        }
    }
}

#[test]
fn purpose_of_a_trusted_certificate_counts() {
    let mut params = params(false);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let certificate = der(&own(params));
    let refused = verify(Verification::Full(trusting(&certificate)), &certificate, NAME, NOW).unwrap_err();
    assert!(refused.contains("InvalidPurpose"), "{refused}");
}

#[test]
fn untrusted_certificate_is_refused() {
    let trusted = der(&own(params(true)));
    // The same names as the trusted one, another key.
    let impostor = own(params(true));
    for certificate in [der(&impostor), der(&own(params(false))), issued(&impostor)] {
        for verification in [Verification::Full(trusting(&trusted)), Verification::Trust(trusting(&trusted))] {
            assert!(verify(verification, &certificate, NAME, NOW).is_err());
        }
        let nothing = verify(Verification::Full(Roots::new(Vec::new())), &certificate, NAME, NOW).unwrap_err();
        assert!(nothing.contains("SSL_CERT_FILE"), "{nothing}");
        assert_eq!(verify(Verification::None, &certificate, "other.example.org", NOW), Ok(()));
    }
}

/// Shows a certificate, also one whose key it does not have.
#[derive(Debug)]
struct Shows(Arc<CertifiedKey>);

impl ResolvesServerCert for Shows {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// A whole handshake in memory.
fn handshake(client: ClientConfig, certificate: CertificateDer<'static>, key: &KeyPair) -> Result<(), Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let key = provider.key_provider.load_private_key(key)?;
    let server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Shows(Arc::new(CertifiedKey::new(vec![certificate], key)))));
    let mut server = ServerConnection::new(Arc::new(server))?;
    let mut client = ClientConnection::new(Arc::new(client), ServerName::try_from(NAME).unwrap())?;
    while client.is_handshaking() || server.is_handshaking() {
        let mut wire = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut wire).unwrap();
        }
        let mut sent = &wire[..];
        while !sent.is_empty() {
            server.read_tls(&mut sent).unwrap();
            server.process_new_packets()?;
        }
        let mut wire = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut wire).unwrap();
        }
        let mut sent = &wire[..];
        while !sent.is_empty() {
            client.read_tls(&mut sent).unwrap();
            client.process_new_packets()?;
        }
    }
    Ok(())
}

#[test]
fn server_must_have_the_key_of_the_trusted_certificate() {
    let mut params = params(true);
    params.not_after = date_time_ymd(2999, 1, 1);
    let (key, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let certificate = params.self_signed(&key).unwrap().der().clone();
    for verification in [Verification::Full(trusting(&certificate)), Verification::None] {
        let config = client_config(verification, None).unwrap();
        assert_eq!(handshake(config.clone(), certificate.clone(), &key), Ok(()));
        let refused = handshake(config, certificate.clone(), &other).unwrap_err();
        assert_eq!(refused, Error::InvalidCertificate(CertificateError::BadSignature));
    }
}
