//! Adding a method takes one file – this one – and one line of wiring. The toy proves nothing but that somebody knows the
//! magic word; it serves login, registration and settings without a handler, route or template of its own.

use async_trait::async_trait;
use serde_json::json;
use std::sync::LazyLock;
use zelos_core::{
    flow::{Detail, Flow, Kind},
    identity::{CredentialType, Via},
    problem::{Problem, Result},
    schema::PayloadSchema,
    session::{Aal, AuthenticationMethod, MethodName},
    snapshot::Snapshot,
    text::catalog,
    ui::{Group, InputType, Node},
};
use zelos_flow::{Ask, Cx, Input, Method, Step, draw, plug::Draft, traits};
use zelos_store::identities;
use zelos_testkit::{Setup, node, scenario_for_each};

static PAYLOAD: LazyLock<PayloadSchema> = LazyLock::new(|| {
    PayloadSchema::embedded(
        r#"{ "type": "object", "required": ["word"], "properties": {
            "method": { "type": "string" }, "word": { "type": "string" }, "identifier": { "type": "string" },
            "traits": {} } }"#,
    )
});

struct MagicWord;

#[async_trait]
impl Method for MagicWord {
    fn id(&self) -> &'static str {
        "magic_word"
    }

    fn group(&self) -> Group {
        Group::Captcha
    }

    fn is_enabled(&self, _: &Snapshot, _: Kind) -> bool {
        true
    }

    fn claims(&self, _: &Cx<'_>, _: &Flow, input: &Input) -> bool {
        input.method() == self.id()
    }

    fn payload(&self, _: Kind) -> &'static PayloadSchema {
        &PAYLOAD
    }

    async fn form(&self, _: &Cx<'_>, _: &mut Flow, _: &Ask<'_>) -> Result<Vec<Node>> {
        Ok(vec![
            Node::input(Group::Captcha, "word", InputType::Text).required(),
            Node::submit(Group::Captcha, "method", self.id(), catalog::continue_label()),
        ])
    }

    async fn submit(&self, cx: &Cx<'_>, flow: &mut Flow, input: &Input) -> Result<Step> {
        if input.text("word") != Some("xyzzy") {
            return Err(Problem::field("word", catalog::invalid("This is not the word.")));
        }
        let by = AuthenticationMethod::new(MethodName::Code, Aal::Aal1, cx.clock.now());
        match flow.detail {
            Detail::Login { .. } => {
                let name = input.text("identifier").unwrap_or_default();
                let found = identities::find_by_identifier(cx.store, CredentialType::Password, name).await?;
                let identity = found.ok_or_else(|| Problem::form(catalog::wrong_credentials()))?;
                Ok(Step::Prove { from: Box::new(identity.clone()), to: Box::new(identity), by })
            }
            Detail::Registration => {
                let schema = draw::schema_of(cx, flow)?;
                let derived = traits::judge(schema, flow, input)?;
                let credential = (CredentialType::Password, json!({}));
                let draft = Draft { schema_id: schema.id().to_owned(), derived, credential, proven: Vec::new() };
                Ok(Step::Create { draft: Box::new(draft), by })
            }
            Detail::Settings { identity } => traits::change(cx, identity, input).await,
            Detail::Recovery { .. } | Detail::Verification => Ok(Step::show()),
        }
    }
}

#[tokio::test]
async fn a_method_is_a_file_and_a_line() {
    let setup = Setup::default().wired(|parts| parts.methods.push(Box::new(MagicWord)));
    scenario_for_each(setup, async |_, mut visitor| {
        let email = format!("toy-{:?}@example.org", visitor.mode).to_lowercase();
        let flow = visitor.begin("registration", "").await;
        let values = json!({ "method": "magic_word", "word": "abracadabra", "traits": { "email": email } });
        let answer = visitor.submit(&flow, values).await;
        let flow = visitor.flow("registration", &answer).await;
        assert_eq!(node(&flow, "word")["messages"][0]["id"], 4_000_001, "{}", answer.text);
        assert_eq!(node(&flow, "traits.email")["attributes"]["value"], email);
        let values = json!({ "method": "magic_word", "word": "xyzzy", "traits": { "email": email } });
        let answer = visitor.submit(&flow, values).await;
        assert!(answer.status.is_success() || answer.status == 303, "{}", answer.text);

        let flow = visitor.begin("login", "").await;
        let login = json!({ "method": "magic_word", "word": "xyzzy", "identifier": email });
        let answer = visitor.submit(&flow, login).await;
        visitor.keep_token(&answer);
        assert_eq!(visitor.whoami().await.json()["identity"]["traits"]["email"], email, "{}", answer.text);

        let flow = visitor.begin("settings", "").await;
        let traits = json!({ "email": email, "name": "Toy" });
        let answer = visitor.submit(&flow, json!({ "method": "magic_word", "word": "xyzzy", "traits": traits })).await;
        assert!(answer.status.is_success() || answer.status.is_redirection(), "{}", answer.text);

        assert_eq!(visitor.whoami().await.json()["identity"]["traits"], traits);
    })
    .await;
}

/// A method that says what it must not say.
struct Misfit;

