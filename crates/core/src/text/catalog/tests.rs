//! Holds the set of numbers, their kinds and the shape of the contexts.

use super::*;
use crate::text::{Text, TextKind};
use serde_json::{Number, json};
use std::{collections::BTreeSet, time::Duration};
use time::{OffsetDateTime, macros::datetime};

fn duplicate() -> Duplicate<'static> {
    Duplicate {
        identifier: "a@b.c",
        provider: "x",
        login_url: "/x",
        credential_types: &["password"],
        providers: &["x"],
    }
}

#[expect(clippy::too_many_lines, reason = "one line per number")]
fn all() -> Vec<Text> {
    let number = Number::from(1);
    vec![
        confirm_sign_in(),
        sign_in_with("x", "x"),
        confirm_identity(),
        second_factor_required(),
        verify(),
        totp_code_label(),
        backup_code_label(),
        sign_in_with_security_key(),
        sign_in_with_totp(),
        sign_in_with_backup_code(),
        continue_with_security_key(),
        prepare_security_key(),
        login_continue(),
        login_code_sent(),
        send_login_code(),
        sign_in_to_link(&duplicate()),
        sign_in_and_link(),
        confirm_with("x"),
        request_second_factor_code(),
        sign_in_with_passkey(),
        sign_in_with_password(),
        send_code_to("x", "x"),
        sign_in_with_device(),
        login_code_sent_to_known(),
        login_flow_expired(OffsetDateTime::UNIX_EPOCH),
        no_login_method(),
        no_registration_method(),
        no_settings_method(),
        no_recovery_method(),
        no_verification_method(),
        login_already_completed(),
        login_code_invalid(),
        linked_credentials_mismatch(),
        address_unknown(),
        account_disabled(),
        sign_up(),
        sign_up_with("x", "x"),
        registration_continue(),
        sign_up_with_security_key(),
        registration_code_sent(),
        send_registration_code(),
        sign_up_with_passkey(),
        registration_back(),
        choose_credential(),
        registration_flow_expired(OffsetDateTime::UNIX_EPOCH),
        registration_already_completed(),
        registration_code_invalid(),
        settings_saved(),
        link_provider("x"),
        unlink_provider("x"),
        unlink_totp(),
        totp_qr_label(),
        totp_secret("x"),
        reveal_backup_codes(),
        generate_backup_codes(),
        backup_code("x"),
        backup_codes_label(),
        confirm_backup_codes(),
        add_security_key(),
        security_key_name_label(),
        backup_code_used(OffsetDateTime::UNIX_EPOCH),
        backup_codes(&[]),
        disable_backup_codes(),
        totp_secret_label(),
        remove_security_key("x", OffsetDateTime::UNIX_EPOCH),
        add_passkey(),
        remove_passkey("x", OffsetDateTime::UNIX_EPOCH),
        managed_by_organization(),
        settings_flow_expired(OffsetDateTime::UNIX_EPOCH),
        one_address_at_a_time(),
        recovered(OffsetDateTime::UNIX_EPOCH),
        recovery_link_sent(),
        recovery_code_sent(),
        recovery_code_sent_to("x"),
        type_full_address(),
        choose_recovery_address(),
        recovery_back(),
        recovery_already_completed(),
        recovery_state_failed(),
        recovery_link_invalid(),
        recovery_flow_expired(OffsetDateTime::UNIX_EPOCH),
        recovery_code_invalid(),
        verification_link_sent(),
        email_verified(),
        verification_code_sent_by_email(),
        verification_code_sent_by_sms(),
        phone_verified(),
        verification_link_invalid(),
        verification_already_completed(),
        verification_state_failed(),
        verification_flow_expired(OffsetDateTime::UNIX_EPOCH),
        verification_code_invalid(),
        label("x"),
        password_label(),
        label_from_title("x", "x"),
        save(),
        identifier_label(),
        submit(),
        code_label(),
        email_label(),
        resend_code(),
        continue_label(),
        recovery_code_label(),
        verification_code_label(),
        registration_code_label(),
        login_code_label(),
        link_credential(),
        captcha_label(),
        recovery_address_label(),
        phone_label(),
        email_or_phone_label(),
        invalid("x"),
        property_missing("x"),
        too_short(1, 1),
        pattern_mismatch("x"),
        too_long(1, 1),
        below_minimum(&number, &number),
        not_above(&number, &number),
        above_maximum(&number, &number),
        not_below(&number, &number),
        not_multiple_of(&number, &number),
        too_many_items(1, 1),
        too_few_items(1, 1),
        duplicate_items(1, 1),
        wrong_type(&["string"], "x"),
        not_constant("x"),
        not_the_constant(),
        invalid_email("x"),
        invalid_phone("x"),
        password_unfit("x"),
        wrong_credentials(),
        identifier_taken(),
        totp_code_wrong(),
        identifier_missing(),
        address_not_verified(),
        no_totp_device(),
        backup_code_already_used(),
        no_webauthn_device(),
        no_backup_codes(),
        no_such_webauthn_user(),
        backup_code_wrong(),
        identifier_taken_sign_in_to_link(),
        password_like_identifier(),
        password_too_short(1, 1),
        password_too_long(1, 1),
        password_breached(1),
        no_code_user(),
        traits_changed(),
        account_not_found(),
        captcha_failed(),
        password_unchanged(),
        no_device_key(),
        webauthn_failed(),
        device_signature_wrong(),
        device_attestation_expired(),
        device_needs_enrolment(),
        system_error("x"),
        no_method_available(),
        organization_without_sso(),
        identifier_taken_with_hints(&["password"], &["x"], "x"),
        too_many_attempts(Duration::ZERO),
        too_many_messages(Duration::ZERO),
    ]
}

