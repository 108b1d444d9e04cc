//! Security keys: a first factor, or a second one; set up, used, named, taken away, brought along.

use crate::{
    submissions::post,
    wire::{PASSWORD, refused},
};
use serde_json::{Value, json};
use zelos_core::{
    config::ContentUri,
    flow::Kind,
    identity::{Credential, CredentialType, Identity},
};
use zelos_store::{Batch, flows};
use zelos_testkit::{Algorithm, Answer, App, Authenticator, Mode, Persona, Setup, Spoil, node, scenario};

pub(crate) const ORIGIN: &str = "http://ui.example.org";

/// People called by their mail address, whatever they sign in with.
pub(crate) fn schema() -> Value {
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": { "traits": { "type": "object", "properties": {
            "email": {
                "type": "string",
                "format": "email",
                "title": "E-Mail",
                "ory.sh/kratos": {
                    "credentials": {
                        "password": { "identifier": true },
                        "webauthn": { "identifier": true },
                        "passkey": { "display_name": true },
                    },
                    "recovery": { "via": "email" },
                },
            },
            "name": { "type": "string", "title": "Name" },
        }, "required": ["email"] } },
    })
}

pub(crate) fn setup(methods: &Value) -> Setup {
    let url = ContentUri::inline(schema().to_string());
    let session = json!({ "hooks": [{ "hook": "session" }] });
    Setup::with(json!({
        "identity": { "schemas": [{ "id": "default", "url": url }] },
        "selfservice": {
            "methods": methods,
            "flows": { "registration": { "after": { "webauthn": session, "passkey": session } } },
        },
    }))
}

fn keys(passwordless: bool) -> Setup {
    let party = json!({ "id": "example.org", "display_name": "Example", "origins": [ORIGIN] });
    setup(&json!({ "webauthn": { "enabled": true, "config": { "passwordless": passwordless, "rp": party } } }))
}

/// A page and a single-page app: native apps have no browser.
async fn in_browsers(setup: Setup, story: impl AsyncFn(&App, Persona)) {
    scenario(setup, async |app| {
        for mode in [Mode::Page, Mode::Spa] {
            story(app, app.visitor(mode)).await;
        }
    })
    .await;
}

pub(crate) fn email_of(visitor: &Persona, name: &str) -> String {
    format!("{name}-{:?}@example.org", visitor.mode).to_lowercase()
}

/// What a node hands to the browser.
pub(crate) fn options(flow: &Value, name: &str) -> Value {
    let value = node(flow, name)["attributes"]["value"].clone();
    serde_json::from_str(value.as_str().unwrap_or_else(|| panic!("{name} in {flow}"))).unwrap()
}

pub(crate) fn is_done(answer: &Answer) -> bool {
    matches!(answer.status.as_u16(), 200 | 303) && !answer.location().contains("/login?")
}

/// The credential as it is stored.
async fn stored(app: &App, id: &str) -> Credential {
    let found = zelos_store::identities::find_with_credentials(&app.store, id.parse().unwrap()).await.unwrap().unwrap();
    found.credential(CredentialType::Webauthn).unwrap().clone()
}

pub(crate) fn names(flow: &Value) -> Vec<String> {
    let name = |node: &Value| {
        let attributes = &node["attributes"];
        attributes["name"].as_str().or(attributes["id"].as_str()).unwrap_or_default().to_owned()
    };
    flow["ui"]["nodes"].as_array().unwrap().iter().map(name).collect()
}

/// Somebody with a password, signed in.
async fn signed_in(app: &App, visitor: &mut Persona, name: &str) -> (String, String) {
    let email = email_of(visitor, name);
    let id = app.person(&email, PASSWORD).await["id"].as_str().unwrap().to_owned();
    visitor.sign_in(&email, PASSWORD).await;
    (email, id)
}

/// Adds a key in the settings.
async fn add(visitor: &mut Persona, device: &mut Authenticator, name: &str) -> Answer {
    let flow = visitor.begin("settings", "").await;
    let answer = device.create(&options(&flow, "webauthn_register_trigger"));
    visitor.submit(&flow, json!({ "webauthn_register": answer, "webauthn_register_displayname": name })).await
}

pub(crate) async fn second(visitor: &mut Persona, device: &mut Authenticator, spoil: &Spoil) -> Answer {
    let flow = visitor.begin("login", "aal=aal2").await;
    let answer = device.get_spoiled(&options(&flow, "webauthn_login_trigger"), spoil);
    let identifier = node(&flow, "identifier")["attributes"]["value"].clone();
    visitor.submit(&flow, json!({ "webauthn_login": answer, "identifier": identifier })).await
}

/// The second step of a login without a password.
async fn named(visitor: &mut Persona, email: &str) -> Value {
    let flow = visitor.begin("login", "").await;
    let id = flow["id"].as_str().unwrap().to_owned();
    let answer = visitor.submit(&flow, json!({ "method": "webauthn", "identifier": email })).await;
    let to = if visitor.mode == Mode::Page {
        assert_eq!(answer.status, 303, "{}", answer.text);
        answer.location().to_owned()
    } else {
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["error"]["id"]),
            (422, &json!("browser_location_change_required"))
        );
        answer.json()["redirect_browser_to"].as_str().unwrap().to_owned()
    };
    assert_eq!(to, format!("{ORIGIN}/login?flow={id}"));
    visitor.fetch("login", &id).await.json()
}

