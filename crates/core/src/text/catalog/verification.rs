//! Verification: showing that an address is one's own (1080xxx, 4070xxx).

use crate::text::{Text, timestamp};
use serde_json::json;
use time::OffsetDateTime;

/// A verification link is on its way.
pub fn verification_link_sent() -> Text {
    Text::info(
        1_080_001,
        "A mail with a link is on its way to that address. Nothing there? Look at the spelling, and use the address you signed up with.",
    )
}

/// The email address is the person's.
pub fn email_verified() -> Text {
    Text::success(1_080_002, "Your email address is verified.")
}

/// A verification code is on its way by mail.
pub fn verification_code_sent_by_email() -> Text {
    Text::info(
        1_080_003,
        "A mail with a code is on its way to that address. Nothing there? Look at the spelling, and use the address you signed up with.",
    )
}

/// A verification code is on its way by text message.
pub fn verification_code_sent_by_sms() -> Text {
    Text::info(
        1_080_004,
        "A text message with a code is on its way to that number. Nothing there? Look at the digits, and use the number you signed up with.",
    )
}

/// The phone number is the person's.
pub fn phone_verified() -> Text {
    Text::success(1_080_005, "Your phone number is verified.")
}

/// The verification link does not fit.
pub fn verification_link_invalid() -> Text {
    Text::error(4_070_001, "This link is wrong or already used. Start again.")
}

/// The verification flow has been used.
pub fn verification_already_completed() -> Text {
    Text::error(4_070_002, "This address is already verified.")
}

/// The verification flow is in a state that leads nowhere.
pub fn verification_state_failed() -> Text {
    Text::error(4_070_003, "This verification has failed. Start again.")
}

/// The verification flow is too old.
pub fn verification_flow_expired(expired_at: OffsetDateTime) -> Text {
    Text::error(4_070_005, "This took too long. Start the verification again.")
        .with_context(json!({"expired_at": timestamp(expired_at), "expired_at_unix": expired_at.unix_timestamp()}))
}

/// The verification code does not fit.
pub fn verification_code_invalid() -> Text {
    Text::error(4_070_006, "This code is wrong or already used. Try again.")
}
