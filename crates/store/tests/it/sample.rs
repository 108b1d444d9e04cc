//! People, sessions and flows for the tests: the same in each run.

use serde_json::json;
use time::{Duration, OffsetDateTime, macros::datetime};
use uuid::Uuid;
use zelos_core::{
    flow::Flow,
    id::{AddressId, CredentialId, DeviceId, IdentityId, MessageId, SessionId},
    identity::{AddressStatus, Credential, CredentialType, Identity, RecoveryAddress, State, VerifiableAddress, Via},
    message::{Message, MessageChannel, MessageStatus, TemplateType},
    session::{Aal, AuthenticationMethod, Device, MethodName, Session},
};

/// The present of the tests, to the microsecond.
pub(crate) const NOW: OffsetDateTime = datetime!(2026-03-01 12:34:56.123456 UTC);

/// An id that sorts by its number.
pub(crate) fn id(number: u32) -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + u128::from(number) * 16)
}

/// A person with a password, a code credential and addresses of both sorts.
pub(crate) fn person(number: u32) -> Identity {
    let email = format!("person-{number}@example.com");
    let at = NOW + Duration::seconds(number.into());
    let address = |offset| AddressId(Uuid::from_u128(id(number).as_u128() + offset));
    Identity {
        id: IdentityId(id(number)),
        external_id: Some(format!("external-{number}")),
        schema_id: "default".into(),
        state: State::Active,
        state_changed_at: Some(at),
        traits: json!({ "z": 1, "email": email, "a": { "ü": "😀 ' \" \\ \u{0001}" } }),
        indexed: None,
        metadata_public: json!({ "colour": "green" }),
        metadata_admin: json!(["note"]),
        verifiable_addresses: vec![VerifiableAddress {
            id: address(1),
            value: email.clone(),
            verified: false,
            via: Via::Email,
            status: AddressStatus::Pending,
            verified_at: None,
            created_at: at,
            updated_at: at,
        }],
        recovery_addresses: vec![RecoveryAddress {
            id: address(2),
            value: email.clone(),
            via: Via::Email,
            created_at: at,
            updated_at: at,
        }],
        credentials: vec![
            credential(number, CredentialType::Code, &[&email]),
            credential(number, CredentialType::Password, &[&email, &format!("name-{number}")]),
        ],
        available_aal: Aal::Aal1,
        organization_id: None,
        created_at: at,
        updated_at: at,
        version: 1,
    }
}

/// A credential of that person.
pub(crate) fn credential(number: u32, kind: CredentialType, identifiers: &[&str]) -> Credential {
    Credential {
        id: CredentialId(Uuid::from_u128(id(number).as_u128() + 3 + kind as u128)),
        kind,
        identifiers: identifiers.iter().map(|&identifier| identifier.into()).collect(),
        config: json!({ "hashed_password": "$2a$…", "b": 1, "a": 2 }),
        version: 0,
        created_at: NOW,
        updated_at: NOW,
    }
}

/// A session of that person; the higher its number, the newer it is.
pub(crate) fn session(number: u32, identity: IdentityId) -> Session {
    let at = NOW + Duration::seconds(number.into());
    Session {
        id: SessionId(id(number)),
        identity_id: identity,
        active: true,
        issued_at: at,
        authenticated_at: at,
        expires_at: at + Duration::DAY,
        aal: Aal::Aal1,
        methods: vec![AuthenticationMethod::new(MethodName::Password, Aal::Aal1, at)],
        devices: vec![Device {
            id: DeviceId(id(number)),
            ip_address: "192.0.2.1".into(),
            user_agent: "browser".into(),
            location: "Zürich".into(),
        }],
        created_at: at,
        updated_at: at,
    }
}

/// A login flow.
pub(crate) fn flow(number: u32) -> Flow {
    let flow = json!({
        "id": id(number),
        "channel": "browser",
        "state": "choose_method",
        "issued_at": "2026-03-01T12:34:56.123456Z",
        "expires_at": "2026-03-01T13:34:56.123456Z",
        "updated_at": "2026-03-01T12:34:56.123456Z",
        "request_url": "https://www.example.com/self-service/login/browser",
        "detail": { "kind": "login", "refresh": false, "requested_aal": "aal1" },
        "memory": { "z": 1, "a": 2 },
        "ui": { "action": "https://www.example.com/", "method": "POST", "nodes": [] },
    });
    serde_json::from_value(flow).unwrap()
}

/// A mail that waits; the higher its number, the newer it is.
pub(crate) fn message(number: u32) -> Message {
    let at = NOW + Duration::seconds(number.into());
    let object = |value: serde_json::Value| value.as_object().cloned().unwrap();
    Message {
        id: MessageId(id(number)),
        channel: MessageChannel::Email,
        recipient: format!("person-{number}@example.com"),
        subject: "Grüße".into(),
        body: "Code: 123456\n".into(),
        template_type: TemplateType::VerificationCodeValid,
        template_data: object(json!({ "verification_code": "123456", "a": { "z": 1, "b": "😀" } })),
        request_headers: object(json!({ "User-Agent": ["browser"] })),
        status: MessageStatus::Queued,
        send_count: 0,
        expires_at: Some(at + Duration::HOUR),
        created_at: at,
        updated_at: at,
    }
}
