//! What is wrong with a credential, whichever flow it was sent in (4000xxx), and with the service itself (5000xxx).

use crate::text::Text;
use serde_json::json;

/// The password breaks a rule that has no number of its own.
pub fn password_unfit(reason: &str) -> Text {
    Text::error(4_000_005, format!("This password cannot be used: {reason}.")).with_context(json!({"reason": reason}))
}

/// The identifier or the password is wrong.
pub fn wrong_credentials() -> Text {
    Text::error(4_000_006, "These sign-in details do not fit. Check the spelling of both.")
}

/// Another identity has the identifier.
pub fn identifier_taken() -> Text {
    Text::error(4_000_007, "An account with this email address, phone number or name already exists.")
}

/// The code of the authenticator app does not fit.
pub fn totp_code_wrong() -> Text {
    Text::error(4_000_008, "This code from the app is wrong. Try again.")
}

/// The traits yield no identifier.
pub fn identifier_missing() -> Text {
    Text::error(
        4_000_009,
        "There is nothing to sign in with: no email address, phone number or name was given. The service may also be set up wrongly.",
    )
}

/// Signing in needs a verified address.
pub fn address_not_verified() -> Text {
    Text::error(4_000_010, "Verify your address first.")
}

/// The identity has no authenticator app.
pub fn no_totp_device() -> Text {
    Text::error(4_000_011, "You have no authenticator app set up.")
}

/// A backup code works once.
pub fn backup_code_already_used() -> Text {
    Text::error(4_000_012, "This backup code has been used before.")
}

/// The identity has no security key.
pub fn no_webauthn_device() -> Text {
    Text::error(4_000_013, "You have no security key set up.")
}

/// The identity has no backup codes.
pub fn no_backup_codes() -> Text {
    Text::error(4_000_014, "You have no backup codes.")
}

/// Nobody could sign in with a security key under that identifier.
pub fn no_such_webauthn_user() -> Text {
    Text::error(4_000_015, "There is no such account, or it has no security key.")
}

/// The backup code does not fit.
pub fn backup_code_wrong() -> Text {
    Text::error(4_000_016, "This is none of your backup codes.")
}

/// Another identity has the identifier that a provider sent.
pub fn identifier_taken_sign_in_to_link() -> Text {
    Text::error(
        4_000_027,
        "An account with this email address, phone number or name already exists. Sign in to it to link this profile.",
    )
}

/// Another identity has the identifier; how its owner signs in. An empty `identifier` is not shown.
pub fn identifier_taken_with_hints(credential_types: &[&str], providers: &[&str], identifier: &str) -> Text {
    let mut ways: Vec<&str> = Vec::new();
    for kind in credential_types {
        let way = match *kind {
            "password" => "a password",
            "oidc" | "saml" => "another service",
            "webauthn" => "a security key",
            other => other,
        };
        if !ways.contains(&way) {
            ways.push(way);
        }
    }
    let who = if identifier.is_empty() { "This email address, phone number or name" } else { identifier };
    let mut text = format!("{who} already belongs to an account.");
    for (lead, options) in [("You can sign in with", ways.as_slice()), ("Linked services:", providers)] {
        if !options.is_empty() {
            text = format!("{text} {lead} {}.", options.join(" or "));
        }
    }
    Text::error(4_000_028, text).with_context(json!({
        "available_credential_types": credential_types,
        "available_oidc_providers": providers,
        "credential_identifier_hint": identifier,
    }))
}

/// The password is close to an identifier.
pub fn password_like_identifier() -> Text {
    Text::error(4_000_031, "This password is too much like the name you sign in with.")
}

/// The password is too short, in characters.
pub fn password_too_short(min: u64, actual: u64) -> Text {
    Text::error(4_000_032, format!("The password has {actual} characters, but {min} are needed."))
        .with_context(json!({"actual_length": actual, "min_length": min}))
}

/// The password is too long for the hash.
pub fn password_too_long(max: u64, actual: u64) -> Text {
    Text::error(4_000_033, format!("The password has {actual} characters, but at most {max} can be used."))
        .with_context(json!({"actual_length": actual, "max_length": max}))
}

/// The password appears in breaches.
pub fn password_breached(breaches: u64) -> Text {
    Text::error(4_000_034, "This password is known from data leaks. Choose another one.")
        .with_context(json!({"breaches": breaches}))
}

/// The password is one of the commonest. A number of our own.
pub fn password_common() -> Text {
    Text::error(4_900_003, "This password is one of the most common ones. Choose another one.")
}

/// Nobody could sign in with a code under that identifier.
pub fn no_code_user() -> Text {
    Text::error(4_000_035, "There is no such account, or it does not sign in with a code.")
}

/// The traits differ from those that the code was sent for.
pub fn traits_changed() -> Text {
    Text::error(4_000_036, "Your details have changed since the code was sent.")
}

/// Nobody is known by that identifier.
pub fn account_not_found() -> Text {
    Text::error(4_000_037, "There is no such account, or it has no way to sign in.")
}

/// The captcha failed.
pub fn captcha_failed() -> Text {
    Text::error(4_000_038, "The captcha was not passed. Try again.")
}

/// The new password equals the old one.
pub fn password_unchanged() -> Text {
    Text::error(4_000_039, "The new password must differ from the old one.")
}

/// The identity has no key bound to a device.
pub fn no_device_key() -> Text {
    Text::error(4_000_042, "You have no device set up.")
}

/// The answer of a security key or passkey does not verify.
pub fn webauthn_failed() -> Text {
    Text::error(4_000_043, "The security key or passkey could not be checked. Try again.")
}

/// The signature of a key bound to a device does not verify.
pub fn device_signature_wrong() -> Text {
    Text::error(4_000_044, "The signature of this device is wrong.")
}

/// The key was accepted under a relaxed rule that has ended.
pub fn device_attestation_expired() -> Text {
    Text::error(4_000_045, "This device's key no longer counts. Set the device up again.")
}

/// The key is older than the check of its user.
pub fn device_needs_enrolment() -> Text {
    Text::error(4_000_046, "This device's key is too old. Set the device up again.")
}

/// Something went wrong on our side.
pub fn system_error(reason: impl Into<String>) -> Text {
    let reason = reason.into();
    let context = json!({"reason": &reason});
    Text::error(5_000_001, reason).with_context(context)
}

/// No method could be offered.
pub fn no_method_available() -> Text {
    Text::error(5_000_002, "There is no way to sign in here at the moment. Ask the people who run this service.")
}

/// No provider could be offered.
pub fn organization_without_sso() -> Text {
    Text::error(
        5_000_003,
        "Your organization signs in through its own provider, but none is set up. Ask the people who run this service.",
    )
}
