//! Who is there before anything is measured: people with a known password, and one session.

use std::cell::Cell;
use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use serde_json::json;

use crate::http::Request;
use crate::server::Running;
use crate::visitor::Visitor;

/// Everybody's password: long, in no list of breached ones, unlike every address.
pub(crate) const PASSWORD: &str = "Seven-quiet-Lanterns-418";

/// One server's people, and counters that the visitors share.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) public: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) people: Vec<Person>,
    /// Session token of the first person, for `whoami`.
    pub(crate) token: String,
    next: Cell<usize>,
    /// How often the server asked to come back later (429).
    pub(crate) refused: Cell<u64>,
}

/// An identity that can log in.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) email: String,
}

impl World {
    /// Makes the people through the admin API, then logs the first of them in.
    pub(crate) async fn with_people(running: &Running, count: usize) -> Result<Self> {
        let mut world = Self {
            public: running.public,
            admin: running.admin,
            people: Vec::new(),
            token: String::new(),
            next: Cell::new(0),
            refused: Cell::new(0),
        };
        for number in 0..count {
            let email = format!("person-{number}@bench.example.org");
            let id = Visitor::new(&world).create_identity(&email).await.context("making a person")?;
            world.people.push(Person { id, email });
        }
        let token = Visitor::new(&world).login(0).await.context("the first login")?;
        world.token = token;
        Ok(world)
    }

    /// The server was started again.
    pub(crate) fn moved(&mut self, running: &Running) {
        (self.public, self.admin) = (running.public, running.admin);
    }

    /// A number that nobody else gets.
    pub(crate) fn turn(&self) -> usize {
        self.next.replace(self.next.get() + 1)
    }

    pub(crate) fn count_refusal(&self) {
        self.refused.set(self.refused.get() + 1);
    }

    pub(crate) fn whoami(&self) -> Request {
        Request::get("/sessions/whoami").header("Accept", "application/json").header("X-Session-Token", &self.token)
    }
}

/// What the admin API is sent for a new person.
pub(crate) fn identity(email: &str) -> serde_json::Value {
    json!({
        "schema_id": "default",
        "traits": {"email": email, "name": "A Person"},
        "credentials": {"password": {"config": {"password": PASSWORD}}},
    })
}
