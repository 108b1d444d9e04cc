//! The flows of a native app through the Rust client.

use ory_kratos_client::{
    apis::{Error, configuration::Configuration, frontend_api as api},
    models::{
        PerformNativeLogoutBody, UpdateLoginFlowBody, UpdateLoginFlowWithPasswordMethod, UpdateRegistrationFlowBody,
        UpdateRegistrationFlowWithPasswordMethod,
    },
};
use serde_json::{Value, json};

const PASSWORD: &str = "a long pass phrase 93";

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

    let flow = api::create_native_registration_flow(&server, None, None, None, None).await.expect("a registration flow");
    let traits = json!({"email": email, "name": "Rust"});
    let method = UpdateRegistrationFlowWithPasswordMethod::new("password".to_owned(), PASSWORD.to_owned(), traits);
    let body = UpdateRegistrationFlowBody::Password(Box::new(method));
    let registered = api::update_registration_flow(&server, &flow.id, body, None).await.expect("a registration");
    assert_eq!(registered.identity.traits.as_ref().expect("traits")["email"], email);
    assert!(registered.session_token.is_some());

    let flow = api::create_native_login_flow(&server, None, None, None, None, None, None, None, None)
        .await
        .expect("a login flow");
    let body = |password: &str| {
        let method = UpdateLoginFlowWithPasswordMethod::new(email.clone(), "password".to_owned(), password.to_owned());
        UpdateLoginFlowBody::Password(Box::new(method))
    };
    let shown = refused(api::update_login_flow(&server, &flow.id, body("not the pass phrase"), None, None).await, 400);
    assert_eq!(shown["ui"]["messages"][0]["id"], 4_000_006);
    let login = api::update_login_flow(&server, &flow.id, body(PASSWORD), None, None).await.expect("a login");
    let token = login.session_token.expect("a session token");

    let session = api::to_session(&server, Some(&token), None, None).await.expect("a session");
    assert_eq!(session.active, Some(true));
    let identity = session.identity.expect("an identity");
    assert_eq!(identity.traits.expect("traits")["email"], email);

    api::perform_native_logout(&server, PerformNativeLogoutBody::new(token.clone())).await.expect("a logout");
    assert_eq!(refused(api::to_session(&server, Some(&token), None, None).await, 401)["error"]["code"], 401);
    println!("ok");
}
