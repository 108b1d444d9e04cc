//! Passkeys: nobody says who they are.

use crate::{
    webauthn::{ORIGIN, email_of, is_done, names, options, setup, spoils},
    wire::{PASSWORD, refused},
};
use serde_json::{Value, json};
use zelos_core::identity::{Credential, CredentialType};
use zelos_testkit::{Answer, App, Authenticator, Mode, Persona, Setup, Spoil, node, scenario, scenario_for_each};

fn passkeys() -> Setup {
    let party =
        json!({ "id": "example.org", "display_name": "Example", "origins": [ORIGIN, "android:apk-key-hash:abc"] });
    setup(&json!({ "passkey": { "enabled": true, "config": { "rp": party } } }))
}

async fn stored(app: &App, id: &str) -> Option<Credential> {
    let found = zelos_store::identities::find_with_credentials(&app.store, id.parse().unwrap()).await.unwrap().unwrap();
    found.credential(CredentialType::Passkey).cloned()
}

async fn id_of(visitor: &mut Persona) -> String {
    visitor.whoami().await.json()["identity"]["id"].as_str().unwrap().to_owned()
}

/// What a registration hands to the browser.
fn created(flow: &Value) -> Value {
    options(flow, "passkey_create_data")["credentialOptions"].clone()
}

async fn sign_up(visitor: &mut Persona, device: &mut Authenticator, email: &str) -> Answer {
    let flow = visitor.begin("registration", "").await;
    let values = json!({ "passkey_register": device.create(&created(&flow)), "traits": { "email": email } });
    let answer = visitor.submit(&flow, values).await;
    visitor.keep_token(&answer);
    answer
}

pub(crate) async fn sign_in(visitor: &mut Persona, device: &mut Authenticator, spoil: &Spoil) -> Answer {
    let flow = visitor.begin("login", "").await;
    let signed = device.get_spoiled(&options(&flow, "passkey_challenge"), spoil);
    let answer = visitor.submit(&flow, json!({ "method": "passkey", "passkey_login": signed })).await;
    visitor.keep_token(&answer);
    answer
}

async fn add(visitor: &mut Persona, device: &mut Authenticator) -> Answer {
    let flow = visitor.begin("settings", "").await;
    let answer = device.create(&options(&flow, "passkey_create_data"));
    visitor.submit(&flow, json!({ "passkey_settings_register": answer })).await
}

/// What is common to all clients of a node.
fn attributes(flow: &Value, name: &str) -> Value {
    node(flow, name)["attributes"].clone()
}

