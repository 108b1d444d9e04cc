//! The parts of a message, and where Kratos has them: the folders of templates and their file names.

use zelos_core::message::TemplateType;
use zelos_script::template::Escape;

/// What a message is put together from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Part {
    Subject,
    Plain,
    Html,
    Sms,
}

impl Part {
    pub(super) const ALL: [Self; 4] = [Self::Subject, Self::Plain, Self::Html, Self::Sms];

    pub(super) fn escape(self) -> Escape {
        match self {
            Self::Html => Escape::Html,
            Self::Subject | Self::Plain | Self::Sms => Escape::Text,
        }
    }

    /// How an operator's files of this part begin.
    pub(super) fn file(self) -> &'static str {
        match self {
            Self::Subject => "email.subject",
            Self::Plain => "email.body.plaintext",
            Self::Html => "email.body",
            Self::Sms => "sms.body",
        }
    }

    /// The end of the key below a template's.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Subject => "email.subject",
            Self::Plain => "email.body.plaintext",
            Self::Html => "email.body.html",
            Self::Sms => "sms.body.plaintext",
        }
    }

    /// The file of its layout.
    pub(super) fn layout(self) -> &'static str {
        match self {
            Self::Subject => "subject.gotmpl",
            Self::Plain => "plain.gotmpl",
            Self::Html => "html.gotmpl",
            Self::Sms => "sms.gotmpl",
        }
    }
}

/// The folder of a template (Kratos courier/template/courier/builtin/templates).
pub(super) fn folder(template: TemplateType) -> &'static str {
    match template {
        TemplateType::RecoveryValid => "recovery/valid",
        TemplateType::RecoveryInvalid => "recovery/invalid",
        TemplateType::RecoveryCodeValid => "recovery_code/valid",
        TemplateType::RecoveryCodeInvalid => "recovery_code/invalid",
        TemplateType::VerificationValid => "verification/valid",
        TemplateType::VerificationInvalid => "verification/invalid",
        TemplateType::VerificationCodeValid => "verification_code/valid",
        TemplateType::VerificationCodeInvalid => "verification_code/invalid",
        TemplateType::LoginCodeValid => "login_code/valid",
        TemplateType::RegistrationCodeValid => "registration_code/valid",
        TemplateType::VerifiableAddressChanged => "verifiable_address_changed",
    }
}
