//! Recovery: the way back into an account (1060xxx, 4060xxx).

use crate::text::{Text, timestamp};
use serde_json::json;
use time::OffsetDateTime;

/// The account is recovered; credentials may be changed until then.
pub fn recovered(privileged_until: OffsetDateTime) -> Text {
    Text::success(1_060_001, "You are back in. Set a new password, or another way to sign in, soon.").with_context(json!({"privilegedSessionExpiresAt": timestamp(privileged_until), "privileged_session_expires_at": timestamp(privileged_until), "privileged_session_expires_at_unix": privileged_until.unix_timestamp()}))
}

/// A recovery link is on its way, if the address is known.
pub fn recovery_link_sent() -> Text {
    Text::info(
        1_060_002,
        "If we know that address, a mail with a link is on its way. Nothing there? Look at the spelling, and use the address you signed up with.",
    )
}

/// A recovery code is on its way, if the address is known.
pub fn recovery_code_sent() -> Text {
    Text::info(
        1_060_003,
        "If we know that address, a mail with a code is on its way. Nothing there? Look at the spelling, and use the address you signed up with.",
    )
}

/// A recovery code is on its way to the address that was chosen.
pub fn recovery_code_sent_to(masked_address: &str) -> Text {
    Text::info(1_060_004, format!("If it is yours, a code is on its way to {masked_address}. Nothing there? Look at the spelling, and use the address you signed up with.")).with_context(json!({"masked_address": masked_address}))
}

/// The address that was chosen must be typed in full.
pub fn type_full_address() -> Text {
    Text::info(1_060_005, "Type the whole address to get your account back.")
}

/// More than one address could be used.
pub fn choose_recovery_address() -> Text {
    Text::info(1_060_006, "Where shall we send the way back into your account?")
}

/// The button that returns to the choice of addresses.
pub fn recovery_back() -> Text {
    Text::info(1_060_007, "Back")
}

/// The recovery flow has been used.
pub fn recovery_already_completed() -> Text {
    Text::error(4_060_001, "This recovery is already done.")
}

/// The recovery flow is in a state that leads nowhere.
pub fn recovery_state_failed() -> Text {
    Text::error(4_060_002, "This recovery has failed. Start again.")
}

/// The recovery link does not fit.
pub fn recovery_link_invalid() -> Text {
    Text::error(4_060_004, "This link is wrong or already used. Start again.")
}

/// The recovery flow is too old.
pub fn recovery_flow_expired(expired_at: OffsetDateTime) -> Text {
    Text::error(4_060_005, "This took too long. Start the recovery again.")
        .with_context(json!({"expired_at": timestamp(expired_at), "expired_at_unix": expired_at.unix_timestamp()}))
}

/// The recovery code does not fit.
pub fn recovery_code_invalid() -> Text {
    Text::error(4_060_006, "This code is wrong or already used. Try again.")
}