#[tokio::test]
async fn somebody_signs_up_and_in_by_a_passkey_alone() {
    scenario_for_each(passkeys(), async |app, mut visitor| {
        let email = email_of(&visitor, "passkey");
        let is_browser = visitor.mode != Mode::Native;
        let flow = visitor.begin("registration", "").await;
        let data = options(&flow, "passkey_create_data");
        assert_eq!(data["displayNameFieldName"], "traits.email");
        assert_eq!(data["displayNameFieldNames"], json!(["traits.email"]));
        let asked = &data["credentialOptions"]["publicKey"];
        assert_eq!(
            asked["authenticatorSelection"],
            json!({
                "requireResidentKey": true, "residentKey": "required", "userVerification": "preferred",
            })
        );
        assert_eq!((&asked["attestation"], &asked["timeout"]), (&json!("none"), &json!(300_000)));
        assert_eq!((&asked["user"]["name"], asked["user"]["id"].as_str().unwrap().len()), (&json!("Example"), 86));
        let trigger = attributes(&flow, "passkey_register_trigger");
        assert_eq!(
            (&trigger["type"], &trigger["onclickTrigger"]),
            (&json!("button"), &json!("oryPasskeyRegistration"))
        );
        assert_eq!(trigger.get("onclick").is_some(), is_browser);
        assert_eq!(attributes(&flow, "webauthn_script").is_null(), !is_browser);
        assert_eq!(node(&flow, "passkey_register_trigger")["meta"]["label"]["id"], 1_040_007);

        let mut device = Authenticator::new(ORIGIN);
        let answer = sign_up(&mut visitor, &mut device, &email).await;
        assert!(is_done(&answer), "{}", answer.text);
        let session = visitor.whoami().await.json();
        let proved = &session["authentication_methods"][0];
        assert_eq!((&proved["method"], &proved["aal"]), (&json!("passkey"), &json!("aal1")));
        let credential = stored(app, &id_of(&mut visitor).await).await.unwrap();
        assert_eq!((credential.identifiers.len(), credential.identifiers[0].len()), (1, 64));
        assert_eq!(credential.config["credentials"][0]["is_passwordless"], true);

        let mut other = app.visitor(visitor.mode);
        let flow = other.begin("login", "").await;
        let asked = options(&flow, "passkey_challenge")["publicKey"].clone();
        assert_eq!((&asked["rpId"], &asked["userVerification"]), (&json!("example.org"), &json!("preferred")));
        assert_eq!(asked.get("allowCredentials"), None, "whoever comes");
        assert_eq!(attributes(&flow, "identifier")["autocomplete"], "username webauthn");
        let waits = attributes(&flow, "passkey_login");
        assert_eq!(
            (&waits["type"], &waits["onloadTrigger"]),
            (&json!("hidden"), &json!("oryPasskeyLoginAutocompleteInit"))
        );
        assert_eq!(waits.get("onload").cloned(), is_browser.then(|| json!("window.oryPasskeyLoginAutocompleteInit()")));
        assert_eq!(waits.get("value"), None);
        let trigger = attributes(&flow, "passkey_login_trigger");
        assert_eq!(trigger.get("onclick").cloned(), is_browser.then(|| json!("window.oryPasskeyLogin()")));
        assert_eq!(
            (&trigger["value"], &node(&flow, "passkey_login_trigger")["meta"]["label"]["id"]),
            (&json!(""), &json!(1_010_021))
        );
        assert_eq!(attributes(&flow, "webauthn_script").is_null(), !is_browser);

        let mut before = other.clone();
        let signed = device.get(&options(&flow, "passkey_challenge"));
        let answer = other.submit(&flow, json!({ "passkey_login": signed })).await;
        other.keep_token(&answer);
        assert!(is_done(&answer), "{}", answer.text);
        assert_eq!(id_of(&mut other).await, id_of(&mut visitor).await);
        // Once more, to this flow and to another.
        for elsewhere in [false, true] {
            let flow = if elsewhere { before.begin("login", "").await } else { flow.clone() };
            let answer = before.submit(&flow, json!({ "passkey_login": signed })).await;
            assert_eq!(refused(&mut before, "login", &answer).await["ui"]["messages"][0]["id"], 4_000_043);
            assert_eq!(before.whoami().await.status, 401);
        }
    })
    .await;
}

