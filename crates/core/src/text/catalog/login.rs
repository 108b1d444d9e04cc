//! Login: buttons, prompts and what can go wrong on the way in (1010xxx, 4010xxx).

use crate::text::{Text, timestamp};
use serde_json::json;
use time::OffsetDateTime;

/// The button that signs in again.
pub fn confirm_sign_in() -> Text {
    Text::info(1_010_001, "Sign in")
}

/// The button of an identity provider.
pub fn sign_in_with(provider: &str, provider_id: &str) -> Text {
    Text::info(1_010_002, format!("Sign in with {provider}"))
        .with_context(json!({"provider": provider, "provider_id": provider_id}))
}

/// The reason for signing in again.
pub fn confirm_identity() -> Text {
    Text::info(1_010_003, "Show that it is you before you go on.")
}

/// The reason for a second factor.
pub fn second_factor_required() -> Text {
    Text::info(1_010_004, "One more step: please pass your second check.")
}

/// The button that checks a second factor.
pub fn verify() -> Text {
    Text::info(1_010_005, "Verify")
}

/// The field for a code from an authenticator app.
pub fn totp_code_label() -> Text {
    Text::info(1_010_006, "Code from your app")
}

/// The field for a backup code.
pub fn backup_code_label() -> Text {
    Text::info(1_010_007, "Backup code")
}

/// The button that asks for a security key.
pub fn sign_in_with_security_key() -> Text {
    Text::info(1_010_008, "Use a security key")
}

/// The button that sends the code of an authenticator app.
pub fn sign_in_with_totp() -> Text {
    Text::info(1_010_009, "Use your authenticator app")
}

/// The button that sends a backup code.
pub fn sign_in_with_backup_code() -> Text {
    Text::info(1_010_010, "Use a backup code")
}

/// The button that goes on with a security key.
pub fn continue_with_security_key() -> Text {
    Text::info(1_010_011, "Continue with a security key")
}

/// What to do before a security key is asked for.
pub fn prepare_security_key() -> Text {
    Text::info(1_010_012, "Have your security key or fingerprint reader at hand, then go on.")
}

/// The button that goes on with a login.
pub fn login_continue() -> Text {
    Text::info(1_010_013, "Continue")
}

/// A login code is on its way to the address that was typed.
pub fn login_code_sent() -> Text {
    Text::info(1_010_014, "We have sent a code to that address. Nothing there? Look at the spelling and try again.")
}

/// The button that sends a login code.
pub fn send_login_code() -> Text {
    Text::info(1_010_015, "Send me a code")
}

/// What is known when a provider's account carries an identifier that an identity here already has.
#[derive(Debug, Clone, Copy)]
pub struct Duplicate<'a> {
    /// The identifier both have.
    pub identifier: &'a str,
    /// The provider's label.
    pub provider: &'a str,
    /// Where the login that links them goes on.
    pub login_url: &'a str,
    /// How the identity can sign in.
    pub credential_types: &'a [&'a str],
    /// The providers that the identity is linked to.
    pub providers: &'a [&'a str],
}

/// The provider's account carries an identifier that an identity here already has.
pub fn sign_in_to_link(duplicate: &Duplicate<'_>) -> Text {
    Text::info(1_010_016, format!("Someone already uses {:?} here. If that is you, sign in below to add {} to your account.", duplicate.identifier, duplicate.provider)).with_context(json!({"available_credential_types": duplicate.credential_types, "available_providers": duplicate.providers, "duplicateIdentifier": duplicate.identifier, "duplicate_identifier": duplicate.identifier, "newLoginUrl": duplicate.login_url, "new_login_url": duplicate.login_url, "provider": duplicate.provider}))
}

/// The button that signs in and links the provider.
pub fn sign_in_and_link() -> Text {
    Text::info(1_010_017, "Sign in and link")
}

/// The button of a linked provider, used to link another one.
pub fn confirm_with(provider: &str) -> Text {
    Text::info(1_010_018, format!("Confirm with {provider}")).with_context(json!({"provider": provider}))
}

/// The button that sends a second-factor code (older form).
pub fn request_second_factor_code() -> Text {
    Text::info(1_010_019, "Ask for a code")
}

/// The button that asks for a passkey.
pub fn sign_in_with_passkey() -> Text {
    Text::info(1_010_021, "Use a passkey")
}

/// The button that sends a password.
pub fn sign_in_with_password() -> Text {
    Text::info(1_010_022, "Sign in with a password")
}

/// The button that sends a second-factor code to one address.
pub fn send_code_to(channel: &str, address: &str) -> Text {
    Text::info(1_010_023, format!("Send a code to {address}"))
        .with_context(json!({"address": address, "channel": channel}))
}

/// The button that signs in with a key bound to the device.
pub fn sign_in_with_device() -> Text {
    Text::info(1_010_024, "Use this device")
}

/// A login code is on its way to the address of the person who is signed in.
pub fn login_code_sent_to_known() -> Text {
    Text::info(1_010_025, "We have sent a code to your address. Nothing there? Try again.")
}

/// The login flow is too old.
pub fn login_flow_expired(expired_at: OffsetDateTime) -> Text {
    Text::error(4_010_001, "This took too long. Start the sign-in again.")
        .with_context(json!({"expired_at": timestamp(expired_at), "expired_at_unix": expired_at.unix_timestamp()}))
}

/// No method takes the submission.
pub fn no_login_method() -> Text {
    Text::error(4_010_002, "None of the ways to sign in fits what you sent. Look at the form again.")
}

/// No method takes the submission.
pub fn no_registration_method() -> Text {
    Text::error(4_010_003, "None of the ways to sign up fits what you sent. Look at the form again.")
}

/// No method takes the submission.
pub fn no_settings_method() -> Text {
    Text::error(4_010_004, "None of the settings fits what you sent. Look at the form again.")
}

/// No method takes the submission.
pub fn no_recovery_method() -> Text {
    Text::error(4_010_005, "None of the ways to recover an account fits what you sent. Look at the form again.")
}

/// No method takes the submission.
pub fn no_verification_method() -> Text {
    Text::error(4_010_006, "None of the ways to verify an address fits what you sent. Look at the form again.")
}

/// The login flow has been used.
pub fn login_already_completed() -> Text {
    Text::error(4_010_007, "This sign-in is already done.")
}

/// The login code does not fit.
pub fn login_code_invalid() -> Text {
    Text::error(4_010_008, "This code is wrong or already used. Try again.")
}

/// The provider to be linked belongs to someone else.
pub fn linked_credentials_mismatch() -> Text {
    Text::error(4_010_009, "This sign-in belongs to another account than the one to be linked.")
}

/// The address for a second-factor code is not the person's.
pub fn address_unknown() -> Text {
    Text::error(4_010_010, "Your account has no such address.")
}

/// The identity is inactive.
pub fn account_disabled() -> Text {
    Text::error(4_010_011, "This account is turned off. Ask the people who run this service.")
}
