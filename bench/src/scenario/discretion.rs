//! Whether the time of an answer tells who has an account. Codes are asked for, in turn for an address that somebody has
//! and for one that nobody has, request by request over one connection, so that whatever else happens on the machine
//! happens to both.

use std::rc::Rc;
use std::time::Duration;

use anyhow::Result;
use tokio::task::LocalSet;
use tokio::time::Instant;

use super::Stage;
use super::mail::Sink;
use crate::config::Hasher;
use crate::load::Load;
use crate::measure::Measure;
use crate::server::Launcher;
use crate::visitor::Visitor;
use crate::world::World;

const PAIRS: u64 = 250;
const PEOPLE: usize = 32;

/// How long the submission alone takes, for addresses of both kinds.
pub(super) async fn known_and_unknown(kind: &str, launcher: Launcher<'_>) -> Result<Measure> {
    LocalSet::new().run_until(ask(kind, launcher)).await
}

async fn ask(kind: &str, launcher: Launcher<'_>) -> Result<Measure> {
    // Mails are delivered meanwhile, as they are in life.
    let sink = Rc::new(Sink::default());
    let address = sink.listen().await?;
    sink.open();
    let (_home, running) = launcher.start_with(Hasher::Bcrypt(4), Some(address)).await?;
    let world = World::with_people(&running, PEOPLE).await?;
    let plan = Stage { launcher, running: &running, world: &world }.plan(PAIRS, 1);
    let mut visitor = Visitor::new(&world);
    let (mut known, mut unknown) = (Load::default(), Load::default());
    // Connections, caches and prepared statements are made before the count begins.
    let warm = plan.units / 10;
    let start = Instant::now();
    for pair in 0..warm + plan.units {
        let person = &world.people[world.turn() % world.people.len()].email;
        // As long as the other; and each is the first of the two in turn.
        let nobody = person.replace("person", "nobody");
        let mut both = [(person, &mut known), (&nobody, &mut unknown)];
        if pair % 2 == 1 {
            both.reverse();
        }
        for (email, load) in both {
            let flow = visitor.begin(kind).await?;
            let begin = Instant::now();
            let outcome = visitor.ask_for_code(&flow, email).await;
            let took = begin.elapsed();
            if pair >= warm {
                load.add(outcome, took);
            }
        }
        if start.elapsed() >= plan.limit {
            break;
        }
    }
    known.wall = known.latencies.iter().sum::<Duration>();
    running.stop().await?;
    Ok(Measure::of_known_and_unknown(known, unknown))
}