#[tokio::test]
async fn spoiled_answers_make_no_passkeys_and_let_nobody_in() {
    scenario_for_each(passkeys(), async |app, mut visitor| {
        let (email, other_email) = (email_of(&visitor, "victim"), email_of(&visitor, "thief"));
        let mut device = Authenticator::new(ORIGIN);
        device.attests = true;
        let flow = visitor.begin("registration", "").await;
        let mut asked = created(&flow);
        let turned = ("signature", Spoil { signature: true, ..Spoil::default() });
        for (what, spoil) in spoils().into_iter().chain([turned]) {
            let answer = device.create_spoiled(&asked, &spoil);
            let answer =
                visitor.submit(&flow, json!({ "passkey_register": answer, "traits": { "email": email } })).await;
            let shown = refused(&mut visitor, "registration", &answer).await;
            let told = &shown["ui"]["messages"][0]["id"];
            assert!(told == 4_000_043 || (what == "no origin" && told == 4_000_001), "{what}: {shown}");
            assert_ne!(created(&shown)["publicKey"]["challenge"], asked["publicKey"]["challenge"], "{what}");
            asked = created(&shown);
        }
        let (mut thief, mut owner) = (Authenticator::new(ORIGIN), Authenticator::new(ORIGIN));
        let mut somebody = app.visitor(visitor.mode);
        assert!(is_done(&sign_up(&mut somebody, &mut owner, &email).await));
        let id = id_of(&mut somebody).await;
        let handle = stored(app, &id).await.unwrap().identifiers[0].clone().into_bytes();
        assert!(is_done(&sign_up(&mut app.visitor(visitor.mode), &mut thief, &other_email).await));
        let more = [
            ("signature", Spoil { signature: true, ..Spoil::default() }),
            ("backup eligible at once", Spoil { flags: Some(0b1101), ..Spoil::default() }),
        ];
        for (what, spoil) in spoils().into_iter().chain(more) {
            let answer = sign_in(&mut visitor, &mut owner, &spoil).await;
            let shown = refused(&mut visitor, "login", &answer).await;
            let told = &shown["ui"]["messages"][0]["id"];
            assert!(told == 4_000_043 || (what == "no origin" && told == 4_000_001), "{what}: {shown}");
        }
        // Somebody else's key, with the victim's handle; and handles that nobody has.
        for (swapped, message) in [
            (handle, 4_000_043),
            (b"x".to_vec(), 4_000_015),
            (vec![0; 16], 4_000_015),
            (vec![0xff; 64], 4_000_015),
            (Vec::new(), 4_000_015),
        ] {
            let spoil = Spoil { user_handle: Some(swapped), ..Spoil::default() };
            let answer = sign_in(&mut visitor, &mut thief, &spoil).await;
            assert_eq!(refused(&mut visitor, "login", &answer).await["ui"]["messages"][0]["id"], message);
        }
        assert_eq!(visitor.whoami().await.status, 401);
        for text in ["x", "{}", "[1]"] {
            let flow = visitor.begin("login", "").await;
            let answer = visitor.submit(&flow, json!({ "passkey_login": text })).await;
            assert_eq!(refused(&mut visitor, "login", &answer).await["ui"]["messages"][0]["id"], 4_000_001);
        }
        assert!(is_done(&sign_in(&mut visitor, &mut owner, &Spoil::default()).await));
    })
    .await;
}

