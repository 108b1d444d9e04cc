//! A million people: how fast they are taken in, and what it costs to list, to find and to delete some of them. These
//! scenarios share one server, and the first thing is always that the people come.

use std::cell::{Cell, RefCell};
use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures_util::future::join_all;
use tokio::time::Instant;

use super::{Scenario, Stage};
use crate::http::{Connection, Request, encoded};
use crate::load::Load;
use crate::measure::Measure;
use crate::options::Options;

const PEOPLE: u64 = 1_000_000;
const BATCH: u64 = 1000;
const CONNECTIONS: u64 = 2;

/// A password that was hashed elsewhere: nothing is to be hashed here.
const HASH: &str = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

/// How often somebody is looked for, and deleted.
const LOOKS: u64 = 300;

/// Who is there.
#[derive(Debug)]
pub(crate) struct Crowd {
    people: u64,
    /// Ids of some of them, from the whole of the list.
    ids: RefCell<Vec<String>>,
    /// A page near the end of the list.
    deep: RefCell<String>,
}

impl Crowd {
    /// As many people as the share on the command line makes.
    pub(crate) fn of(options: &Options) -> Self {
        let people = (PEOPLE * u64::from(options.percent) / 100).max(BATCH) / BATCH * BATCH;
        Self { people, ids: RefCell::default(), deep: RefCell::default() }
    }

    /// An address that tells nothing of when its owner came.
    fn address(number: u64) -> String {
        format!("{:08x}-{number}@crowd.example.org", (number.wrapping_mul(2_654_435_761)) & 0xffff_ffff)
    }

    fn batch(first: u64) -> String {
        let mut body = "{\"identities\":[".to_owned();
        for number in first..first + BATCH {
            let comma = if number == first { "" } else { "," };
            let address = Self::address(number);
            // Writing to a text does not fail.
            let _ = write!(
                body,
                "{comma}{{\"create\":{{\"schema_id\":\"default\",\"traits\":{{\"email\":\"{address}\",\"name\":\"Person {number}\"}},\
                 \"credentials\":{{\"password\":{{\"config\":{{\"hashed_password\":\"{HASH}\"}}}}}}}}}}"
            );
        }
        body + "]}"
    }

    /// Takes everybody in, a thousand with each request.
    pub(crate) async fn import(&self, stage: Stage<'_>) -> Result<Measure> {
        let (load, next) = (RefCell::new(Load::default()), Cell::new(0));
        let work = async {
            let start = Instant::now();
            let client = async || {
                let mut admin = Connection::new(stage.running.admin);
                while next.get() < self.people && load.borrow().failures == 0 {
                    let first = next.replace(next.get() + BATCH);
                    let request = Request::of("PATCH", "/admin/identities").text(Self::batch(first));
                    let begin = Instant::now();
                    let outcome = admin.send(&request).await.and_then(|answer| answer.expect(200));
                    let took = begin.elapsed();
                    let outcome = outcome.and_then(|answer| {
                        ensure!(!answer.text().contains("\"action\":\"error\""), "somebody was not taken in");
                        Ok(())
                    });
                    load.borrow_mut().add(outcome, took);
                }
            };
            join_all((0..CONNECTIONS).map(|_| client())).await;
            let mut load = load.take();
            load.wall = start.elapsed();
            load
        };
        stage.metered_load(work).await
    }

    /// Walks through the whole list once, to know the way to its end.
    pub(crate) async fn walk(&self, stage: Stage<'_>) -> Result<()> {
        let mut admin = Connection::new(stage.running.admin);
        let mut path = "/admin/identities?page_size=500".to_owned();
        for _ in 0..self.people / 500 {
            let answer = admin.send(&Request::get(&path)).await?.expect(200)?;
            let list = answer.json()?;
            let id = list.pointer("/250/id").and_then(serde_json::Value::as_str).context("a page without people")?;
            self.ids.borrow_mut().push(id.to_owned());
            let links = answer.header("link").context("no links")?;
            let Some(link) = links.split(',').find(|link| link.ends_with("rel=\"next\"")) else { break };
            self.deep.replace(path.clone());
            link.trim_start_matches('<').split('>').next().context("no address in a link")?.clone_into(&mut path);
        }
        Ok(())
    }

    /// One of the things that are done with so many people.
    pub(crate) async fn play(&self, scenario: Scenario, stage: Stage<'_>) -> Result<Measure> {
        let path = |turn: u64| {
            let somebody = Self::address((turn * 7919 + 13) % self.people);
            match scenario {
                Scenario::ListDeep => self.deep.borrow().replace("page_size=500", "page_size=250"),
                Scenario::FindIdentifier => {
                    format!("/admin/identities?credentials_identifier={}", encoded(&somebody))
                }
                Scenario::FindPrefix => {
                    format!("/admin/identities?preview_credentials_identifier_similar={}", &somebody[..9])
                }
                _ => "/admin/identities?page_size=250".to_owned(),
            }
        };
        let mut admin = Connection::new(stage.running.admin);
        let count =
            if scenario == Scenario::DeleteIdentity { LOOKS.min(self.ids.borrow().len() as u64) } else { LOOKS };
        let work = async {
            let mut load = Load::default();
            let limit = Duration::from_secs(stage.options().seconds);
            let start = Instant::now();
            for turn in 0..count {
                if start.elapsed() > limit {
                    break;
                }
                let (request, status) = if scenario == Scenario::DeleteIdentity {
                    let id = self.ids.borrow_mut().pop().unwrap_or_default();
                    (Request::of("DELETE", &format!("/admin/identities/{id}")), 204)
                } else {
                    (Request::get(&path(turn)), 200)
                };
                let begin = Instant::now();
                let outcome = admin.send(&request).await.and_then(|answer| answer.expect(status));
                load.add(outcome.map(|_| ()), begin.elapsed());
            }
            load.wall = start.elapsed();
            load
        };
        stage.metered_load(work).await
    }
}
