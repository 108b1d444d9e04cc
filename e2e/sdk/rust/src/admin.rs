//! Every operation of the admin API, as a panel or a migration would use them.

use crate::refused;
use ory_kratos_client::{
    apis::{
        configuration::{ApiKey, Configuration},
        courier_api as courier, identity_api as people,
    },
    models::{
        CreateIdentityBody, CreateRecoveryCodeForIdentityBody, CreateRecoveryLinkForIdentityBody, IdentityPatch,
        IdentityWithCredentials, IdentityWithCredentialsPassword, IdentityWithCredentialsPasswordConfig, JsonPatch,
        PatchIdentitiesBody, UpdateIdentityBody, batch_patch_identities_response, identity, identity_patch_response,
        message::TemplateTypeEnum, update_identity_body,
    },
};
use serde_json::{Value, json};
use std::env;

fn at(token: String) -> Configuration {
    let api_key = Some(ApiKey { prefix: Some("Bearer".to_owned()), key: token });
    let base_path = env::var("ZELOS_ADMIN_URL").expect("ZELOS_ADMIN_URL");
    Configuration { base_path, api_key, ..Configuration::default() }
}

/// Plays them; the person has signed in before.
pub async fn admin(person: &str) {
    let own = &at(env::var("ZELOS_ADMIN_TOKEN").expect("ZELOS_ADMIN_TOKEN"));
    let list = async |server: &Configuration, identifier: &str| {
        people::list_identities(server, None, None, None, None, None, None, Some(identifier), None, None, None).await
    };
    refused(list(&at("wrong".to_owned()), person).await, 401);
    let schemas = people::list_identity_schemas(own, None, None, None, None).await.expect("schemas");
    let schema = schemas[0].id.clone();
    assert_eq!(people::get_identity_schema(own, &schema).await.expect("a schema")["title"], "Person");

    let email = format!("panel-{person}");
    let traits = json!({ "email": email, "name": "Panel" });
    let config = IdentityWithCredentialsPasswordConfig {
        password: Some("a long pass phrase 94".to_owned()),
        ..IdentityWithCredentialsPasswordConfig::default()
    };
    let password = IdentityWithCredentialsPassword { config: Some(Box::new(config)) };
    let credentials =
        IdentityWithCredentials { password: Some(Box::new(password)), ..IdentityWithCredentials::default() };
    let body = CreateIdentityBody {
        external_id: Some(email.clone()),
        metadata_admin: Some(Some(json!({ "plan": "free" }))),
        credentials: Some(Box::new(credentials)),
        ..CreateIdentityBody::new(schema.clone(), traits.clone())
    };
    let made = people::create_identity(own, Some(body)).await.expect("a person").id;
    let shown = people::get_identity(own, &made, Some(vec!["password".to_owned()])).await.expect("the person");
    let credential = &shown.credentials.expect("credentials")["password"];
    assert_eq!(credential.identifiers.as_deref(), Some(&[email.clone()][..]));
    let config = credential.config.as_ref().expect("its content");
    assert!(config["hashed_password"].as_str().expect("a hash").starts_with("$2"));
    let known = people::get_identity_by_external_id(own, &email, None).await.expect("the person by the other id");
    assert_eq!(known.id, made);
    let found = list(own, &email).await.expect("a list");
    assert!(found.len() == 1 && found[0].id == made);
    let patch =
        JsonPatch { value: Some(Some("Patched".into())), ..JsonPatch::new("replace".into(), "/traits/name".into()) };
    let patched = people::patch_identity(own, &made, Some(vec![patch])).await.expect("a patch");
    assert_eq!(patched.traits.expect("traits")["name"], "Patched");
    assert_eq!(patched.metadata_admin, Some(Some(json!({ "plan": "free" }))));
    let body = UpdateIdentityBody {
        external_id: Some(email.clone()),
        ..UpdateIdentityBody::new(schema.clone(), update_identity_body::StateEnum::Inactive, traits)
    };
    let updated = people::update_identity(own, &made, Some(body)).await.expect("an update");
    assert_eq!(updated.state, Some(identity::StateEnum::Inactive));
    let guarded = guarded(own, &schema, &email).await;
    people::delete_identity_credentials(own, &guarded, "totp", None).await.expect("no app");
    people::delete_identity(own, &guarded).await.expect("a deletion");

    let creation = |email| IdentityPatch {
        create: Some(Box::new(CreateIdentityBody::new(schema.clone(), json!({ "email": email })))),
        ..IdentityPatch::default()
    };
    let identities = Some(vec![creation(json!(format!("batch-{email}"))), creation(json!(7))]);
    let answer = people::batch_patch_identities(own, Some(PatchIdentitiesBody { identities })).await;
    let batch_patch_identities_response::BatchPatchIdentitiesResponse { identities } = answer.expect("a batch");
    let batch = identities.expect("results");
    let actions: Vec<_> = batch.iter().map(|result| result.action).collect();
    use identity_patch_response::ActionEnum::{Create, Error};
    assert_eq!(actions, [Some(Create), Some(Error)]);

    let guest = list(own, person).await.expect("a list").remove(0).id;
    sessions(own, &guest).await;

    let wish = CreateRecoveryCodeForIdentityBody::new(guest.clone());
    let code = people::create_recovery_code_for_identity(own, Some(wish)).await.expect("a code");
    assert_eq!(code.recovery_code.len(), 6);
    let wish = CreateRecoveryLinkForIdentityBody::new(guest.clone());
    let link = people::create_recovery_link_for_identity(own, None, Some(wish)).await.expect("a link");
    assert!(link.recovery_link.contains("token="));

    let messages = courier::list_courier_messages(own, None, None, None, Some(person)).await.expect("messages");
    assert_eq!(messages[0].template_type, TemplateTypeEnum::VerificationCodeValid);
    let message = courier::get_courier_message(own, &messages[0].id).await.expect("a message");
    assert_eq!(message.recipient, person);

    for identity in [&made, batch[0].identity.as_ref().expect("an id"), &guest] {
        people::delete_identity(own, identity).await.expect("a deletion");
    }
    refused(people::get_identity(own, &made, None).await, 404);
}

