//! The flows of a native app through the Rust client.
//!
//! This client cannot read a form or a `continue_with` item, whichever server they come from: its enums are tagged by a
//! field (`node_type`, `action`) that the structs inside demand as well. So the id of a flow is read by hand, and what
//! is said of a registration is taken from the login after it. Everything else goes through the client.

mod admin;

use ory_kratos_client::{
    apis::{Error, configuration::Configuration, frontend_api as api},
    models::{
        PerformNativeLogoutBody, UpdateLoginFlowBody, UpdateLoginFlowWithPasswordMethod, UpdateRegistrationFlowBody,
        UpdateRegistrationFlowWithPasswordMethod,
    },
};
use serde_json::{Value, json};

const PASSWORD: &str = "a long pass phrase 93";

/// The id of a new flow of that kind.
async fn flow(server: &Configuration, kind: &str) -> String {
    let url = format!("{}/self-service/{kind}/api", server.base_path);
    let answer = server.client.get(url).send().await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 200);
    let flow: Value = answer.json().await.expect("a flow");
    assert_eq!(flow["type"], "api");
    flow["id"].as_str().expect("an id").to_owned()
}

/// The body of an answer that had to be a refusal with that status.
fn refused<T, E: std::fmt::Debug>(answer: Result<T, Error<E>>, status: u16) -> Value {
    match answer {
        Err(Error::ResponseError(answer)) => {
            assert_eq!(answer.status.as_u16(), status, "{}", answer.content);
            serde_json::from_str(&answer.content).expect("a refusal in JSON")
        }
        Err(other) => panic!("no refusal with {status}: {other:?}"),
        Ok(_) => panic!("should have been refused with {status}"),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let base_path = std::env::var("ZELOS_PUBLIC_URL").expect("ZELOS_PUBLIC_URL");
    let server = Configuration { base_path, ..Configuration::default() };
    let email = format!("rust-{}@example.com", std::process::id());

    let traits = json!({"email": email, "name": "Rust"});
    let method = UpdateRegistrationFlowWithPasswordMethod::new("password".to_owned(), PASSWORD.to_owned(), traits);
    let body = UpdateRegistrationFlowBody::Password(Box::new(method));
    match api::update_registration_flow(&server, &flow(&server, "registration").await, body, None).await {
        Ok(registered) => assert_eq!(registered.identity.traits.as_ref().expect("traits")["email"], email),
        Err(Error::Serde(_)) => {} // answered with success, but with `continue_with`
        Err(other) => panic!("{other:?}"),
    }

    let id = flow(&server, "login").await;
    let body = |password: &str| {
        let method = UpdateLoginFlowWithPasswordMethod::new(email.clone(), "password".to_owned(), password.to_owned());
        UpdateLoginFlowBody::Password(Box::new(method))
    };
    let shown = refused(api::update_login_flow(&server, &id, body("not the pass phrase"), None, None).await, 400);
    assert_eq!(shown["ui"]["messages"][0]["id"], 4_000_006);
    let login = api::update_login_flow(&server, &id, body(PASSWORD), None, None).await.expect("a login");
    let token = login.session_token.expect("a session token");

    let session = api::to_session(&server, Some(&token), None, None).await.expect("a session");
    assert_eq!(session.active, Some(true));
    let identity = session.identity.expect("an identity");
    assert_eq!(identity.traits.expect("traits")["email"], email);

    api::perform_native_logout(&server, PerformNativeLogoutBody::new(token.clone())).await.expect("a logout");
    assert_eq!(refused(api::to_session(&server, Some(&token), None, None).await, 401)["error"]["code"], 401);
    admin::admin(&email).await;
    println!("ok");
}
