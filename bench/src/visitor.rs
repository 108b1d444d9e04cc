//! A client of the server: what an app or a browser sends to log in, to register, to ask who it is.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::http::{Connection, Request, Response};
use crate::world::{PASSWORD, World, identity};

/// One repetition of something that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Hello,
    Whoami,
    WhoamiRefused,
    Flow,
    Login,
    BrowserLogin,
    Registration,
    AdminIdentity,
}

/// How often a visitor comes back when told to come back later, and the longest it waits in between.
const PATIENCE: (u32, Duration) = (120, Duration::from_secs(2));

/// One client with a connection to each port and, where it plays a browser, its cookies.
#[derive(Debug)]
pub(crate) struct Visitor<'a> {
    world: &'a World,
    public: Connection,
    admin: Connection,
    cookies: BTreeMap<String, String>,
}

/// A flow that waits for its submission.
#[derive(Debug, Clone)]
pub(crate) struct Begun {
    action: String,
    csrf: String,
}

impl<'a> Visitor<'a> {
    pub(crate) fn new(world: &'a World) -> Self {
        let (public, admin) = (Connection::new(world.public), Connection::new(world.admin));
        Self { world, public, admin, cookies: BTreeMap::new() }
    }

    /// Does one unit. Fails if the server answers anything but what the unit is about.
    pub(crate) async fn perform(&mut self, unit: Unit) -> Result<()> {
        match unit {
            Unit::Hello => self.ask(&Request::get("/health/alive"), 200).await,
            Unit::Whoami => self.ask(&self.world.whoami(), 200).await,
            Unit::WhoamiRefused => {
                let request = Request::get("/sessions/whoami").header("Accept", "application/json");
                self.ask(&request.header("X-Session-Token", "ory_st_nobody0000000000000000000000000"), 401).await
            }
            Unit::Flow => self.start_and_fetch().await,
            Unit::Login => self.login(self.world.turn()).await.map(|_| ()),
            Unit::BrowserLogin => self.browser_login(self.world.turn()).await,
            Unit::Registration => self.register(self.world.turn()).await,
            Unit::AdminIdentity => {
                let person = &self.world.people[self.world.turn() % self.world.people.len()];
                let path = format!("/admin/identities/{}", person.id);
                self.admin.send(&Request::get(&path)).await?.expect(200).map(|_| ())
            }
        }
    }

    /// A new identity with the common password; returns its id.
    pub(crate) async fn create_identity(&mut self, email: &str) -> Result<String> {
        let request = Request::post("/admin/identities").json(&identity(email));
        text(&self.admin.send(&request).await?.expect(201)?.json()?, "/id")
    }

    /// A native app logs a person in, from the start of the flow; returns the session token.
    pub(crate) async fn login(&mut self, turn: usize) -> Result<String> {
        let begun = self.begin("login").await?;
        self.submit_login(&begun, turn).await
    }

    /// A native app starts a flow.
    pub(crate) async fn begin(&mut self, kind: &str) -> Result<Begun> {
        let request = Request::get(&format!("/self-service/{kind}/api")).header("Accept", "application/json");
        begun(&self.public.send(&request).await?.expect(200)?.json()?)
    }

    /// Sends identifier and password; returns the session token.
    pub(crate) async fn submit_login(&mut self, begun: &Begun, turn: usize) -> Result<String> {
        let person = &self.world.people[turn % self.world.people.len()];
        let body = json!({"method": "password", "identifier": person.email, "password": PASSWORD});
        text(&self.submit(begun, &body).await?.expect(200)?.json()?, "/session_token")
    }

    /// Asks for a code, in a recovery or verification: if somebody has the address, a mail is queued.
    pub(crate) async fn ask_for_code(&mut self, begun: &Begun, email: &str) -> Result<()> {
        self.submit(begun, &json!({"method": "code", "email": email})).await?.expect(200).map(|_| ())
    }

    async fn register(&mut self, turn: usize) -> Result<()> {
        let begun = self.begin("registration").await?;
        self.submit_registration(&begun, turn).await
    }

    /// Sends traits and password of somebody new.
    pub(crate) async fn submit_registration(&mut self, begun: &Begun, turn: usize) -> Result<()> {
        let traits = json!({"email": format!("newcomer-{turn}@bench.example.org"), "name": "A Newcomer"});
        let body = json!({"method": "password", "password": PASSWORD, "traits": traits});
        self.submit(begun, &body).await?.expect(200).map(|_| ())
    }