async fn first(visitor: &mut Persona, flow: &Value, email: &str, answer: &str) -> Answer {
    visitor.submit(flow, json!({ "method": "webauthn", "webauthn_login": answer, "identifier": email })).await
}

async fn sign_up(visitor: &mut Persona, device: &mut Authenticator, email: &str) -> Answer {
    let flow = visitor.begin("registration", "").await;
    let answer = device.create(&options(&flow, "webauthn_register_trigger"));
    let traits = json!({ "email": email });
    let values = json!({ "webauthn_register": answer, "webauthn_register_displayname": "Blue", "traits": traits });
    visitor.submit(&flow, values).await
}

#[tokio::test]
async fn of_a_key_that_is_sent_twice_the_first_counts() {
    // The form of the official Node UI holds the field twice, and its script fills in the first.
    scenario(keys(true), async |app| {
        let mut visitor = app.visitor(Mode::Page);
        let mut device = Authenticator::new(ORIGIN);
        let flow = visitor.begin("registration", "").await;
        let answer = device.create(&options(&flow, "webauthn_register_trigger"));
        let fields = [
            ("traits.email", "twice@example.org"),
            ("webauthn_register", &*answer),
            ("webauthn_register_displayname", "Blue"),
            ("webauthn_register", ""),
            ("webauthn_register_displayname", ""),
        ];
        let done = post(&mut visitor, &flow, &fields).await;
        assert!(is_done(&done), "{} {}", done.status, done.text);
        assert_eq!(visitor.whoami().await.json()["identity"]["traits"]["email"], "twice@example.org");
    })
    .await;
}

#[tokio::test]
async fn a_key_is_added_asked_for_and_taken_away() {
    in_browsers(keys(false), async |app, mut visitor| {
        let (email, id) = signed_in(app, &mut visitor, "second").await;
        let mut device = Authenticator::new(ORIGIN);
        let flow = visitor.begin("settings", "").await;
        let asked = options(&flow, "webauthn_register_trigger")["publicKey"].clone();
        assert_eq!(asked["rp"], json!({ "name": "Example", "id": "example.org" }));
        assert_eq!(asked["authenticatorSelection"], json!({ "userVerification": "discouraged" }));
        assert_eq!((&asked["timeout"], asked.get("attestation")), (&json!(120_000), None));
        assert_eq!(asked["challenge"].as_str().unwrap().len(), 43);
        let without_name = json!({ "webauthn_register": device.create(&json!({ "publicKey": asked })) });
        let answer = visitor.submit(&flow, without_name).await;
        let shown = refused(&mut visitor, "settings", &answer).await;
        assert_eq!(node(&shown, "webauthn_register_displayname")["messages"][0]["id"], 4_000_002);

        assert!(is_done(&add(&mut visitor, &mut device, "Blue").await));
        let session = visitor.whoami().await.json();
        let proved = &session["authentication_methods"][1];
        assert_eq!((&proved["method"], &proved["aal"]), (&json!("webauthn"), &json!("aal2")));
        assert_eq!(session["authenticator_assurance_level"], "aal2");
        let credential = stored(app, &id).await;
        assert_eq!(credential.identifiers, [email.as_str()]);
        let key = &credential.config["credentials"][0];
        assert_eq!((&key["display_name"], &key["is_passwordless"]), (&json!("Blue"), &json!(false)));
        assert_eq!(key["added_at"], "2030-01-02T03:04:05Z");
        assert_eq!(
            key["flags"],
            json!({
                "user_present": true, "user_verified": true, "backup_eligible": false, "backup_state": false,
            })
        );
        assert_eq!(
            app.admin("GET", &format!("/admin/identities/{id}"), None).await.json()["credentials"]["webauthn"]
                .get("config"),
            None
        );

        // What is there is not made again, and is not taken twice.
        let flow = visitor.begin("settings", "").await;
        let asked = options(&flow, "webauthn_register_trigger");
        assert_eq!(asked["publicKey"]["excludeCredentials"][0]["type"], "public-key");
        let removal = node(&flow, "webauthn_remove");
        assert_eq!(
            (&removal["attributes"]["value"], &removal["attributes"]["disabled"]),
            (&json!(device.hex()), &json!(false))
        );
        assert_eq!(removal["meta"]["label"]["id"], 1_050_018);
        assert_eq!(removal["meta"]["label"]["context"]["display_name"], "Blue");

        let mut other = app.visitor(visitor.mode);
        other.sign_in(&email, PASSWORD).await;
        assert_eq!(other.whoami().await.status, 403, "the key is asked for");
        let shown = other.begin("login", "aal=aal2").await;
        assert_eq!(
            names(&shown),
            ["csrf_token", "identifier", "webauthn_login", "webauthn_script", "webauthn_login_trigger"]
        );
        assert_eq!(node(&shown, "webauthn_login_trigger")["meta"]["label"]["id"], 1_010_008);
        assert!(is_done(&second(&mut other, &mut device, &Spoil::default()).await));
        assert_eq!(other.whoami().await.json()["authenticator_assurance_level"], "aal2");
        assert_eq!(stored(app, &id).await.config["credentials"][0]["authenticator"]["sign_count"], 1);

        device.repeats = true;
        let values = json!({ "webauthn_register": device.create(&asked), "webauthn_register_displayname": "Again" });
        let answer = visitor.submit(&flow, values).await;
        let shown = refused(&mut visitor, "settings", &answer).await;
        assert_eq!(node(&shown, "webauthn_register")["messages"][0]["id"], 4_000_001);
        assert_eq!(node(&shown, "webauthn_register")["attributes"]["value"], "", "an answer is not shown again");
        let answer = visitor.submit(&flow, json!({ "webauthn_remove": "ffff" })).await;
        assert_eq!(refused(&mut visitor, "settings", &answer).await["ui"]["messages"][0]["id"], 4_000_001);
        assert!(is_done(&visitor.submit(&flow, json!({ "webauthn_remove": device.hex() })).await));
        let path = format!("/admin/identities/{id}?include_credential=webauthn");
        assert_eq!(app.admin("GET", &path, None).await.json()["credentials"].get("webauthn"), None);
        let mut third = app.visitor(visitor.mode);
        third.sign_in(&email, PASSWORD).await;
        assert_eq!(third.whoami().await.status, 200, "one factor is enough again");
    })
    .await;
}

