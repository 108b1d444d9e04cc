//! What signing in and up cost where the database is far away: 50 milliseconds, each way. A line in between delays what
//! passes and counts how often the server waits for an answer; that is what takes the time there, and it is told apart from
//! what the server does by itself meanwhile by the median.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{Instant, sleep_until};

use super::Stage;
use crate::config::Hasher;
use crate::load::Load;
use crate::measure::Measure;
use crate::server::Launcher;
use crate::visitor::{Begun, Visitor};
use crate::world::World;

/// On the way there, and again on the way back.
const DISTANCE: Duration = Duration::from_millis(50);

const UNITS: u64 = 20;
/// Not counted: what each of a server's first connections does once.
const WARM: u64 = 5;
const COLD_STARTS: u32 = 3;
const PEOPLE: usize = 4;

/// What is submitted; the flow was started before.
#[derive(Debug, Clone, Copy)]
pub(super) enum Submission {
    Login,
    Registration,
}

/// Submits on a server that has been running, and once on servers that have just started.
pub(super) async fn submit(submission: Submission, launcher: Launcher<'_>) -> Result<Measure> {
    let Some((address, _, _)) = place(launcher.dsn) else { return Ok(Measure::of(Load::default())) };
    LocalSet::new().run_until(submit_far_away(submission, launcher, address.to_owned())).await
}

async fn submit_far_away(submission: Submission, launcher: Launcher<'_>, address: String) -> Result<Measure> {
    let line = Rc::new(Line::default());
    let dsn = line.lay(launcher.dsn, address).await?;
    let launcher = Launcher { dsn: &dsn, ..launcher };
    let (home, running) = launcher.start(Hasher::Bcrypt(4)).await?;
    let mut world = World::with_people(&running, PEOPLE).await?;
    let plan = Stage { launcher, running: &running, world: &world }.plan(UNITS, 1);
    let mut visitor = Visitor::new(&world);
    let (mut load, mut trips) = (Load::default(), Vec::new());
    let start = Instant::now();
    for unit in 0..WARM + plan.units {
        let begun = visitor.begin(submission.kind()).await?;
        let (before, sent) = (line.trips.get(), Instant::now());
        let outcome = submission.send(&mut visitor, &begun, world.turn()).await;
        if unit >= WARM {
            trips.push(line.trips.get() - before);
            load.add(outcome, sent.elapsed());
        }
        if start.elapsed() >= plan.limit {
            break;
        }
    }
    load.wall = load.latencies.iter().sum();
    running.stop().await?;
    let mut cold = Vec::new();
    for _ in 0..COLD_STARTS {
        let running = home.start().await?;
        world.moved(&running);
        cold.push(first(submission, &world, &line).await?);
        running.stop().await?;
    }
    Ok(Measure::of(load).with_round_trips(trips, cold))
}

/// The round trips of the first submission to a server.
async fn first(submission: Submission, world: &World, line: &Line) -> Result<u64> {
    let mut visitor = Visitor::new(world);
    let begun = visitor.begin(submission.kind()).await?;
    let before = line.trips.get();
    submission.send(&mut visitor, &begun, world.turn()).await?;
    Ok(line.trips.get() - before)
}

impl Submission {
    fn kind(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Registration => "registration",
        }
    }

    async fn send(self, visitor: &mut Visitor<'_>, begun: &Begun, turn: usize) -> Result<()> {
        match self {
            Self::Login => visitor.submit_login(begun, turn).await.map(|_| ()),
            Self::Registration => visitor.submit_registration(begun, turn).await,
        }
    }
}

/// Host and port in a DSN, with what comes before and after; nothing for a database without a server.
fn place(dsn: &str) -> Option<(&str, &str, &str)> {
    let start = dsn.rfind('@').or_else(|| dsn.find("://").map(|at| at + 2))? + 1;
    let start = start + if dsn[start..].starts_with("tcp(") { 4 } else { 0 };
    let end = start + dsn[start..].find([')', '/'])?;
    let address = &dsn[start..end];
    address.contains(':').then(|| (address, &dsn[..start], &dsn[end..]))
}

