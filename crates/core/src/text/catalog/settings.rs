//! Settings: what people change about their account (1050xxx, 4050xxx).

use crate::text::{Text, timestamp};
use serde_json::json;
use time::OffsetDateTime;

/// The change is stored.
pub fn settings_saved() -> Text {
    Text::success(1_050_001, "Saved.")
}

/// The button that links an identity provider.
pub fn link_provider(provider: &str) -> Text {
    Text::info(1_050_002, format!("Link {provider}")).with_context(json!({"provider": provider}))
}

/// The button that unlinks an identity provider.
pub fn unlink_provider(provider: &str) -> Text {
    Text::info(1_050_003, format!("Unlink {provider}")).with_context(json!({"provider": provider}))
}

/// The button that removes the authenticator app.
pub fn unlink_totp() -> Text {
    Text::info(1_050_004, "Remove the authenticator app")
}

/// The QR code with the secret for an authenticator app.
pub fn totp_qr_label() -> Text {
    Text::info(1_050_005, "Picture for your authenticator app")
}

/// The secret for an authenticator app, to be typed.
pub fn totp_secret(secret: &str) -> Text {
    Text::info(1_050_006, secret.to_owned()).with_context(json!({"secret": secret}))
}

/// The button that shows the backup codes.
pub fn reveal_backup_codes() -> Text {
    Text::info(1_050_007, "Show the backup codes")
}

/// The button that replaces the backup codes.
pub fn generate_backup_codes() -> Text {
    Text::info(1_050_008, "Make new backup codes")
}

/// One backup code that has not been used.
pub fn backup_code(code: &str) -> Text {
    Text::info(1_050_009, code.to_owned()).with_context(json!({"secret": code}))
}

/// The list of backup codes.
pub fn backup_codes_label() -> Text {
    Text::info(1_050_010, "Your backup codes. Keep them where only you can find them.")
}

/// The button that puts new backup codes in force.
pub fn confirm_backup_codes() -> Text {
    Text::info(1_050_011, "I have kept these codes")
}

/// The button that registers a security key.
pub fn add_security_key() -> Text {
    Text::info(1_050_012, "Add a security key")
}

/// The field for the name of a security key.
pub fn security_key_name_label() -> Text {
    Text::info(1_050_013, "Name for this security key")
}

/// One backup code that has been used.
pub fn backup_code_used(used_at: OffsetDateTime) -> Text {
    Text::info(1_050_014, format!("Used on {}", timestamp(used_at)))
        .with_context(json!({"used_at": timestamp(used_at), "used_at_unix": used_at.unix_timestamp()}))
}

/// All backup codes, each a [`backup_code`] or [`backup_code_used`].
pub fn backup_codes(codes: &[Text]) -> Text {
    Text::info(1_050_015, codes.iter().map(|code| code.text.as_ref()).collect::<Vec<_>>().join(", "))
        .with_context(json!({"secrets": codes}))
}

/// The button that removes the backup codes.
pub fn disable_backup_codes() -> Text {
    Text::info(1_050_016, "Turn the backup codes off")
}

/// The label of [`totp_secret`].
pub fn totp_secret_label() -> Text {
    Text::info(1_050_017, "If your app cannot read the picture, type this secret into it.")
}

/// The button that removes one security key.
pub fn remove_security_key(name: &str, added_at: OffsetDateTime) -> Text {
    Text::info(1_050_018, format!("Remove the security key {name:?}")).with_context(
        json!({"added_at": timestamp(added_at), "added_at_unix": added_at.unix_timestamp(), "display_name": name}),
    )
}

/// The button that registers a passkey.
pub fn add_passkey() -> Text {
    Text::info(1_050_019, "Add a passkey")
}

/// The button that removes one passkey.
pub fn remove_passkey(name: &str, added_at: OffsetDateTime) -> Text {
    Text::info(1_050_020, format!("Remove the passkey {name:?}")).with_context(
        json!({"added_at": timestamp(added_at), "added_at_unix": added_at.unix_timestamp(), "display_name": name}),
    )
}

/// Nothing can be changed here.
pub fn managed_by_organization() -> Text {
    Text::info(1_050_023, "Your organization looks after this account. Ask its administrators for changes.")
}

/// The settings flow is too old.
pub fn settings_flow_expired(expired_at: OffsetDateTime) -> Text {
    Text::error(4_050_001, "This took too long. Open your settings again.")
        .with_context(json!({"expired_at": timestamp(expired_at), "expired_at_unix": expired_at.unix_timestamp()}))
}

/// More than one address would change at once.
pub fn one_address_at_a_time() -> Text {
    Text::error(4_050_002, "Change one address at a time.")
}