#[tokio::test]
async fn a_passkey_is_added_and_taken_away_but_never_the_last_way_in() {
    scenario_for_each(passkeys(), async |app, mut visitor| {
        let email = email_of(&visitor, "settings");
        let is_browser = visitor.mode != Mode::Native;
        app.person(&email, PASSWORD).await;
        visitor.sign_in(&email, PASSWORD).await;
        let id = id_of(&mut visitor).await;
        let flow = visitor.begin("settings", "").await;
        let trigger = attributes(&flow, "passkey_register_trigger");
        assert_eq!(
            (&trigger["onclickTrigger"], &trigger["value"]),
            (&json!("oryPasskeySettingsRegistration"), &json!(""))
        );
        assert_eq!(trigger.get("onclick").is_some(), is_browser);
        assert_eq!(attributes(&flow, "webauthn_script").is_null(), !is_browser);
        assert_eq!(options(&flow, "passkey_create_data")["publicKey"]["user"]["name"], email);
        let mut device = Authenticator::new(ORIGIN);
        assert!(is_done(&add(&mut visitor, &mut device).await));
        let one = device.hex();
        let session = visitor.whoami().await.json();
        let proved = &session["authentication_methods"][1];
        assert_eq!((&proved["method"], &proved["aal"]), (&json!("passkey"), &json!("aal1")));
        assert_eq!(session["authenticator_assurance_level"], "aal1", "two first factors are one level");
        assert!(is_done(&sign_in(&mut app.visitor(visitor.mode), &mut device, &Spoil::default()).await));
        device.repeats = true;
        let flow = visitor.begin("settings", "").await;
        let same = device.create(&options(&flow, "passkey_create_data"));
        let answer = visitor.submit(&flow, json!({ "passkey_settings_register": same })).await;
        let shown = refused(&mut visitor, "settings", &answer).await;
        assert_eq!(node(&shown, "passkey_settings_register")["messages"][0]["id"], 4_000_001, "it is there already");
        device.set_resident(stored(app, &id).await.unwrap().identifiers[0].as_bytes());
        let mut second = Authenticator::new(ORIGIN);
        let flow = visitor.begin("settings", "").await;
        let asked = options(&flow, "passkey_create_data");
        assert_eq!(asked["publicKey"]["excludeCredentials"].as_array().unwrap().len(), 1);
        let answer = visitor.submit(&flow, json!({ "passkey_settings_register": second.create(&asked) })).await;
        assert!(is_done(&answer), "{}", answer.text);
        assert_eq!(stored(app, &id).await.unwrap().identifiers.len(), 2, "each key knows the person by its own handle");
        for device in [&mut device, &mut second] {
            assert!(is_done(&sign_in(&mut app.visitor(visitor.mode), device, &Spoil::default()).await));
        }

        let flow = visitor.begin("settings", "").await;
        let removal = node(&flow, "passkey_remove");
        assert_eq!(
            (&removal["meta"]["label"]["id"], &removal["attributes"]["disabled"]),
            (&json!(1_050_020), &json!(false))
        );
        let unknown = visitor.submit(&flow, json!({ "passkey_remove": "00" })).await;
        assert_eq!(refused(&mut visitor, "settings", &unknown).await["ui"]["messages"][0]["id"], 4_000_001);
        assert!(is_done(&visitor.submit(&flow, json!({ "passkey_remove": one })).await));
        assert!(!is_done(&sign_in(&mut app.visitor(Mode::Spa), &mut device, &Spoil::default()).await));
        // Without the password, the passkey that is left is the last way in.
        let gone = app.admin("DELETE", &format!("/admin/identities/{id}/credentials/password"), None).await;
        assert_eq!(gone.status, 204, "{}", gone.text);
        let flow = visitor.begin("settings", "").await;
        assert_eq!(attributes(&flow, "passkey_remove")["disabled"], true);
        let answer = visitor.submit(&flow, json!({ "passkey_remove": second.hex() })).await;
        let shown = refused(&mut visitor, "settings", &answer).await;
        assert_eq!(node(&shown, "webauthn_remove")["messages"][0]["id"], 4_000_001);
        assert_eq!(node(&shown, "webauthn_remove")["attributes"]["type"], "text");
        let set = json!({ "method": "password", "password": "a-new-one-For-the-road-7" });
        assert!(is_done(&visitor.submit(&shown, set).await));
        let flow = visitor.begin("settings", "").await;
        assert!(is_done(&visitor.submit(&flow, json!({ "passkey_remove": second.hex() })).await));
        assert!(stored(app, &id).await.is_none());
    })
    .await;
}