#[tokio::test]
async fn somebody_signs_up_and_in_without_a_password() {
    in_browsers(keys(true), async |app, mut visitor| {
        let email = email_of(&visitor, "alone");
        let flow = visitor.begin("registration", "").await;
        let shown = names(&flow);
        for name in
            ["webauthn_register_displayname", "webauthn_register", "webauthn_register_trigger", "webauthn_script"]
        {
            assert!(shown.iter().any(|shown| shown == name), "{name} in {shown:?}");
        }
        let button = node(&flow, "webauthn_register_trigger");
        assert_eq!(button["attributes"]["onclickTrigger"], "oryWebAuthnRegistration");
        let value = button["attributes"]["value"].as_str().unwrap();
        assert_eq!(button["attributes"]["onclick"], format!("window.oryWebAuthnRegistration({value})"));
        assert_eq!(button["meta"]["label"]["id"], 1_040_004);
        let script = node(&flow, "webauthn_script")["attributes"].clone();
        let served = visitor.get("/.well-known/ory/webauthn.js").await;
        assert_eq!(script["src"], "http://id.example.org/.well-known/ory/webauthn.js");
        assert_eq!(script["integrity"], integrity(&served.text));

        let mut device = Authenticator::new(ORIGIN);
        let answer = sign_up(&mut visitor, &mut device, &email).await;
        assert!(is_done(&answer), "{}", answer.text);
        let session = visitor.whoami().await.json();
        let proved = &session["authentication_methods"][0];
        assert_eq!((&proved["method"], &proved["aal"]), (&json!("webauthn"), &json!("aal1")));

        let mut other = app.visitor(visitor.mode);
        let flow = other.begin("login", "").await;
        let asked = node(&flow, "identifier")["attributes"].clone();
        assert_eq!((&asked["autocomplete"], &asked["type"]), (&json!("username webauthn"), &json!("text")));
        let flow = named(&mut other, &email).await;
        assert_eq!(flow["ui"]["messages"][0]["id"], 1_010_012);
        assert_eq!(
            names(&flow),
            ["csrf_token", "identifier", "webauthn_login", "webauthn_script", "webauthn_login_trigger"]
        );
        let hidden = node(&flow, "identifier")["attributes"].clone();
        assert_eq!((&hidden["type"], &hidden["value"]), (&json!("hidden"), &json!(email)));
        let asked = options(&flow, "webauthn_login_trigger")["publicKey"].clone();
        assert_eq!((&asked["rpId"], &asked["userVerification"]), (&json!("example.org"), &json!("discouraged")));
        assert_eq!(asked["allowCredentials"].as_array().unwrap().len(), 1);
        let mut before = other.clone();
        let signed = device.get(&options(&flow, "webauthn_login_trigger"));
        let answer = first(&mut other, &flow, &email.to_uppercase(), &signed).await;
        assert!(is_done(&answer), "{}", answer.text);
        assert_eq!(other.whoami().await.json()["authenticator_assurance_level"], "aal1");

        // The answer again: to the same flow, and to another.
        let answer = first(&mut before, &flow, &email, &signed).await;
        assert_eq!(refused(&mut before, "login", &answer).await["ui"]["messages"][0]["id"], 4_000_043);
        let mut again = app.visitor(visitor.mode);
        let flow = named(&mut again, &email).await;
        let answer = first(&mut again, &flow, &email, &signed).await;
        assert_eq!(refused(&mut again, "login", &answer).await["ui"]["messages"][0]["id"], 4_000_043);
        for mut nobody in [before, again] {
            assert_eq!(nobody.whoami().await.status, 401);
        }
    })
    .await;
}

fn integrity(script: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use sha2::{Digest, Sha512};
    format!("sha512-{}", STANDARD.encode(Sha512::digest(script)))
}

