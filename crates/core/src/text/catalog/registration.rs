//! Registration: buttons, prompts and what can go wrong (1040xxx, 4040xxx).

use crate::text::{Text, timestamp};
use serde_json::json;
use time::OffsetDateTime;

/// The button that registers.
pub fn sign_up() -> Text {
    Text::info(1_040_001, "Sign up")
}

/// The button of an identity provider.
pub fn sign_up_with(provider: &str, provider_id: &str) -> Text {
    Text::info(1_040_002, format!("Sign up with {provider}"))
        .with_context(json!({"provider": provider, "provider_id": provider_id}))
}

/// The button that goes on with a registration.
pub fn registration_continue() -> Text {
    Text::info(1_040_003, "Continue")
}

/// The button that registers a security key.
pub fn sign_up_with_security_key() -> Text {
    Text::info(1_040_004, "Sign up with a security key")
}

/// A code is on its way to the addresses of the new identity.
pub fn registration_code_sent() -> Text {
    Text::info(
        1_040_005,
        "We have sent you a code. Nothing there? Look at the spelling of the address and sign up again.",
    )
}

/// The button that sends a registration code.
pub fn send_registration_code() -> Text {
    Text::info(1_040_006, "Send me a code to sign up")
}

/// The button that registers a passkey.
pub fn sign_up_with_passkey() -> Text {
    Text::info(1_040_007, "Sign up with a passkey")
}

/// The button that returns to the traits.
pub fn registration_back() -> Text {
    Text::info(1_040_008, "Back")
}

/// The traits are known, a credential is to be chosen.
pub fn choose_credential() -> Text {
    Text::info(1_040_009, "Choose how you want to sign in from now on.")
}

/// The registration flow is too old.
pub fn registration_flow_expired(expired_at: OffsetDateTime) -> Text {
    Text::error(4_040_001, "This took too long. Start the sign-up again.")
        .with_context(json!({"expired_at": timestamp(expired_at), "expired_at_unix": expired_at.unix_timestamp()}))
}

/// The registration flow has been used.
pub fn registration_already_completed() -> Text {
    Text::error(4_040_002, "This sign-up is already done.")
}

/// The registration code does not fit.
pub fn registration_code_invalid() -> Text {
    Text::error(4_040_003, "This code is wrong or already used. Try again.")
}