/// A person with an authenticator app, made by hand: the client has no name for such a credential.
async fn guarded(own: &Configuration, schema: &str, email: &str) -> String {
    let key = "otpauth://totp/Zelos:panel?issuer=Zelos&secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
    let body = json!({
        "schema_id": schema,
        "traits": { "email": format!("guarded-{email}") },
        "credentials": { "totp": { "config": { "totp_url": key } } },
    });
    let token = &own.api_key.as_ref().expect("a token").key;
    let request = own.client.post(format!("{}/admin/identities", own.base_path)).bearer_auth(token).json(&body);
    let made: Value = request.send().await.expect("an answer").json().await.expect("a person");
    made["id"].as_str().expect("an id").to_owned()
}

async fn sessions(own: &Configuration, guest: &str) {
    let sessions = people::list_identity_sessions(own, guest, None, None, None, None, Some(true)).await;
    let session = sessions.expect("their sessions").remove(0);
    let expand = || Some(vec!["identity".to_owned(), "devices".to_owned()]);
    let everybody = people::list_sessions(own, None, None, Some(true), expand()).await.expect("sessions");
    let same = everybody.into_iter().find(|other| other.id == session.id).expect("the same session");
    assert_eq!(same.identity.expect("whose it is").id, guest);
    let same = people::get_session(own, &session.id, expand()).await.expect("the session");
    assert_eq!(same.identity.expect("whose it is").id, guest);
    let extended = people::extend_session(own, &session.id).await.expect("a longer session");
    assert!(extended.expires_at >= session.expires_at);
    people::disable_session(own, &session.id).await.expect("no session");
    assert_eq!(people::get_session(own, &session.id, None).await.expect("the session").active, Some(false));
    people::delete_identity_sessions(own, guest).await.expect("no sessions");
    let left = people::list_identity_sessions(own, guest, None, None, None, None, None).await.expect("a list");
    assert_eq!(left, []);
}