#[tokio::test]
async fn a_passkey_bears_the_name_it_is_given() {
    scenario_for_each(passkeys(), async |app, mut visitor| {
        let email = email_of(&visitor, "name");
        app.person(&email, PASSWORD).await;
        visitor.sign_in(&email, PASSWORD).await;
        let id = id_of(&mut visitor).await;
        let mut device = Authenticator::new(ORIGIN);
        for length in [65, 64] {
            let (flow, name) = (visitor.begin("settings", "").await, "ä".repeat(length));
            let answer = device.create(&options(&flow, "passkey_create_data"));
            let values = json!({ "passkey_settings_register": answer, "passkey_register_displayname": name });
            let answer = visitor.submit(&flow, values).await;
            if length > 64 {
                let shown = refused(&mut visitor, "settings", &answer).await;
                assert_eq!(node(&shown, "passkey_register_displayname")["messages"][0]["id"], 4_000_017);
                assert!(stored(app, &id).await.is_none());
            } else {
                assert!(is_done(&answer), "{}", answer.text);
                assert_eq!(stored(app, &id).await.unwrap().config["credentials"][0]["display_name"], name);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_login_is_confirmed_by_ones_own_passkey() {
    scenario_for_each(passkeys(), async |app, mut visitor| {
        let (mut device, mut stranger) = (Authenticator::new(ORIGIN), Authenticator::new(ORIGIN));
        let email = email_of(&visitor, "refresh");
        assert!(is_done(&sign_up(&mut visitor, &mut device, &email).await));
        assert!(is_done(&sign_up(&mut app.visitor(visitor.mode), &mut stranger, &email_of(&visitor, "other")).await));
        let flow = visitor.begin("login", "refresh=true").await;
        let asked = options(&flow, "passkey_challenge");
        assert_eq!(asked["publicKey"]["allowCredentials"].as_array().unwrap().len(), 1);
        assert_eq!(attributes(&flow, "passkey_login").get("onloadTrigger"), None);
        assert_eq!(
            (&attributes(&flow, "identifier")["type"], &attributes(&flow, "identifier")["value"]),
            (&json!("hidden"), &json!(email))
        );
        let answer = visitor.submit(&flow, json!({ "passkey_login": stranger.get(&asked) })).await;
        let shown = refused(&mut visitor, "login", &answer).await;
        assert_eq!(shown["ui"]["messages"][0]["id"], 4_000_043);
        let before = visitor.whoami().await.json();
        app.clock.advance(std::time::Duration::from_mins(1));
        // Authenticators may keep silent about whom they know.
        let silent = Spoil { user_handle: Some(Vec::new()), ..Spoil::default() };
        let signed = device.get_spoiled(&options(&shown, "passkey_challenge"), &silent);
        assert!(is_done(&visitor.submit(&flow, json!({ "passkey_login": signed })).await));
        let after = visitor.whoami().await.json();
        assert_eq!(before["id"], after["id"]);
        assert_ne!(before["authenticated_at"], after["authenticated_at"]);
    })
    .await;
}

#[tokio::test]
async fn in_two_steps_passkeys_are_offered_where_they_help() {
    let steps = json!({ "selfservice": { "flows": {
        "login": { "style": "identifier_first" }, "registration": { "style": "profile_first" },
    } } });
    scenario_for_each(passkeys().and(&steps), async |app, mut visitor| {
        let (email, plain) = (email_of(&visitor, "steps"), email_of(&visitor, "plain"));
        app.person(&plain, PASSWORD).await;
        let flow = visitor.begin("registration", "").await;
        assert!(attributes(&flow, "passkey_register_trigger").is_null());
        let answer = visitor.submit(&flow, json!({ "method": "profile", "traits": { "email": email } })).await;
        let flow = visitor.flow("registration", &answer).await;
        let mut device = Authenticator::new(ORIGIN);
        let values = json!({ "passkey_register": device.create(&created(&flow)), "traits": { "email": email } });
        let answer = visitor.submit(&flow, values).await;
        assert!(is_done(&answer), "{}", answer.text);

        let mut other = app.visitor(visitor.mode);
        let flow = other.begin("login", "").await;
        assert!(attributes(&flow, "passkey_login_trigger").is_null());
        assert!(!attributes(&flow, "passkey_challenge").is_null());
        let asked = node(&flow, "identifier");
        assert_eq!(
            (&asked["group"], &asked["attributes"]["autocomplete"]),
            (&json!("identifier_first"), &json!("username webauthn"))
        );
        for (name, is_offered) in [(&email, true), (&plain, false)] {
            let mut other = app.visitor(visitor.mode);
            let flow = other.begin("login", "").await;
            let answer = other.submit(&flow, json!({ "method": "identifier_first", "identifier": name })).await;
            let flow = other.flow("login", &answer).await;
            assert_eq!(!attributes(&flow, "passkey_login_trigger").is_null(), is_offered, "{name}: {flow}");
            assert_eq!(attributes(&flow, "password").is_null(), is_offered);
            if is_offered {
                let signed = device.get(&options(&flow, "passkey_challenge"));
                assert!(is_done(&other.submit(&flow, json!({ "passkey_login": signed })).await));
            }
        }
        // Without being asked who one is.
        let mut other = app.visitor(visitor.mode);
        assert!(is_done(&sign_in(&mut other, &mut device, &Spoil::default()).await));
    })
    .await;
}

#[tokio::test]
async fn whom_to_verify_is_for_the_operator_to_say() {
    let strict = json!({ "selfservice": { "methods": { "passkey": { "config": {
        "authenticator_selection": { "user_verification": "required", "attachment": "platform", "resident_key": "preferred" },
        "attestation": { "preference": "direct" },
        "timeouts": { "registration": "10s", "login": "20s" },
    } } } } });
    scenario(passkeys().and(&strict), async |app| {
        let mut visitor = app.visitor(Mode::Spa);
        let flow = visitor.begin("registration", "").await;
        let asked = created(&flow)["publicKey"].clone();
        assert_eq!(
            asked["authenticatorSelection"],
            json!({
                "authenticatorAttachment": "platform",
                "requireResidentKey": false,
                "residentKey": "preferred",
                "userVerification": "required",
            })
        );
        assert_eq!((&asked["attestation"], &asked["timeout"]), (&json!("direct"), &json!(10_000)));
        let (present, verified) = (1, 5);
        let mut device = Authenticator::new(ORIGIN);
        device.flags = present;
        assert_eq!(sign_up(&mut visitor, &mut device, "v@example.org").await.messages(), [4_000_043]);
        device.flags = verified;
        assert!(is_done(&sign_up(&mut visitor, &mut device, "v@example.org").await));
        device.set_resident(stored(app, &id_of(&mut visitor).await).await.unwrap().identifiers[0].as_bytes());
        let mut other = app.visitor(Mode::Spa);
        device.flags = present;
        assert_eq!(sign_in(&mut other, &mut device, &Spoil::default()).await.messages(), [4_000_043]);
        device.flags = verified;
        assert!(is_done(&sign_in(&mut other, &mut device, &Spoil::default()).await));
        assert_eq!(
            options(&app.visitor(Mode::Spa).begin("login", "").await, "passkey_challenge")["publicKey"]["timeout"],
            20_000
        );
        // An app of ours, by the fingerprint of who signed it.
        device.origin = "android:apk-key-hash:abc".to_owned();
        assert!(is_done(&sign_in(&mut app.visitor(Mode::Native), &mut device, &Spoil::default()).await));
        device.origin = "android:apk-key-hash:abd".to_owned();
        assert!(!is_done(&sign_in(&mut app.visitor(Mode::Native), &mut device, &Spoil::default()).await));
    })
    .await;
}

#[tokio::test]
async fn passkeys_are_brought_along() {
    scenario(passkeys(), async |app| {
        let mut device = Authenticator::new(ORIGIN);
        device.create(&json!({ "publicKey": { "rp": { "id": "example.org" }, "user": { "id": "AAAA" } } }));
        device.set_resident(b"a handle of old");
        let create = async |config: Value, email: &str| {
            let body = json!({
                "schema_id": "default",
                "traits": { "email": email },
                "credentials": { "passkey": { "config": config } },
            });
            app.admin("POST", "/admin/identities", Some(body)).await
        };
        let handle = "YSBoYW5kbGUgb2Ygb2xk";
        for bad in [
            json!({ "credentials": [device.stored(true)] }),
            json!({ "credentials": [], "user_handle": handle }),
            json!({ "credentials": [device.stored(true)], "user_handle": "/////w==" }),
            json!({ "credentials": [device.stored(true)], "user_handle": "not base64" }),
            json!({ "credentials": "x" }),
        ] {
            let answer = create(bad, "bad@example.org").await;
            assert_eq!(answer.status, 400, "{}", answer.text);
        }
        let config = json!({ "credentials": [device.stored(true)], "user_handle": handle });
        let answer = create(config.clone(), "old@example.org").await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        let id = answer.json()["id"].as_str().unwrap().to_owned();
        let shown = app.admin("GET", &format!("/admin/identities/{id}?include_credential=passkey"), None).await.json();
        let passkey = &shown["credentials"]["passkey"];
        assert_eq!((&passkey["config"], &passkey["identifiers"]), (&config, &json!(["a handle of old"])));
        let mut visitor = app.visitor(Mode::Native);
        assert!(is_done(&sign_in(&mut visitor, &mut device, &Spoil::default()).await));
        assert_eq!(create(config, "twice@example.org").await.status, 409, "the handle is somebody's");

        // Another key, with a handle of its own; the first one's stays good.
        let mut second = Authenticator::new(ORIGIN);
        second.create(&json!({ "publicKey": { "rp": { "id": "example.org" }, "user": { "id": "AAAA" } } }));
        second.set_resident(b"new");
        let merged = json!({ "credentials": [second.stored(true)], "user_handle": "bmV3" });
        let body =
            json!({ "traits": { "email": "old@example.org" }, "credentials": { "passkey": { "config": merged } } });
        assert_eq!(app.admin("PUT", &format!("/admin/identities/{id}"), Some(body)).await.status, 200);
        for device in [&mut device, &mut second] {
            assert!(is_done(&sign_in(&mut app.visitor(Mode::Spa), device, &Spoil::default()).await));
        }
        let answer = app.admin("DELETE", &format!("/admin/identities/{id}/credentials/passkey"), None).await;
        assert_eq!(answer.status, 400);
    })
    .await;
}

#[tokio::test]
async fn a_security_key_that_knows_its_person_is_as_good_as_a_passkey() {
    let party = json!({ "id": "example.org", "display_name": "Example", "origins": [ORIGIN] });
    let both = passkeys().and(&json!({ "selfservice": { "methods": {
        "webauthn": { "enabled": true, "config": { "passwordless": true, "rp": party } },
    } } }));
    scenario(both, async |app| {
        let mut visitor = app.visitor(Mode::Spa);
        app.person("key@example.org", PASSWORD).await;
        visitor.sign_in("key@example.org", PASSWORD).await;
        let flow = visitor.begin("settings", "").await;
        let scripts = flow["ui"]["nodes"].as_array().unwrap().iter().filter(|node| node["type"] == "script").count();
        assert_eq!(scripts, 1, "it is loaded once");
        let mut device = Authenticator::new(ORIGIN);
        let asked = options(&flow, "webauthn_register_trigger");
        let answer = device.create(&asked);
        let handle = zelos_core::id::IdentityId(id_of(&mut visitor).await.parse().unwrap());
        device.set_resident(handle.0.as_bytes());
        let values = json!({ "webauthn_register": answer, "webauthn_register_displayname": "Blue" });
        assert!(is_done(&visitor.submit(&flow, values).await));
        let mut other = app.visitor(Mode::Spa);
        let answer = sign_in(&mut other, &mut device, &Spoil::default()).await;
        assert!(is_done(&answer), "{}", answer.text);
        assert_eq!(other.whoami().await.json()["authentication_methods"][0]["method"], "passkey");
        // One that is a second factor is none.
        let mut beside = Authenticator::new(ORIGIN);
        beside.create(&asked);
        beside.set_resident(handle.0.as_bytes());
        let config = json!({ "credentials": [beside.stored(false)] });
        let body =
            json!({ "traits": { "email": "key@example.org" }, "credentials": { "webauthn": { "config": config } } });
        assert_eq!(app.admin("PUT", &format!("/admin/identities/{handle}"), Some(body)).await.status, 200);
        let mut third = app.visitor(Mode::Spa);
        assert_eq!(sign_in(&mut third, &mut beside, &Spoil::default()).await.messages(), [4_000_043]);
        assert_eq!(third.whoami().await.status, 401);
    })
    .await;
}

#[tokio::test]
async fn a_button_without_scripts_leads_back_to_the_form() {
    scenario(passkeys(), async |app| {
        let mut visitor = app.visitor(Mode::Spa);
        let flow = visitor.begin("login", "").await;
        let answer = visitor.submit(&flow, json!({ "method": "passkey" })).await;
        assert_eq!(answer.status, 422, "{}", answer.text);
        let id = flow["id"].as_str().unwrap();
        assert_eq!(answer.json()["redirect_browser_to"], format!("{ORIGIN}/login?flow={id}"));
        let flow = visitor.begin("registration", "").await;
        for nothing in ["", "true"] {
            let values = json!({ "passkey_register": nothing, "traits": { "email": "x@example.org" } });
            assert_eq!(visitor.submit(&flow, values).await.messages(), [4_010_003]);
        }
    })
    .await;
}

#[tokio::test]
async fn without_a_name_there_are_no_passkeys() {
    let nameless = json!({ "selfservice": { "methods": { "passkey": { "enabled": true, "config": {
        "rp": { "id": "example.org", "display_name": "Example" },
    } } } } });
    scenario(Setup::with(nameless), async |app| {
        let mut visitor = app.visitor(Mode::Spa);
        let flow = visitor.begin("registration", "").await;
        assert!(!flow.to_string().contains("passkey"), "no trait names them: {flow}");
        app.person("nameless@example.org", PASSWORD).await;
        visitor.sign_in("nameless@example.org", PASSWORD).await;
        let flow = visitor.begin("settings", "").await;
        assert_eq!(flow["ui"]["messages"][0]["id"], 4_000_009);
        assert!(attributes(&flow, "passkey_register_trigger").is_null());
        let answer = visitor.submit(&flow, json!({ "passkey_settings_register": "{}" })).await;
        assert_eq!(answer.status, 400, "{}", answer.text);
        // Where nothing is configured, answers come from the domain itself and from our own address.
        let flow = visitor.begin("login", "refresh=true").await;
        assert!(attributes(&flow, "passkey_challenge").is_null(), "nothing to confirm by");
    })
    .await;
}

#[tokio::test]
async fn forms_hold_what_the_wire_wants_in_its_order() {
    let party = json!({ "id": "example.org", "display_name": "Example", "origins": [ORIGIN] });
    let both = passkeys().and(&json!({ "selfservice": { "methods": {
        "webauthn": { "enabled": true, "config": { "passwordless": true, "rp": party } },
    } } }));
    scenario(both, async |app| {
        let (mut browser, mut native) = (app.visitor(Mode::Spa), app.visitor(Mode::Native));
        assert_eq!(
            names(&browser.begin("login", "").await),
            [
                "csrf_token",
                "identifier",
                "webauthn_script",
                "method",
                "passkey_login_trigger",
                "passkey_login",
                "passkey_challenge",
                "password",
                "method",
            ]
        );
        assert_eq!(
            names(&native.begin("login", "").await),
            [
                "csrf_token",
                "identifier",
                "passkey_login_trigger",
                "passkey_login",
                "passkey_challenge",
                "password",
                "method",
            ]
        );
        assert_eq!(
            names(&browser.begin("registration", "").await),
            [
                "csrf_token",
                "traits.email",
                "traits.name",
                "webauthn_register_displayname",
                "webauthn_register",
                "webauthn_register_trigger",
                "webauthn_script",
                "passkey_register_trigger",
                "passkey_register",
                "passkey_create_data",
                "password",
                "method",
            ]
        );
        assert_eq!(
            names(&native.begin("registration", "").await),
            [
                "csrf_token",
                "traits.email",
                "traits.name",
                "passkey_register_trigger",
                "passkey_register",
                "passkey_create_data",
                "password",
                "method",
            ]
        );
        for (visitor, has_scripts) in [(&mut browser, true), (&mut native, false)] {
            let email = email_of(visitor, "nodes");
            let mut device = Authenticator::new(ORIGIN);
            assert!(is_done(&sign_up(visitor, &mut device, &email).await));
            let shown = names(&visitor.begin("settings", "").await);
            let is_key = |name: &&String| name.starts_with("passkey") || name.starts_with("webauthn");
            let keys: Vec<&str> = shown.iter().filter(is_key).map(String::as_str).collect();
            let passkeys =
                ["passkey_remove", "passkey_register_trigger", "passkey_settings_register", "passkey_create_data"];
            let scripted =
                ["webauthn_register_displayname", "webauthn_register", "webauthn_register_trigger", "webauthn_script"];
            let expected = if has_scripts { [scripted.as_slice(), &passkeys].concat() } else { passkeys.to_vec() };
            assert_eq!(keys, expected);
        }
    })
    .await;
}