#[async_trait]
impl Method for Misfit {
    fn id(&self) -> &'static str {
        "misfit"
    }

    fn group(&self) -> Group {
        Group::Captcha
    }

    fn is_enabled(&self, _: &Snapshot, _: Kind) -> bool {
        true
    }

    fn claims(&self, _: &Cx<'_>, _: &Flow, input: &Input) -> bool {
        input.method() == self.id()
    }

    fn payload(&self, _: Kind) -> &'static PayloadSchema {
        &PAYLOAD
    }

    async fn form(&self, _: &Cx<'_>, _: &mut Flow, _: &Ask<'_>) -> Result<Vec<Node>> {
        Ok(Vec::new())
    }

    async fn submit(&self, cx: &Cx<'_>, flow: &mut Flow, input: &Input) -> Result<Step> {
        let by = AuthenticationMethod::new(MethodName::Code, Aal::Aal1, cx.clock.now());
        let found = identities::find_by_identifier(cx.store, CredentialType::Password, "misfit@example.org").await?;
        let identity = found.ok_or_else(|| Problem::bad("nobody is there"))?;
        let identity = Box::new(identity);
        Ok(match input.text("word") {
            Some("prove") => Step::Prove { from: identity.clone(), to: identity, by },
            Some("late") => {
                let mut batch = zelos_store::Batch::new();
                identities::update(&mut batch, &identity, &identity);
                cx.store.commit(batch).await?;
                Step::Prove { from: identity.clone(), to: identity, by }
            }
            Some("change") => Step::Change { from: identity.clone(), to: identity, by: None },
            Some("confirm") => Step::Confirm { from: identity.clone(), to: identity, via: Via::Email },
            _ => {
                let schema = draw::schema_of(cx, flow)?;
                let traits =
                    Input::new([("traits".to_owned(), json!({ "email": "made@example.org" }))].into_iter().collect());
                let derived = traits::judge(schema, flow, &traits)?;
                let draft = Draft {
                    schema_id: schema.id().to_owned(),
                    derived,
                    credential: (CredentialType::Password, json!({})),
                    proven: Vec::new(),
                };
                Step::Create { draft: Box::new(draft), by }
            }
        })
    }
}

#[tokio::test]
async fn a_step_that_does_not_fit_the_flow_is_a_fault_and_does_nothing() {
    let setup = Setup::with(json!({ "selfservice": { "flows": {
        "recovery": { "enabled": true }, "verification": { "enabled": true },
    } } }));
    let setup = setup.wired(|parts| parts.methods.insert(0, Box::new(Misfit)));
    zelos_testkit::scenario(setup, async |app| {
        app.person("misfit@example.org", crate::wire::PASSWORD).await;
        for (kind, fitting) in [
            ("login", "prove"),
            ("registration", "create"),
            ("settings", "change"),
            ("recovery", "prove"),
            ("verification", "confirm"),
        ] {
            for step in ["prove", "create", "change", "confirm"].into_iter().filter(|step| *step != fitting) {
                let mut visitor = app.visitor(zelos_testkit::Mode::Native);
                if kind == "settings" {
                    visitor.sign_in("misfit@example.org", crate::wire::PASSWORD).await;
                }
                let flow = visitor.begin(kind, "").await;
                let answer = visitor.submit(&flow, json!({ "method": "misfit", "word": step })).await;
                assert_eq!(answer.status, 500, "{kind} {step}: {}", answer.text);
                assert!(!answer.text.contains("Step") && !answer.text.contains("kind"), "{}", answer.text);
            }
        }
        let query = "/admin/identities?credentials_identifier=made@example.org";
        assert_eq!(app.admin("GET", query, None).await.json(), json!([]));
    })
    .await;
}

#[tokio::test]
async fn a_second_factor_of_somebody_else_opens_nothing_whatever_a_method_says() {
    let setup = Setup::default().wired(|parts| parts.methods.insert(0, Box::new(Misfit)));
    zelos_testkit::scenario(setup, async |app| {
        for name in ["misfit", "other"] {
            app.person(&format!("{name}@example.org"), crate::wire::PASSWORD).await;
        }
        let mut visitor = app.visitor(zelos_testkit::Mode::Native);
        visitor.sign_in("other@example.org", crate::wire::PASSWORD).await;
        let flow = visitor.begin("login", "aal=aal2").await;
        let answer = visitor.submit(&flow, json!({ "method": "misfit", "word": "prove" })).await;
        assert_eq!(answer.json()["error"]["id"], "session_aal1_required", "{}", answer.text);
        assert_eq!(answer.json()["session_token"], serde_json::Value::Null);
    })
    .await;
}

#[tokio::test]
async fn who_was_changed_while_they_signed_in_is_judged_again() {
    let setup = Setup::default().wired(|parts| parts.methods.insert(0, Box::new(Misfit)));
    zelos_testkit::scenario(setup, async |app| {
        let id = app.person("misfit@example.org", crate::wire::PASSWORD).await["id"].as_str().unwrap().to_owned();
        let mut visitor = app.visitor(zelos_testkit::Mode::Native);
        let flow = visitor.begin("login", "").await;
        // Changed each time they prove themselves, so a second try helps no more than the first.
        let answer = visitor.submit(&flow, json!({ "method": "misfit", "word": "late" })).await;
        assert_eq!(answer.status, 409, "{}", answer.text);
        assert_eq!(app.admin("GET", &format!("/admin/identities/{id}/sessions"), None).await.json(), json!([]));
        let answer = visitor.submit(&flow, json!({ "method": "misfit", "word": "prove" })).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    })
    .await;
}
