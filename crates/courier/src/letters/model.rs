//! What templates see: the data of a message under the names that Kratos' models have in Go, and four names of ours.

use serde_json::{Map, Value};
use zelos_core::message::{Message, MessageChannel, TemplateType};

/// Codes and links, by the wire's names: a message has at most one of each.
const CODES: [&str; 4] = ["recovery_code", "verification_code", "login_code", "registration_code"];
const LINKS: [&str; 2] = ["recovery_url", "verification_url"];

/// The data of a template.
pub(super) fn model(message: &Message, language: &str, site: &str) -> Value {
    let data = &message.template_data;
    let mut model: Map<String, Value> = data.iter().map(|(name, value)| named(message, name, value)).collect();
    model.insert("UserRequestHeaders".to_owned(), Value::Object(message.request_headers.clone()));
    let first = |names: &[&str]| {
        let values = names.iter().filter_map(|name| data.get(*name)?.as_str());
        Value::from(values.into_iter().find(|text| !text.is_empty()).unwrap_or_default())
    };
    let ours = [
        ("Language", Value::from(language)),
        ("Site", Value::from(site)),
        ("Code", first(&CODES)),
        ("Link", first(&LINKS)),
    ];
    model.extend(ours.map(|(name, value)| (name.to_owned(), value)));
    Value::Object(model)
}

/// A member under its name in Go. Those of people and payloads keep their names.
fn named(message: &Message, name: &str, value: &Value) -> (String, Value) {
    let in_go = match name {
        "to" => "To",
        "recovery_url" => "RecoveryURL",
        "recovery_code" => "RecoveryCode",
        // Quirk: on the wire, a short message calls its recovery code `verification_code`
        // (Kratos courier/template/sms/recovery_code.go).
        "verification_code" if is_sms_recovery(message) => "RecoveryCode",
        "verification_url" => "VerificationURL",
        "verification_code" => "VerificationCode",
        "login_code" => "LoginCode",
        "registration_code" => "RegistrationCode",
        "identity" => "Identity",
        "traits" => "Traits",
        "request_url" => "RequestURL",
        "request_url_domain" => "RequestURLDomain",
        "transient_payload" => "TransientPayload",
        "expires_in_minutes" => "ExpiresInMinutes",
        "changed_at" => "ChangedAt",
        "added_at" => "AddedAt",
        "oauth2_login_request" => return ("OAuth2LoginRequest".to_owned(), login_request(value)),
        other => other,
    };
    (in_go.to_owned(), value.clone())
}

fn is_sms_recovery(message: &Message) -> bool {
    message.channel == MessageChannel::Sms && message.template_type == TemplateType::RecoveryCodeValid
}

fn login_request(value: &Value) -> Value {
    let client = |name: &str| value.pointer(&format!("/client/{name}")).cloned().unwrap_or_default();
    if value.is_null() {
        return Value::Null;
    }
    serde_json::json!({
        "Challenge": value.get("challenge"),
        "Client": {
            "ClientID": client("client_id"),
            "ClientName": client("client_name"),
            "ClientURI": client("client_uri"),
            "LogoURI": client("logo_uri"),
            "Metadata": client("metadata"),
        },
    })
}
