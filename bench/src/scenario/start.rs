//! From starting the process until `/health/ready` is 200 on both ports: what a deployment, a crash or a scale-out
//! waits for. One unit is one start; the next begins when the last server is gone.

use std::time::Duration;

use anyhow::Result;
use tokio::time::Instant;

use crate::config::Hasher;
use crate::load::Load;
use crate::measure::Measure;
use crate::process::Subject;
use crate::server::{Home, Launcher};

const HASHER: Hasher = Hasher::Bcrypt(4);

/// Starts on a database that a first start has left behind.
pub(super) async fn existing(launcher: Launcher<'_>) -> Result<Measure> {
    let home = launcher.home(HASHER)?;
    home.migrate().await?;
    home.start().await?.stop().await?;
    let mut starts = Starts::default();
    let begin = Instant::now();
    for _ in 0..count(launcher, 15) {
        starts.one(&home, false).await?;
        if begin.elapsed() >= limit(launcher) {
            break;
        }
    }
    Ok(starts.measure())
}

/// Starts on a database without tables, after the migration command where the server has one.
pub(super) async fn empty(launcher: Launcher<'_>) -> Result<Measure> {
    let mut starts = Starts::default();
    let begin = Instant::now();
    for _ in 0..count(launcher, 8) {
        // Making the folder and the database is not the server's work and stays outside the time.
        starts.one(&launcher.home(HASHER)?, true).await?;
        if begin.elapsed() >= limit(launcher) {
            break;
        }
    }
    Ok(starts.measure())
}

#[derive(Debug, Default)]
struct Starts {
    load: Load,
    /// Of the server processes alone, up to being ready.
    cpu_ms: f64,
}

impl Starts {
    async fn one(&mut self, home: &Home, migrate: bool) -> Result<()> {
        let begin = Instant::now();
        if migrate {
            home.migrate().await?;
        }
        let running = home.start().await?;
        let took = begin.elapsed();
        self.cpu_ms += Subject::Tree(running.pid()).cpu_ms()?;
        self.load.add(Ok(()), took);
        self.load.wall += took;
        running.stop().await
    }

    fn measure(self) -> Measure {
        let mut measure = Measure::of(self.load);
        measure.set_cpu(self.cpu_ms);
        measure
    }
}

fn count(launcher: Launcher<'_>, usual: u32) -> u32 {
    (usual * launcher.options.percent / 100).max(1)
}

fn limit(launcher: Launcher<'_>) -> Duration {
    Duration::from_secs(launcher.options.seconds)
}