/// The numbers that can be sent, as inclusive ranges.
const NUMBERS: &[(u32, u32)] = &[
    (1_010_001, 1_010_019),
    (1_010_021, 1_010_025),
    (1_040_001, 1_040_009),
    (1_050_001, 1_050_020),
    (1_050_023, 1_050_023),
    (1_060_001, 1_060_007),
    (1_070_000, 1_070_018),
    (1_080_001, 1_080_005),
    (4_000_001, 4_000_046),
    (4_010_001, 4_010_011),
    (4_040_001, 4_040_003),
    (4_050_001, 4_050_002),
    (4_060_001, 4_060_002),
    (4_060_004, 4_060_006),
    (4_070_001, 4_070_003),
    (4_070_005, 4_070_006),
    (4_900_001, 4_900_002),
    (5_000_001, 5_000_003),
];

#[test]
fn every_number_has_one_constructor() {
    let texts = all();
    let ids: BTreeSet<u32> = texts.iter().map(|text| text.id).collect();
    assert_eq!(ids.len(), texts.len(), "a number is used twice");
    let expected: BTreeSet<u32> = NUMBERS.iter().flat_map(|(from, to)| *from..=*to).collect();
    assert_eq!(ids, expected);
}

#[test]
fn kinds_follow_the_numbers() {
    for text in all() {
        let expected = match text.id {
            1_050_001 | 1_060_001 | 1_080_002 | 1_080_005 => TextKind::Success,
            4_000_000.. => TextKind::Error,
            _ => TextKind::Info,
        };
        assert_eq!(text.kind, expected, "{}", text.id);
        assert!(!text.text.is_empty() || text.id == 1_050_015, "{}", text.id);
    }
}

#[test]
fn a_text_without_context_has_no_such_key() {
    let json = serde_json::to_value(wrong_credentials()).unwrap();
    assert_eq!(json["id"], 4_000_006);
    assert_eq!(json["type"], "error");
    assert!(json.get("context").is_none());
}

#[test]
fn contexts_carry_the_wires_keys() {
    assert_eq!(property_missing("email").context, Some(json!({"property": "email"})));
    assert_eq!(password_too_short(8, 3).context, Some(json!({"min_length": 8, "actual_length": 3})));
    assert_eq!(
        wrong_type(&["string", "null"], "number").context,
        Some(json!({"allowed_types": ["string", "null"], "actual_type": "number"}))
    );
    assert_eq!(
        login_flow_expired(datetime!(2026-02-03 04:05:06.789 UTC)).context,
        Some(json!({"expired_at": "2026-02-03T04:05:06.789Z", "expired_at_unix": 1_770_091_506}))
    );
    let codes = [backup_code("one"), backup_code_used(OffsetDateTime::UNIX_EPOCH)];
    let list = backup_codes(&codes);
    assert_eq!(list.text, "one, Used on 1970-01-01T00:00:00Z");
    assert_eq!(list.context.unwrap()["secrets"][0]["context"]["secret"], "one");
}

#[test]
fn the_time_to_wait_is_rounded_up() {
    for (seconds, expected) in [
        (0, "a minute"),
        (60, "a minute"),
        (61, "2 minutes"),
        (5400, "90 minutes"),
        (5401, "2 hours"),
        (86_400, "24 hours"),
    ] {
        let text = too_many_attempts(Duration::from_secs(seconds));
        assert!(text.text.contains(&format!("Wait {expected},")), "{}", text.text);
        assert_eq!(text.context, Some(json!({"retry_after": seconds})));
    }
    assert_eq!(too_many_attempts(Duration::from_millis(1001)).context, Some(json!({"retry_after": 2})));
}
