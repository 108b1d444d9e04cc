//! Whole exchanges, as a reader of the wire sees them: status, headers that matter, JSON. What differs from run to run is
//! written as `[id]`, `[token]`, `[hash]`; the clock stands still, so times are real.

use crate::wire::PASSWORD;
use serde_json::{Value, json};
use std::fmt::Write as _;
use zelos_testkit::{Answer, App, Database, Mode, Persona, Setup};

const HEADERS: [&str; 7] = [
    "location",
    "content-type",
    "cache-control",
    "vary",
    "ory-error-id",
    "set-cookie",
    "x-kratos-authenticated-identity-id",
];

/// The story of some exchanges.
#[derive(Default)]
struct Story(String);

impl Story {
    fn tell(&mut self, what: &str, answer: &Answer) {
        let _ = writeln!(self.0, "### {what}\n{}", answer.status.as_u16());
        for name in HEADERS {
            for value in answer.headers.get_all(name) {
                let _ = writeln!(self.0, "{name}: {}", without_chance(value.to_str().unwrap_or_default()));
            }
        }
        let body = match answer.json() {
            Value::Null => answer.text.clone(),
            json => serde_json::to_string_pretty(&json).unwrap_or_default(),
        };
        let _ = writeln!(self.0, "\n{}\n", without_chance(&body));
    }
}

/// Writes placeholders for ids, tokens, masks and hashes.
fn without_chance(text: &str) -> String {
    let patterns = [
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "[id]"),
        (r"ory_(st|lo)_[A-Za-z0-9_-]{32}", "[token]"),
        (r"(csrf_token_[0-9a-f]{64})=[^;]+", "$1=[secret]"),
        (r"(ory_kratos_session)=[^;]+", "$1=[sealed]"),
        (r"csrf_token_[0-9a-f]{64}", "csrf_token_[hash]"),
        (r"device_[0-9a-f]{64}=[^;]+", "device_[hash]=[sealed]"),
        (r#""[A-Za-z0-9+/]{86}==""#, "\"[masked]\""),
    ];
    patterns.iter().fold(text.to_owned(), |text, (pattern, with)| {
        regex::Regex::new(pattern).expect("a pattern").replace_all(&text, *with).into_owned()
    })
}

async fn told(setup: Setup, mode: Mode, story: impl AsyncFnOnce(&App, &mut Persona, &mut Story)) -> String {
    let database = Database::sqlite().expect("a file for SQLite");
    let app = App::start(&database, &setup).await.expect("a Zelos");
    let (mut visitor, mut told) = (app.visitor(mode), Story::default());
    story(&app, &mut visitor, &mut told).await;
    told.0
}

async fn password_story(app: &App, visitor: &mut Persona, story: &mut Story) {
    let _ = app;
    story.tell("start a registration", &visitor.start("registration", "").await);
    let flow = visitor.begin("registration", "return_to=http://ui.example.org/back").await;
    let traits = json!({ "email": "ada@example.org", "name": "Ada" });
    let answer =
        visitor.submit(&flow, json!({ "method": "password", "traits": { "email": "ada" }, "password": "short" })).await;
    story.tell("register with what is not good enough", &answer);
    let answer = visitor.submit(&flow, json!({ "method": "password", "traits": traits, "password": PASSWORD })).await;
    visitor.keep_token(&answer);
    story.tell("register", &answer);
    story.tell("who am I", &visitor.whoami().await);
    story.tell("start a login although signed in", &visitor.start("login", "").await);
    let flow = visitor.begin("login", "refresh=true").await;
    let answer = visitor
        .submit(&flow, json!({ "method": "password", "identifier": "ada@example.org", "password": "wrong" }))
        .await;
    story.tell("prove myself again, wrongly", &answer);
    let answer = visitor
        .submit(&flow, json!({ "method": "password", "identifier": "ada@example.org", "password": PASSWORD }))
        .await;
    story.tell("prove myself again", &answer);
    story.tell("start settings", &visitor.start("settings", "").await);
}

#[tokio::test]
async fn password_page() {
    insta::assert_snapshot!(told(Setup::default(), Mode::Page, password_story).await);
}

#[tokio::test]
async fn password_spa() {
    insta::assert_snapshot!(told(Setup::default(), Mode::Spa, password_story).await);
}

#[tokio::test]
async fn password_native() {
    insta::assert_snapshot!(told(Setup::default(), Mode::Native, password_story).await);
}

async fn steps_story(app: &App, visitor: &mut Persona, story: &mut Story) {
    app.person("ada@example.org", PASSWORD).await;
    let flow = visitor.begin("registration", "").await;
    story
        .tell("the first screen of a registration", &visitor.fetch("registration", flow["id"].as_str().unwrap()).await);
    let traits = json!({ "email": "bob@example.org", "name": "Bob" });
    let answer = visitor.submit(&flow, json!({ "method": "profile", "traits": traits })).await;
    story.tell("the second screen of a registration", &answer);
    let flow = visitor.begin("login", "").await;
    story.tell("the first screen of a login", &visitor.fetch("login", flow["id"].as_str().unwrap()).await);
    let answer = visitor.submit(&flow, json!({ "method": "identifier_first", "identifier": "ada@example.org" })).await;
    story.tell("the second screen of a login", &answer);
    let answer = visitor.submit(&flow, json!({ "method": "identifier_first", "identifier": "nobody" })).await;
    story.tell("a login of nobody", &answer);
}

#[tokio::test]
async fn two_screens_spa() {
    let styles = json!({ "login": { "style": "identifier_first" }, "registration": { "style": "profile_first" } });
    let setup = Setup::with(json!({ "selfservice": { "flows": styles } }));
    insta::assert_snapshot!(told(setup, Mode::Spa, steps_story).await);
}