/// What is wrong with an answer, and that it is told by the wire's message.
pub(crate) fn spoils() -> Vec<(&'static str, Spoil)> {
    let usual = Spoil::default;
    vec![
        ("origin", Spoil { origin: Some("http://evil.example.org".to_owned()), ..usual() }),
        ("port", Spoil { origin: Some("http://ui.example.org:8080".to_owned()), ..usual() }),
        ("no origin", Spoil { origin: Some("null".to_owned()), ..usual() }),
        ("domain", Spoil { rp_id: Some("example.com".to_owned()), ..usual() }),
        ("type", Spoil { kind: Some("payment.get".to_owned()), ..usual() }),
        ("challenge", Spoil { challenge: Some("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned()), ..usual() }),
        ("nobody there", Spoil { flags: Some(0b100), ..usual() }),
        ("backed up, though it cannot be", Spoil { flags: Some(0b1_0101), ..usual() }),
        ("credential id", Spoil { credential_id: Some(vec![7; 32]), ..usual() }),
    ]
}

#[tokio::test]
async fn spoiled_answers_make_no_keys() {
    in_browsers(keys(true), async |app, mut visitor| {
        let email = email_of(&visitor, "spoiled");
        let mut device = Authenticator::new(ORIGIN);
        let flow = visitor.begin("registration", "").await;
        let mut asked = options(&flow, "webauthn_register_trigger");
        device.attests = true;
        let bad_signature = ("signature", Spoil { signature: true, ..Spoil::default() });
        for (what, spoil) in spoils().into_iter().chain([bad_signature]) {
            let answer = device.create_spoiled(&asked, &spoil);
            let values = json!({ "webauthn_register": answer, "traits": { "email": email } });
            let answer = visitor.submit(&flow, values).await;
            let shown = refused(&mut visitor, "registration", &answer).await;
            let told = &shown["ui"]["messages"][0]["id"];
            assert!(told == 4_000_043 || (what == "no origin" && told == 4_000_001), "{what}: {shown}");
            let next = options(&shown, "webauthn_register_trigger");
            assert_ne!(next["publicKey"]["challenge"], asked["publicKey"]["challenge"], "a challenge is used once");
            assert_eq!(node(&shown, "traits.email")["attributes"]["value"], email, "what was typed stays");
            asked = next;
        }
        for text in ["{}", "x", "[[[[[[[[", &"[".repeat(100_000)] {
            let answer =
                visitor.submit(&flow, json!({ "webauthn_register": text, "traits": { "email": email } })).await;
            assert_eq!(refused(&mut visitor, "registration", &answer).await["ui"]["messages"][0]["id"], 4_000_001);
        }
        let nobody = format!("/admin/identities?credentials_identifier={email}");
        assert_eq!(app.admin("GET", &nobody, None).await.json(), json!([]));

        // An answer is for one flow.
        let here = visitor.fetch("registration", flow["id"].as_str().unwrap()).await.json();
        let elsewhere = visitor.begin("registration", "").await;
        let good = device.create(&options(&elsewhere, "webauthn_register_trigger"));
        let values = json!({ "webauthn_register": good, "traits": { "email": email } });
        let answer = visitor.submit(&here, values).await;
        assert_eq!(refused(&mut visitor, "registration", &answer).await["ui"]["messages"][0]["id"], 4_000_043);
        let nameless = json!({ "webauthn_register": "{}", "traits": { "name": "x" } });
        assert!(!is_done(&visitor.submit(&elsewhere, nameless).await));
        let answer = sign_up(&mut visitor, &mut device, &email).await;
        assert!(is_done(&answer), "a key that vouches for itself: {}", answer.text);
    })
    .await;
}

#[tokio::test]
async fn spoiled_answers_let_nobody_in() {
    in_browsers(keys(true), async |app, mut visitor| {
        let (email, other_email) = (email_of(&visitor, "victim"), email_of(&visitor, "thief"));
        let (mut device, mut thief) = (Authenticator::new(ORIGIN), Authenticator::new(ORIGIN));
        assert!(is_done(&sign_up(&mut app.visitor(visitor.mode), &mut device, &email).await));
        assert!(is_done(&sign_up(&mut app.visitor(visitor.mode), &mut thief, &other_email).await));
        let id = app.admin("GET", &format!("/admin/identities?credentials_identifier={email}"), None).await.json();
        let id = id[0]["id"].as_str().unwrap().to_owned();
        let flow = named(&mut visitor, &email).await;
        let mut asked = options(&flow, "webauthn_login_trigger");
        let more = [
            ("signature", Spoil { signature: true, ..Spoil::default() }),
            ("backup eligible at once", Spoil { flags: Some(0b1101), ..Spoil::default() }),
            ("somebody else's handle", Spoil { user_handle: Some(b"somebody else".to_vec()), ..Spoil::default() }),
        ];
        for (what, spoil) in spoils().into_iter().chain(more) {
            let signed = device.get_spoiled(&asked, &spoil);
            let answer = first(&mut visitor, &flow, &email, &signed).await;
            let shown = refused(&mut visitor, "login", &answer).await;
            let told = &shown["ui"]["messages"][0]["id"];
            assert!(told == 4_000_043 || (what == "no origin" && told == 4_000_001), "{what}: {shown}");
            let next = options(&shown, "webauthn_login_trigger");
            assert_ne!(next["publicKey"]["challenge"], asked["publicKey"]["challenge"], "{what}");
            asked = next;
        }
        // A key of another person, for the victim; and the victim's flow, for the other.
        let signed = thief.get(&asked);
        let answer = first(&mut visitor, &flow, &email, &signed).await;
        let shown = refused(&mut visitor, "login", &answer).await;
        assert_eq!(shown["ui"]["messages"][0]["id"], 4_000_043);
        let signed = thief.get(&options(&shown, "webauthn_login_trigger"));
        let answer = first(&mut visitor, &flow, &other_email, &signed).await;
        let shown = refused(&mut visitor, "login", &answer).await;
        assert_eq!(shown["ui"]["messages"][0]["id"], 4_000_043, "the challenge was set to the victim");
        assert_eq!(visitor.whoami().await.status, 401);
        assert_eq!(stored(app, &id).await.config["credentials"][0]["authenticator"]["sign_count"], 0);
        let signed = device.get(&options(&shown, "webauthn_login_trigger"));
        assert!(is_done(&first(&mut visitor, &flow, &email, &signed).await));
    })
    .await;
}

#[tokio::test]
async fn who_is_named_must_have_a_key() {
    in_browsers(keys(true), async |app, mut visitor| {
        let email = email_of(&visitor, "keyless");
        app.person(&email, PASSWORD).await;
        for identifier in [email.as_str(), "nobody@example.org"] {
            let flow = visitor.begin("login", "").await;
            let answer = visitor.submit(&flow, json!({ "method": "webauthn", "identifier": identifier })).await;
            assert_eq!(refused(&mut visitor, "login", &answer).await["ui"]["messages"][0]["id"], 4_000_015);
        }
        let flow = visitor.begin("login", "").await;
        let answer = visitor.submit(&flow, json!({ "method": "webauthn" })).await;
        let shown = refused(&mut visitor, "login", &answer).await;
        assert_eq!(node(&shown, "identifier")["messages"][0]["id"], 4_000_002);
    })
    .await;
}

#[tokio::test]
async fn native_apps_have_no_keys() {
    scenario(keys(true), async |app| {
        let mut visitor = app.visitor(Mode::Native);
        for kind in ["login", "registration"] {
            let flow = visitor.begin(kind, "").await;
            assert!(!flow.to_string().contains("webauthn"), "{flow}");
            let answer = visitor.submit(&flow, json!({ "webauthn_login": "{}", "webauthn_register": "{}" })).await;
            assert_eq!(answer.messages(), [if kind == "login" { 4_010_002 } else { 4_010_003 }]);
        }
    })
    .await;
}

#[tokio::test]
async fn a_first_factor_is_no_second_one() {
    in_browsers(keys(true), async |app, mut visitor| {
        // A key of each sort, brought along.
        let (mut alone, mut beside) = (Authenticator::new(ORIGIN), Authenticator::new(ORIGIN));
        let making = json!({ "publicKey": { "rp": { "id": "example.org" }, "user": { "id": "AAAA" } } });
        alone.create(&making);
        beside.create(&making);
        let email = email_of(&visitor, "both");
        let body = json!({
            "schema_id": "default",
            "traits": { "email": email },
            "credentials": {
                "password": { "config": { "password": PASSWORD } },
                "webauthn": { "config": { "credentials": [alone.stored(true), beside.stored(false)] } },
            },
        });
        let answer = app.admin("POST", "/admin/identities", Some(body)).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        let id = answer.json()["id"].as_str().unwrap().to_owned();
        assert_eq!(stored(app, &id).await.identifiers, [email.as_str()]);
        visitor.sign_in(&email, PASSWORD).await;
        assert_eq!(visitor.whoami().await.status, 403);
        let flow = visitor.begin("login", "aal=aal2").await;
        let allowed = options(&flow, "webauthn_login_trigger")["publicKey"]["allowCredentials"].clone();
        assert_eq!(allowed.as_array().unwrap().len(), 1, "one of the two is a second factor");
        let answer = second(&mut visitor, &mut alone, &Spoil::default()).await;
        assert_eq!(refused(&mut visitor, "login", &answer).await["ui"]["messages"][0]["id"], 4_000_043);
        assert_eq!(visitor.whoami().await.status, 403);
        assert!(is_done(&second(&mut visitor, &mut beside, &Spoil::default()).await));
        assert_eq!(visitor.whoami().await.json()["authenticator_assurance_level"], "aal2");

        let mut other = app.visitor(visitor.mode);
        let flow = named(&mut other, &email).await;
        let signed = beside.get(&options(&flow, "webauthn_login_trigger"));
        let answer = first(&mut other, &flow, &email, &signed).await;
        let shown = refused(&mut other, "login", &answer).await;
        assert_eq!(shown["ui"]["messages"][0]["id"], 4_000_043);
        let signed = alone.get(&options(&shown, "webauthn_login_trigger"));
        first(&mut other, &flow, &email, &signed).await;
        assert_eq!(other.whoami().await.status, 403, "it is still one factor");
        assert!(is_done(&second(&mut other, &mut beside, &Spoil::default()).await));

        // Deleting takes away the second factors only.
        let path = format!("/admin/identities/{id}/credentials/webauthn");
        assert_eq!(app.admin("DELETE", &path, None).await.status, 204);
        let left = stored(app, &id).await.config["credentials"].clone();
        assert_eq!((left.as_array().unwrap().len(), &left[0]["is_passwordless"]), (1, &json!(true)));
        let mut third = app.visitor(visitor.mode);
        third.sign_in(&email, PASSWORD).await;
        assert_eq!(third.whoami().await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn a_login_is_confirmed_by_ones_own_key() {
    in_browsers(keys(true), async |app, mut visitor| {
        let email = email_of(&visitor, "confirm");
        let mut device = Authenticator::new(ORIGIN);
        assert!(is_done(&sign_up(&mut visitor, &mut device, &email).await));
        let before = visitor.whoami().await.json();
        app.clock.advance(std::time::Duration::from_mins(1));
        let flow = visitor.begin("login", "refresh=true").await;
        assert_eq!(flow["ui"]["messages"][0]["id"], 1_010_003);
        assert_eq!(node(&flow, "identifier")["attributes"]["value"], email);
        let mut stranger = Authenticator::new(ORIGIN);
        assert!(is_done(
            &sign_up(&mut app.visitor(visitor.mode), &mut stranger, &email_of(&visitor, "stranger")).await
        ));
        let signed = stranger.get(&options(&flow, "webauthn_login_trigger"));
        let answer = first(&mut visitor, &flow, &email, &signed).await;
        let shown = refused(&mut visitor, "login", &answer).await;
        assert_eq!(shown["ui"]["messages"][0]["id"], 4_000_043);
        let signed = device.get(&options(&shown, "webauthn_login_trigger"));
        assert!(is_done(&first(&mut visitor, &flow, &email, &signed).await));
        let after = visitor.whoami().await.json();
        assert_eq!(before["id"], after["id"]);
        assert_ne!(before["authenticated_at"], after["authenticated_at"]);
    })
    .await;
}

#[tokio::test]
async fn the_last_way_in_stays() {
    in_browsers(keys(true), async |app, mut visitor| {
        let email = email_of(&visitor, "last");
        let mut device = Authenticator::new(ORIGIN);
        assert!(is_done(&sign_up(&mut visitor, &mut device, &email).await));
        let flow = visitor.begin("settings", "").await;
        assert_eq!(node(&flow, "webauthn_remove")["attributes"]["disabled"], true);
        let answer = visitor.submit(&flow, json!({ "webauthn_remove": device.hex() })).await;
        let shown = refused(&mut visitor, "settings", &answer).await;
        assert_eq!(node(&shown, "webauthn_remove")["messages"][0]["id"], 4_000_001);
        let first = device.hex();
        assert!(is_done(&add(&mut visitor, &mut device, "Red").await));
        let flow = visitor.begin("settings", "").await;
        assert_eq!(node(&flow, "webauthn_remove")["attributes"]["disabled"], false);
        assert!(is_done(&visitor.submit(&flow, json!({ "webauthn_remove": first })).await));
        let mut other = app.visitor(visitor.mode);
        let flow = named(&mut other, &email).await;
        let signed = device.get(&options(&flow, "webauthn_login_trigger"));
        assert!(is_done(&self::first(&mut other, &flow, &email, &signed).await));
    })
    .await;
}

#[tokio::test]
async fn the_last_two_keys_are_not_both_taken() {
    scenario(keys(true), async |app| {
        let mut visitor = app.visitor(Mode::Spa);
        let mut device = Authenticator::new(ORIGIN);
        assert!(is_done(&sign_up(&mut visitor, &mut device, "two@example.org").await));
        let one = device.hex();
        assert!(is_done(&add(&mut visitor, &mut device, "Red").await));
        let two = device.hex();
        let (mut here, mut there) = (visitor.clone(), visitor.clone());
        let (flow, other) = (here.begin("settings", "").await, there.begin("settings", "").await);
        let (first, second) = tokio::join!(
            here.submit(&flow, json!({ "webauthn_remove": one })),
            there.submit(&other, json!({ "webauthn_remove": two })),
        );
        let mut statuses = [first.status.as_u16(), second.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 400], "{} {}", first.text, second.text);
    })
    .await;
}

#[tokio::test]
async fn an_answer_is_judged_once_however_often_it_is_sent() {
    scenario(keys(false), async |app| {
        let mut visitor = app.visitor(Mode::Spa);
        let (email, id) = signed_in(app, &mut visitor, "race").await;
        let mut device = Authenticator::new(ORIGIN);
        assert!(is_done(&add(&mut visitor, &mut device, "Blue").await));
        let mut other = app.visitor(Mode::Spa);
        other.sign_in(&email, PASSWORD).await;
        let flow = other.begin("login", "aal=aal2").await;
        let signed = device.get(&options(&flow, "webauthn_login_trigger"));
        let send = async |mut one: Persona| {
            one.submit(&flow, json!({ "webauthn_login": signed, "identifier": email })).await.status.as_u16()
        };
        let answers = futures_util::future::join_all((0..20).map(|_| send(other.clone()))).await;
        assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
        assert_eq!(stored(app, &id).await.config["credentials"][0]["authenticator"]["sign_count"], 1);
    })
    .await;
}

#[tokio::test]
async fn a_counter_that_goes_back_is_marked_and_keeps_nobody_out() {
    in_browsers(keys(false), async |app, mut visitor| {
        let (_, id) = signed_in(app, &mut visitor, "clone").await;
        let mut device = Authenticator::new(ORIGIN);
        assert!(is_done(&add(&mut visitor, &mut device, "Blue").await));
        for (counter, known, warned) in [(7, 7, false), (3, 7, true), (9, 9, true)] {
            let spoil = Spoil { counter: Some(counter), ..Spoil::default() };
            let flow = visitor.begin("login", "aal=aal2&refresh=true").await;
            let signed = device.get_spoiled(&options(&flow, "webauthn_login_trigger"), &spoil);
            let identifier = node(&flow, "identifier")["attributes"]["value"].clone();
            let answer = visitor.submit(&flow, json!({ "webauthn_login": signed, "identifier": identifier })).await;
            assert!(is_done(&answer), "{}", answer.text);
            let told = stored(app, &id).await.config["credentials"][0]["authenticator"].clone();
            assert_eq!((&told["sign_count"], &told["clone_warning"]), (&json!(known), &json!(warned)));
        }
    })
    .await;
}

#[tokio::test]
async fn keys_are_brought_along_and_sign_in() {
    in_browsers(keys(true), async |app, mut visitor| {
        for (index, algorithm) in
            [Algorithm::Es256, Algorithm::Es384, Algorithm::Rs256, Algorithm::Ed25519].into_iter().enumerate()
        {
            let mut device = Authenticator::new(ORIGIN);
            device.algorithm = algorithm;
            device.create(&json!({ "publicKey": { "rp": { "id": "example.org" }, "user": { "id": "AAAA" } } }));
            let email = email_of(&visitor, &format!("brought{index}"));
            let config = json!({ "credentials": [device.stored(true)], "user_handle": "AAAA" });
            let body = json!({
                "schema_id": "default",
                "traits": { "email": email },
                "credentials": { "webauthn": { "config": config } },
            });
            let answer = app.admin("POST", "/admin/identities", Some(body)).await;
            assert_eq!(answer.status, 201, "{}", answer.text);
            let id = answer.json()["id"].as_str().unwrap().to_owned();
            let path = format!("/admin/identities/{id}?include_credential=webauthn");
            assert_eq!(app.admin("GET", &path, None).await.json()["credentials"]["webauthn"]["config"], config);
            let mut other = app.visitor(visitor.mode);
            let flow = named(&mut other, &email).await;
            let signed = device.get(&options(&flow, "webauthn_login_trigger"));
            let answer = first(&mut other, &flow, &email, &signed).await;
            assert!(is_done(&answer), "{algorithm:?}: {}", answer.text);
            let turned = ("signature", Spoil { signature: true, ..Spoil::default() });
            for (what, spoil) in spoils().into_iter().chain([turned]) {
                let mut other = app.visitor(visitor.mode);
                let flow = named(&mut other, &email).await;
                let signed = device.get_spoiled(&options(&flow, "webauthn_login_trigger"), &spoil);
                let answer = first(&mut other, &flow, &email, &signed).await;
                refused(&mut other, "login", &answer).await;
                assert_eq!(other.whoami().await.status, 401, "{algorithm:?}: {what}");
            }

            // The same key once more takes its own place, another is laid beside it.
            let mut renamed = device.stored(true);
            renamed["display_name"] = "renamed".into();
            device.create(&json!({ "publicKey": { "rp": { "id": "example.org" }, "user": { "id": "AAAA" } } }));
            let merged = json!({ "credentials": [renamed, device.stored(true)] });
            let body = json!({
                "traits": { "email": email },
                "credentials": { "webauthn": { "config": merged } },
            });
            assert_eq!(app.admin("PUT", &format!("/admin/identities/{id}"), Some(body)).await.status, 200);
            let config = stored(app, &id).await.config;
            assert_eq!(config["credentials"], merged["credentials"]);
            assert_eq!(config["user_handle"], "AAAA");
        }
        let mut device = Authenticator::new(ORIGIN);
        device.create(&json!({ "publicKey": { "rp": { "id": "example.org" }, "user": { "id": "AAAA" } } }));
        let mut unknown = device.stored(true);
        unknown["public_key"] = "pAEBAyghBSJYIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".into();
        let mut without_id = device.stored(true);
        without_id["id"] = "".into();
        let mut garbled = device.stored(true);
        garbled["public_key"] = "?".into();
        for bad in [unknown, without_id, garbled, json!({}), json!("x")] {
            let body = json!({
                "schema_id": "default",
                "traits": { "email": "bad@example.org" },
                "credentials": { "webauthn": { "config": { "credentials": [bad] } } },
            });
            let answer = app.admin("POST", "/admin/identities", Some(body)).await;
            assert_eq!(answer.status, 400, "{}", answer.text);
        }
        visitor.cookies.clear();
    })
    .await;
}

/// What Chromium once answered to another server, as that one's tests hold it.
const CHROMIUM: &str = r#"{"id":"OE7fnoAeqaydiBM4-fQsbYMiO-EObq97WYb_c1HuX8Crbsb2777xs-upv7muXE8hOLkm6lQHC1ahegnzw-aIsQ","rawId":"OE7fnoAeqaydiBM4-fQsbYMiO-EObq97WYb_c1HuX8Crbsb2777xs-upv7muXE8hOLkm6lQHC1ahegnzw-aIsQ","type":"public-key","response":{"authenticatorData":"SZYN5YgOjGh0NBcPZHZgW4_krrmihjLHmVzzuoMdl2MBAAAACg","clientDataJSON":"eyJ0eXBlIjoid2ViYXV0aG4uZ2V0IiwiY2hhbGxlbmdlIjoiV3paQ1dVTG1hcTV4VEFsQTBZWUhscW91YnFBaGUxQVdkTFJaQ0lCQU1jTSIsIm9yaWdpbiI6Imh0dHA6Ly9sb2NhbGhvc3Q6NDQ1NSIsImNyb3NzT3JpZ2luIjpmYWxzZX0","signature":"MEQCIHtRzzmLJrTPucNIRpPkstxR8oGJEzrm558LFe2jHTesAiAy2SGuBMDkdVdMJU4WJR2qFSpbAHQUvwG--Gv3vK8vDA","userHandle":""}}"#;

#[tokio::test]
async fn a_key_from_another_server_goes_on_here() {
    let party = json!({ "id": "localhost", "display_name": "Test", "origin": "http://localhost:4455" });
    let moved = setup(&json!({ "webauthn": { "enabled": true, "config": { "passwordless": true, "rp": party } } }));
    in_browsers(moved, async |app, mut visitor| {
        let email = email_of(&visitor, "moved");
        let key = json!({
            "id": "OE7fnoAeqaydiBM4+fQsbYMiO+EObq97WYb/c1HuX8Crbsb2777xs+upv7muXE8hOLkm6lQHC1ahegnzw+aIsQ==",
            "public_key": "pQECAyYgASFYIPW2FsD6d/Lc7SU33hMhJUxafOA3JWpsLka8eKO+OPRkIlggkkPt8ocrupQOuvy+8HbQLSLiu899EdchJlWdMPE1tiw=",
            "attestation_type": "none",
            "authenticator": { "aaguid": "AAAAAAAAAAAAAAAAAAAAAA==", "sign_count": 3, "clone_warning": false },
            "display_name": "some-key",
            "added_at": "2021-08-17T10:18:55Z",
            "is_passwordless": true,
        });
        let body = json!({
            "schema_id": "default",
            "traits": { "email": email },
            "credentials": { "webauthn": { "config": { "credentials": [key], "user_handle": "9dG2o6S7RPeRYfT4d+/prQ==" } } },
        });
        let answer = app.admin("POST", "/admin/identities", Some(body)).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        let flow = named(&mut visitor, &email).await;
        // The challenge of that day takes the place of ours.
        let mut kept = flows::find(&app.store, Kind::Login, flow["id"].as_str().unwrap().parse().unwrap()).await.unwrap().unwrap();
        let mut waiting = kept.memory.get("webauthn_challenge").unwrap().clone();
        waiting["challenge"] = "WzZCWULmaq5xTAlA0YYHlqoubqAhe1AWdLRZCIBAMcM".into();
        kept.memory.set("webauthn_challenge", waiting);
        let mut batch = Batch::new();
        flows::update(&mut batch, &kept);
        app.store.commit(batch).await.unwrap();
        let answer = first(&mut visitor, &flow, &email, CHROMIUM).await;
        assert!(is_done(&answer), "{}", answer.text);
        assert_eq!(visitor.whoami().await.json()["authentication_methods"][0]["method"], "webauthn");
    })
    .await;
}

#[tokio::test]
async fn a_change_waits_for_a_fresh_proof() {
    in_browsers(keys(false), async |app, mut visitor| {
        let (email, id) = signed_in(app, &mut visitor, "stale").await;
        app.clock.advance(std::time::Duration::from_secs(3601));
        let mut device = Authenticator::new(ORIGIN);
        let answer = add(&mut visitor, &mut device, "Blue").await;
        let find = async || {
            let id = id.parse().unwrap();
            zelos_store::identities::find_with_credentials(&app.store, id).await.unwrap().unwrap()
        };
        let has_keys = |of: &Identity| {
            let credential = of.credential(CredentialType::Webauthn);
            credential.is_some_and(|credential| credential.config.get("credentials").is_some())
        };
        assert!(!has_keys(&find().await));
        if visitor.mode == Mode::Spa {
            assert_eq!(answer.json()["error"]["id"], "session_refresh_required", "{}", answer.text);
            return;
        }
        let path = |answer: &Answer| {
            let url = url::Url::parse(answer.location()).unwrap();
            url[url::Position::BeforePath..].to_owned()
        };
        assert!(answer.location().contains("refresh=true"), "{}", answer.location());
        let login = visitor.get(&path(&answer)).await;
        let flow = visitor.flow("login", &login).await;
        let values = json!({ "method": "password", "identifier": email, "password": PASSWORD });
        let back = visitor.submit(&flow, values).await;
        // What waited is done now, with the challenge that waited with it.
        let answer = visitor.get(&path(&back)).await;
        assert!(is_done(&answer), "{}", answer.text);
        assert!(has_keys(&find().await));
    })
    .await;
}