/// A line to a database server.
#[derive(Debug, Default)]
struct Line {
    /// How often something was sent after an answer had come, over all connections.
    trips: Cell<u64>,
}

impl Line {
    /// Lays the line and gives the DSN that leads over it.
    async fn lay(self: &Rc<Self>, dsn: &str, address: String) -> Result<String> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (_, before, after) = place(dsn).context("the DSN names no server")?;
        let dsn = format!("{before}{}{after}", listener.local_addr()?);
        let line = Rc::clone(self);
        spawn_local(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(&address).await else { continue };
                let delays = client.set_nodelay(true).and_then(|()| server.set_nodelay(true));
                if delays.is_ok() {
                    line.join(client, server);
                }
            }
        });
        Ok(dsn)
    }

    fn join(self: &Rc<Self>, client: TcpStream, server: TcpStream) {
        let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
        let waits = Rc::new(Cell::new(false));
        let (line, asked, answered) = (Rc::clone(self), Rc::clone(&waits), waits);
        delayed(from_client, to_server, move || {
            if !asked.replace(true) {
                line.trips.set(line.trips.get() + 1);
            }
        });
        delayed(from_server, to_client, move || answered.set(false));
    }
}

/// Passes bytes on, each as long after it came as the distance takes. `seen` is called as they come.
fn delayed(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, seen: impl Fn() + 'static) {
    let (sender, mut on_the_way) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    spawn_local(async move {
        let mut bytes = vec![0; 64 << 10];
        while let Ok(count @ 1..) = from.read(&mut bytes).await {
            seen();
            if sender.send((Instant::now() + DISTANCE, bytes[..count].to_vec())).is_err() {
                return;
            }
        }
    });
    spawn_local(async move {
        while let Some((arrives, bytes)) = on_the_way.recv().await {
            sleep_until(arrives).await;
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dsn_is_taken_apart_at_its_server() {
        let address = |dsn| place(dsn).map(|(address, _, _)| address);
        assert_eq!(address("postgres://u:p@127.0.0.1:5432/{database}?sslmode=disable"), Some("127.0.0.1:5432"));
        assert_eq!(address("postgres://127.0.0.1:5432/x"), Some("127.0.0.1:5432"));
        assert_eq!(address("mysql://u:p@tcp(127.0.0.1:3306)/x"), Some("127.0.0.1:3306"));
        assert_eq!(address("sqlite://{dir}/db.sqlite?_fk=true"), None);
        assert_eq!(address("memory"), None);
        let (_, before, after) = place("mysql://u@tcp(h:1)/x?a=b").unwrap();
        assert_eq!((before, after), ("mysql://u@tcp(", ")/x?a=b"));
    }

    #[tokio::test]
    async fn answers_are_delayed_and_counted() {
        let local = LocalSet::new();
        local
            .run_until(async {
                let echo = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let address = echo.local_addr().unwrap().to_string();
                spawn_local(async move {
                    let (mut stream, _) = echo.accept().await.unwrap();
                    let (mut from, mut to) = stream.split();
                    tokio::io::copy(&mut from, &mut to).await.unwrap();
                });
                let line = Rc::new(Line::default());
                let dsn = line.lay(&format!("postgres://{address}/x"), address).await.unwrap();
                let mut stream = TcpStream::connect(place(&dsn).unwrap().0).await.unwrap();
                let begin = Instant::now();
                for _ in 0..2 {
                    stream.write_all(b"question").await.unwrap();
                    stream.read_exact(&mut [0; 8]).await.unwrap();
                }
                assert!(begin.elapsed() >= 4 * DISTANCE);
                assert_eq!(line.trips.get(), 2);
            })
            .await;
    }
}
