use super::{super::fields::Field, *};

fn row(fields: &[(&'static str, &str)]) -> Fields {
    Fields(fields.iter().map(|(name, value)| (*name, Field::Text((*value).to_owned()))).collect())
}

const ID: &str = "0190e0e0-0000-4000-8000-000000000001";
const AT: &str = "2026-11-25 16:27:13.898813+00:00";

fn credential_row(kind: &str, config: &str, identifiers: &str) -> (Fields, Vec<Fields>) {
    let credential = row(&[
        ("id", ID),
        ("identity_credential_type_id", kind),
        ("config", config),
        ("version", "0"),
        ("created_at", AT),
        ("updated_at", AT),
    ]);
    let name = |name: &str| row(&[("id", ID), ("identifier", name)]);
    (credential, identifiers.split(BETWEEN).map(name).collect())
}

const BETWEEN: char = '|';

/// Whose types are called as their ids are.
fn all(rows: Vec<(Fields, Vec<Fields>)>, remarks: &mut Remarks) -> Because<Vec<Credential>> {
    let types = CredentialType::ALL.iter().map(|kind| kind.as_str().to_owned());
    let types =
        CredentialTypes(types.map(|name| (name.clone(), name)).chain([("new".into(), "telepathy".into())]).collect());
    credentials(ID.parse().unwrap(), &Belongings { credentials: rows, ..Belongings::default() }, &types, remarks)
}

fn read(kind: &str, config: &str, identifiers: &str) -> Credential {
    all(vec![credential_row(kind, config, identifiers)], &mut Remarks::default()).unwrap().remove(0)
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
    let password = read("password", r#"{"hashed_password":"$2a$"}"#, " ADA@Example.org|ada@example.org");
    assert_eq!(password.identifiers, ["ada@example.org"]);
    assert_eq!(password.config, json!({ "hashed_password": "$2a$" }));
}

#[test]
fn identifiers_of_elsewhere_stay_as_they_are() {
    assert_eq!(read("oidc", "{}", "acme:Subject|acme:subject").identifiers, ["acme:Subject", "acme:subject"]);
}

#[test]
fn a_credential_that_is_left_out_is_told_with_its_identifiers() {
    for (kind, why) in [("new", "its type is not known"), ("nowhere", "its type does not exist")] {
        let mut remarks = Remarks::default();
        assert!(all(vec![credential_row(kind, "{", "a|b")], &mut remarks).unwrap().is_empty());
        let tables: Vec<Table> = remarks.left_out.iter().map(|(part, _)| part.table).collect();
        assert_eq!((tables, remarks.left_out[0].1.as_str()), (vec![Table::Credentials, Table::Identifiers], why));
    }
    let mut remarks = Remarks::default();
    let two = vec![credential_row("password", "{}", "old"), credential_row("password", "{}", "new")];
    let read = all(two, &mut remarks).unwrap();
    assert_eq!((read.len(), read[0].identifiers[0].as_str(), remarks.left_out.len()), (1, "new", 2));
}

#[test]
fn a_credential_that_cannot_be_read_stops_its_identity() {
    let deep = "[".repeat(100) + &"]".repeat(100);
    for config in ["{", deep.as_str(), "1e999"] {
        let said = all(vec![credential_row("totp", config, "a")], &mut Remarks::default()).unwrap_err();
        assert!(said.starts_with("credential: config "), "{said}");
    }
    let (mut credential, names) = credential_row("password", "{}", "a");
    credential.0.retain(|(name, _)| *name != "created_at");
    let said = all(vec![(credential, names)], &mut Remarks::default()).unwrap_err();
    assert_eq!(said, "credential: created_at is not set");
}

#[test]
fn bytes_that_are_no_text_are_told_and_not_taken_for_nothing() {
    let fields = Fields(vec![("id", Field::from(Some(&b"\xff"[..]))), ("state", Field::from(Some(&b"\xffx"[..])))]);
    assert_eq!(fields.id("id"), Err("id is not UTF-8".into()));
    assert_eq!(fields.get("state"), Err("state is not UTF-8".into()));
    assert_eq!(fields.get("nowhere"), Ok(None));
    assert_eq!(fields.source_id().as_deref(), Some("\u{fffd}"));
    let nil = row(&[("id", "00000000-0000-0000-0000-000000000000")]);
    assert_eq!(nil.id("id"), Err("id is the nil UUID".into()));
    assert_eq!(row(&[("id", &ID.to_uppercase())]).id("id").unwrap().to_string(), ID);
}

#[test]
fn of_equal_addresses_the_verified_one_stays() {
    let address = |id: &str, value: &str, verified: &str| {
        row(&[
            ("id", id),
            ("via", "email"),
            ("value", value),
            ("verified", verified),
            ("created_at", AT),
            ("updated_at", AT),
        ])
    };
    let other = "0190e0e0-0000-4000-8000-000000000002";
    for (first, second) in [("0", "1"), ("1", "0")] {
        let mut remarks = Remarks::default();
        let rows = [address(ID, "ada@example.org", first), address(other, "ADA@example.org", second)];
        let read = verifiable_addresses(&rows, &mut remarks).unwrap();
        assert!(read.len() == 1 && read[0].verified);
        let goes = if first == "0" { ID } else { other };
        assert_eq!(remarks.left_out[0].0.id.as_deref(), Some(goes));
        let mut remarks = Remarks::default();
        assert_eq!(recovery_addresses(&rows, &mut remarks).unwrap().len(), 1);
        assert_eq!(remarks.left_out[0].0.id.as_deref(), Some(other));
    }
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
    let (found, token) = session(&row(&fields), &[], &mut Remarks::default()).unwrap();
    assert_eq!((found.aal, found.active, token.expose()), (Aal::Aal2, true, "ory_st_a"));
    assert_eq!(found.methods[0].provider.as_deref(), Some("a"));
    fields.pop();
    fields.push(("authentication_methods", r#"[{"method":"telepathy","aal":"aal1"}]"#));
    assert!(session(&row(&fields), &[], &mut Remarks::default()).is_err());
    fields.retain(|(name, _)| *name != "token");
    assert_eq!(session(&row(&fields), &[], &mut Remarks::default()).unwrap_err(), "token is not set");
}
