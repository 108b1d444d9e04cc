use super::*;
use time::macros::datetime;

fn row(fields: &[(&'static str, &str)]) -> Fields {
    Fields(fields.iter().map(|(name, value)| (*name, Some((*value).to_owned()))).collect())
}

const ID: &str = "0190e0e0-0000-4000-8000-000000000001";
const AT: &str = "2026-11-25 16:27:13.898813+00:00";

fn credential_row(kind: &str, config: &str, identifiers: &str) -> Fields {
    row(&[
        ("id", ID),
        ("type", kind),
        ("config", config),
        ("identifiers", identifiers),
        ("version", "0"),
        ("created_at", AT),
        ("updated_at", AT),
    ])
}

fn read(kind: &str, config: &str, identifiers: &str) -> Credential {
    let id = Uuid::parse_str(ID).unwrap();
    credential(id, &credential_row(kind, config, identifiers), &mut Remarks::default()).unwrap().unwrap()
}

#[test]
fn times_of_all_drivers_are_read() {
    let whole = datetime!(2026-11-25 16:27:13 UTC);
    for text in [
        "2026-11-25 16:27:13",
        "2026-11-25T16:27:13Z",
        "2026-11-25 16:27:13+00:00",
        "2026-11-25 18:27:13+02:00",
        "2026-11-25 18:27:13+02",
        "2026-11-25 14:57:13.000-0130",
        "2026-11-25 16:27:13 +0000 UTC",
    ] {
        assert_eq!(time(text), Some(whole), "{text}");
    }
    assert_eq!(time("2026-11-25 16:27:13.898813123+00:00"), Some(datetime!(2026-11-25 16:27:13.898813 UTC)));
    assert_eq!(time("2026-11-25 16:27:13.5"), Some(datetime!(2026-11-25 16:27:13.5 UTC)));
    for text in
        ["", "2026", "2026-13-01 00:00:00", "2026-11-25x16:27:13", "2026-11-25 16:27:13 CET", "é".repeat(9).as_str()]
    {
        assert_eq!(time(text), None, "{text}");
    }
}

#[test]
fn credentials_of_version_0_are_upgraded() {
    let code = read("code", r#"{"address_type":"sms","used_at":null}"#, "+16502530000");
    assert_eq!(code.config, json!({ "addresses": [{ "channel": "sms", "address": "+16502530000" }] }));
    assert_eq!(code.version, 1);
    let key = read("webauthn", r#"{"credentials":[{"id":"YQ=="}]}"#, "a@example.org");
    assert_eq!(key.config["credentials"][0]["is_passwordless"], false);
    assert_eq!(key.config["user_handle"], STANDARD.encode(Uuid::parse_str(ID).unwrap()));
    assert_eq!(read("webauthn", "{}", "a@example.org").config, json!({}), "one that only reserves a name");
    let password = read("password", r#"{"hashed_password":"$2a$"}"#, " ADA@Example.org\0ada@example.org");
    assert_eq!(password.identifiers, ["ada@example.org"]);
    assert_eq!(password.config, json!({ "hashed_password": "$2a$" }));
}

#[test]
fn identifiers_of_elsewhere_stay_as_they_are() {
    assert_eq!(read("oidc", "{}", "acme:Subject\0acme:subject").identifiers, ["acme:Subject", "acme:subject"]);
}

#[test]
fn what_is_not_known_is_told() {
    let mut remarks = Remarks::default();
    let id = Uuid::parse_str(ID).unwrap();
    assert!(credential(id, &credential_row("telepathy", "{}", ""), &mut remarks).unwrap().is_none());
    assert_eq!(remarks.notes.len(), 1);
    let broken = credential(id, &credential_row("password", "{", ""), &mut remarks).unwrap_err();
    assert_eq!(broken, "config is no JSON");
    let deep = "[".repeat(100) + &"]".repeat(100);
    assert!(credential(id, &credential_row("password", &deep, ""), &mut remarks).is_err());
}

#[test]
fn sessions_are_read() {
    let mut fields = vec![
        ("id", ID),
        ("identity_id", ID),
        ("issued_at", AT),
        ("expires_at", AT),
        ("authenticated_at", AT),
        ("created_at", AT),
        ("updated_at", AT),
        ("active", "1"),
        ("aal", "aal2"),
        ("token", "ory_st_a"),
        (
            "authentication_methods",
            r#"[{"method":"oidc","aal":"aal1","completed_at":"2026-11-25T16:27:14.445863306Z","provider":"a","upstream_amr":null}]"#,
        ),
    ];
    let (found, token) = session(&row(&fields), Vec::new()).unwrap();
    assert_eq!((found.aal, found.active, token.expose()), (Aal::Aal2, true, "ory_st_a"));
    assert_eq!(found.methods[0].provider.as_deref(), Some("a"));
    fields.pop();
    fields.push(("authentication_methods", r#"[{"method":"telepathy","aal":"aal1"}]"#));
    assert!(session(&row(&fields), Vec::new()).is_err());
    fields.retain(|(name, _)| *name != "token");
    assert_eq!(session(&row(&fields), Vec::new()).unwrap_err(), "token is not set");
}
