//! Labels of fields and buttons that several flows share (1070xxx).

use crate::text::Text;
use serde_json::json;
use std::borrow::Cow;

/// A label that is data, such as a masked address.
pub fn label(text: impl Into<Cow<'static, str>>) -> Text {
    Text::info(1_070_000, text.into())
}

/// The field for a password.
pub fn password_label() -> Text {
    Text::info(1_070_001, "Password")
}

/// The field of a trait, called as its schema calls it.
pub fn label_from_title(title: &str, name: &str) -> Text {
    Text::info(1_070_002, title.to_owned()).with_context(json!({"name": name, "title": title}))
}

/// The button that stores a change.
pub fn save() -> Text {
    Text::info(1_070_003, "Save")
}

/// The field for an identifier of no special kind.
pub fn identifier_label() -> Text {
    Text::info(1_070_004, "ID")
}

/// The button that sends a form.
pub fn submit() -> Text {
    Text::info(1_070_005, "Submit")
}

/// The field for a code.
pub fn code_label() -> Text {
    Text::info(1_070_006, "Code")
}

/// The field for an email address.
pub fn email_label() -> Text {
    Text::info(1_070_007, "Email")
}

/// The button that sends the code again.
pub fn resend_code() -> Text {
    Text::info(1_070_008, "Send another code")
}

/// The button that goes on.
pub fn continue_label() -> Text {
    Text::info(1_070_009, "Continue")
}

/// The field for a recovery code.
pub fn recovery_code_label() -> Text {
    Text::info(1_070_010, "Recovery code")
}

/// The field for a verification code.
pub fn verification_code_label() -> Text {
    Text::info(1_070_011, "Verification code")
}

/// The field for a registration code.
pub fn registration_code_label() -> Text {
    Text::info(1_070_012, "Sign-up code")
}

/// The field for a login code.
pub fn login_code_label() -> Text {
    Text::info(1_070_013, "Sign-in code")
}

/// The button that signs in and links a credential.
pub fn link_credential() -> Text {
    Text::info(1_070_014, "Sign in and link this")
}

/// The prompt of a captcha.
pub fn captcha_label() -> Text {
    Text::info(1_070_015, "Pass the captcha to go on.")
}

/// The field for a recovery address of any kind.
pub fn recovery_address_label() -> Text {
    Text::info(1_070_016, "Recovery address")
}

/// The field for a phone number.
pub fn phone_label() -> Text {
    Text::info(1_070_017, "Phone number")
}

/// The field for either.
pub fn email_or_phone_label() -> Text {
    Text::info(1_070_018, "Email address or phone number")
}
