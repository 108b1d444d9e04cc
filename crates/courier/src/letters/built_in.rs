//! The letters and layouts that the program brings along.

use super::part::Part;
use zelos_core::message::TemplateType;

/// What one language says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Language {
    pub(super) tag: &'static str,
    /// Its files by their names, without the ending.
    pub(super) files: [(&'static str, &'static str); 10],
}

/// The file of pieces that all letters of a language share.
pub(super) const WORDS: &str = "words";

macro_rules! language {
    ($tag:literal: $($name:literal)*) => {
        Language {
            tag: $tag,
            files: [$(($name, include_str!(concat!("../../templates/", $tag, "/", $name, ".gotmpl")))),*],
        }
    };
    ($tag:literal) => {
        language!($tag:
            "words" "recovery_valid" "recovery_code_valid" "recovery_invalid" "verification_valid"
            "verification_code_valid" "verification_invalid" "login_code_valid" "registration_code_valid"
            "verifiable_address_changed")
    };
}

/// The first is for those whose language there is not.
pub(super) const LANGUAGES: [Language; 2] = [language!("en"), language!("de")];

/// How the pieces of a letter become a part.
pub(super) fn layout(part: Part) -> &'static str {
    match part {
        Part::Subject => include_str!("../../templates/subject.gotmpl"),
        Part::Plain => include_str!("../../templates/plain.gotmpl"),
        Part::Html => include_str!("../../templates/html.gotmpl"),
        Part::Sms => include_str!("../../templates/sms.gotmpl"),
    }
}

/// The file with the pieces of a message. To those who have no account it says the same with and without codes.
pub(super) fn letter(template: TemplateType) -> &'static str {
    match template {
        TemplateType::RecoveryInvalid | TemplateType::RecoveryCodeInvalid => "recovery_invalid",
        TemplateType::VerificationInvalid | TemplateType::VerificationCodeInvalid => "verification_invalid",
        other => other.as_str(),
    }
}