    async fn start_and_fetch(&mut self) -> Result<()> {
        let start = Request::get("/self-service/login/api").header("Accept", "application/json");
        let flow = self.public.send(&start).await?.expect(200)?.json()?;
        let fetch = Request::get(&format!("/self-service/login/flows?id={}", text(&flow, "/id")?));
        self.ask(&fetch.header("Accept", "application/json"), 200).await
    }

    async fn browser_login(&mut self, turn: usize) -> Result<()> {
        self.cookies.clear();
        let start = Request::get("/self-service/login/browser").header("Accept", "text/html");
        let location = self.browse(start, 303).await?.header("location").context("no Location")?.to_owned();
        let id =
            location.split(['?', '&']).find_map(|pair| pair.strip_prefix("flow=")).context("no flow in Location")?;
        let fetch = Request::get(&format!("/self-service/login/flows?id={id}")).header("Accept", "application/json");
        let begun = begun(&self.browse(fetch, 200).await?.json()?)?;
        let person = &self.world.people[turn % self.world.people.len()];
        let fields = [
            ("csrf_token", begun.csrf.as_str()),
            ("method", "password"),
            ("identifier", person.email.as_str()),
            ("password", PASSWORD),
        ];
        self.browse(Request::post(&begun.action).header("Accept", "text/html").form(&fields), 303).await?;
        let signed_in = self.cookies.get("ory_kratos_session").is_some_and(|value| !value.is_empty());
        ensure!(signed_in, "the browser has no session cookie after its login");
        Ok(())
    }

    /// Sends a request with the browser's cookies and keeps those that are set.
    async fn browse(&mut self, request: Request, status: u16) -> Result<Response> {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = if cookies.is_empty() { request } else { request.header("Cookie", &cookies.join("; ")) };
        let response = self.patiently(&request).await?.expect(status)?;
        for (name, value) in response.cookies() {
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        Ok(response)
    }

    async fn submit(&mut self, begun: &Begun, body: &Value) -> Result<Response> {
        let request = Request::post(&begun.action).header("Accept", "application/json").json(body);
        self.patiently(&request).await
    }

    /// Sends a request again for as long as the server asks to come back later, as it may when many hashes wait.
    async fn patiently(&mut self, request: &Request) -> Result<Response> {
        let (times, longest) = PATIENCE;
        for _ in 0..times {
            let response = self.public.send(request).await?;
            if response.status != 429 {
                return Ok(response);
            }
            self.world.count_refusal();
            let seconds = response.header("retry-after").and_then(|value| value.parse().ok()).unwrap_or(1);
            sleep(Duration::from_secs(seconds).min(longest)).await;
        }
        bail!("refused {times} times: too many requests")
    }

    async fn ask(&mut self, request: &Request, status: u16) -> Result<()> {
        self.public.send(request).await?.expect(status).map(|_| ())
    }
}

/// Where a flow is submitted to, without scheme and host, and its CSRF token (empty for apps).
fn begun(flow: &Value) -> Result<Begun> {
    let action = text(flow, "/ui/action")?;
    let after_scheme = action.split_once("://").map_or(action.as_str(), |(_, rest)| rest);
    let path = after_scheme.find('/').map(|at| &after_scheme[at..]).context("the action has no path")?;
    let nodes = flow.pointer("/ui/nodes").and_then(Value::as_array).context("the flow has no nodes")?;
    let csrf = nodes
        .iter()
        .filter_map(|node| node.get("attributes"))
        .find(|attributes| attributes.get("name").is_some_and(|name| name == "csrf_token"))
        .and_then(|attributes| attributes.get("value")?.as_str());
    Ok(Begun { action: path.to_owned(), csrf: csrf.unwrap_or_default().to_owned() })
}

fn text(value: &Value, pointer: &str) -> Result<String> {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.map(str::to_owned).with_context(|| format!("no {pointer} in the answer"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_tells_where_to_go_and_with_which_token() {
        let flow = json!({"ui": {"action": "http://h:1/self-service/login?flow=x", "nodes": [
            {"attributes": {"node_type": "img"}},
            {"attributes": {"name": "csrf_token", "value": "t=="}},
        ]}});
        let begun = begun(&flow).unwrap();
        assert_eq!((begun.action.as_str(), begun.csrf.as_str()), ("/self-service/login?flow=x", "t=="));
    }
}
