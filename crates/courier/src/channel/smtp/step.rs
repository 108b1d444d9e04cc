//! The steps of a delivery, and what an operator is told when one fails: which step, what the server or the network said,
//! and what to change.

use super::{
    super::Failure,
    target::{Security, Target},
    wire::Fault,
};
use rustls::{AlertDescription, CertificateError, Error as TlsError};

/// A step of a conversation with a mail server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Lookup,
    Connect,
    Tls,
    /// The server's first words.
    Greeting,
    Ehlo,
    StartTls,
    /// With the name of the mechanism.
    Auth(&'static str),
    MailFrom,
    RcptTo,
    Data,
}

impl Step {
    fn name(self, target: &Target) -> String {
        let Target { host, port, .. } = target;
        match self {
            Self::Lookup => format!("DNS lookup of {host}"),
            Self::Connect => format!("connection to {host}:{port}"),
            Self::Tls => format!("TLS handshake with {host}:{port}"),
            Self::Greeting => format!("greeting of {host}:{port}"),
            Self::Ehlo => "EHLO".to_owned(),
            Self::StartTls => "STARTTLS".to_owned(),
            Self::Auth(mechanism) => format!("AUTH {mechanism}"),
            Self::MailFrom => "MAIL FROM".to_owned(),
            Self::RcptTo => "RCPT TO".to_owned(),
            Self::Data => "DATA".to_owned(),
        }
    }

    /// What failed, why, and the remedy.
    pub(super) fn describe(self, fault: &Fault, target: &Target) -> String {
        let name = self.name(target);
        match self.remedy(fault, target) {
            Some(remedy) => format!("{name} failed: {fault}; {remedy}"),
            None => format!("{name} failed: {fault}"),
        }
    }

    /// A failure before a message was begun: it is never the message's fault.
    pub(super) fn not_open(self, fault: &Fault, target: &Target) -> Failure {
        Failure::Transient(self.describe(fault, target))
    }

    fn remedy(self, fault: &Fault, target: &Target) -> Option<String> {
        if let Fault::Io(error) = fault
            && let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>())
        {
            return tls_remedy(error, target);
        }
        let remedy = match (self, fault) {
            (Self::Lookup | Self::Connect, _) => "check host and port of courier.smtp.connection_uri",
            (Self::Greeting, Fault::Silence(_) | Fault::Io(_)) if target.security != Security::Wrapped => {
                "a server that encrypts from the first byte (usually port 465) needs smtps:// in courier.smtp.connection_uri"
            }
            (Self::Auth(_), Fault::Refused(_)) => {
                "check user and password of courier.smtp.connection_uri, or courier.smtp.username and courier.smtp.password"
            }
            (_, Fault::Refused(reply)) if reply.code == 530 => {
                "the server wants AUTH or STARTTLS first: set courier.smtp.username and courier.smtp.password, and remove \
                 disable_starttls from courier.smtp.connection_uri"
            }
            (_, Fault::Refused(reply)) if is_about_auth(reply.code) => {
                "check courier.smtp.username and courier.smtp.password"
            }
            (Self::MailFrom, Fault::Refused(reply)) if reply.code >= 500 => {
                "check that the server lets these credentials send from courier.smtp.from_address"
            }
            (Self::RcptTo, Fault::Refused(reply)) if reply.code >= 500 => {
                "the address does not exist, or the server does not relay for these credentials"
            }
            _ => return None,
        };
        Some(remedy.to_owned())
    }
}

/// Replies that ask for authentication or encryption are about the configuration, which may be corrected, and not about
/// the message (RFC 4954 section 6).
pub(super) fn is_about_auth(code: u16) -> bool {
    (530..=538).contains(&code)
}

fn tls_remedy(error: &TlsError, target: &Target) -> Option<String> {
    Some(match error {
        TlsError::InvalidCertificate(CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }) => {
            format!(
                "the certificate is not for {}; set server_name in courier.smtp.connection_uri to a name that it holds",
                target.server_name
            )
        }
        TlsError::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => {
            "its certificate is not trusted; add it or its issuer to the file that SSL_CERT_FILE names".to_owned()
        }
        TlsError::InvalidCertificate(
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. },
        ) => "renew the certificate of the mail server, or set the clock of this machine".to_owned(),
        TlsError::InvalidMessage(_) if target.security == Security::Wrapped => {
            "the server does not encrypt from the first byte; ports 587 and 25 need smtp:// in courier.smtp.connection_uri"
                .to_owned()
        }
        TlsError::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::CertificateUnknown
            | AlertDescription::AccessDenied,
        ) => "the server does not accept the client's certificate; check courier.smtp.client_cert_path".to_owned(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{super::wire::Reply, *};
    use std::io;

    fn target(uri: &str) -> Target {
        Target::parse(uri).unwrap().0
    }

    fn tls(error: TlsError) -> Fault {
        Fault::Io(io::Error::new(io::ErrorKind::InvalidData, error))
    }

    #[test]
    fn failures_name_the_step_and_the_remedy() {
        let (plain, wrapped) = (target("smtp://u:hunter2@mx.example.org"), target("smtps://u:hunter2@mx.example.org"));
        let refused = |code| Fault::Refused(Reply { code, lines: vec!["no".to_owned()] });
        let closed = || Fault::Io(io::Error::new(io::ErrorKind::UnexpectedEof, "closed"));
        let name = TlsError::InvalidCertificate(CertificateError::NotValidForName);
        let issuer = TlsError::InvalidCertificate(CertificateError::UnknownIssuer);
        let corrupt = TlsError::InvalidMessage(rustls::InvalidMessage::InvalidContentType);
        for (step, fault, target, first, remedy) in [
            (Step::Connect, closed(), &plain, "connection to mx.example.org:587 failed: closed", "host and port"),
            (Step::Greeting, closed(), &plain, "greeting of mx.example.org:587 failed: closed", "needs smtps://"),
            (Step::Tls, tls(name), &wrapped, "TLS handshake with mx.example.org:465 failed", "set server_name"),
            (Step::Tls, tls(issuer), &plain, "TLS handshake with mx.example.org:587 failed", "SSL_CERT_FILE"),
            (Step::Tls, tls(corrupt), &wrapped, "TLS handshake with mx.example.org:465 failed", "need smtp://"),
            (Step::Auth("PLAIN"), refused(535), &plain, "AUTH PLAIN failed: 535 no", "courier.smtp.password"),
            (Step::MailFrom, refused(530), &plain, "MAIL FROM failed: 530 no", "AUTH or STARTTLS first"),
            (Step::MailFrom, refused(553), &plain, "MAIL FROM failed: 553 no", "courier.smtp.from_address"),
            (Step::RcptTo, refused(550), &plain, "RCPT TO failed: 550 no", "does not relay"),
            (Step::Data, refused(554), &plain, "DATA failed: 554 no", ""),
        ] {
            let text = step.describe(&fault, target);
            assert!(text.starts_with(first) && text.contains(remedy), "{text}");
            assert!(!text.contains("hunter2"));
        }
    }
}
