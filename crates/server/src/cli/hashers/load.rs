//! `hashers argon2 load-test`: so many passwords a minute, at random moments, for a while.

use super::{Cost, Failure, Fixed, HEADS, Parameters, hash_once, nanoseconds, pool, print};
use crate::{
    cli::print::{Output, duration},
    out,
    settings::ConfigFiles,
    wiring::HashPool,
};
use clap::Args;
use serde_json::{Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread::available_parallelism,
    time::Duration,
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use zelos_core::{
    config::GoDuration,
    rng::{Rng, SystemRng},
};

/// What to simulate.
#[derive(Debug, Args)]
pub(in crate::cli) struct LoadTest {
    #[command(flatten)]
    rate: Rate,
    #[command(flatten)]
    cost: Cost,
    #[command(flatten)]
    fixed: Fixed,
    #[command(flatten)]
    output: Output,
}

/// How many, for how long.
#[derive(Debug, Clone, Copy, Args)]
pub(in crate::cli) struct Rate {
    /// Logins a minute.
    #[arg(value_name = "REQUESTS-PER-MINUTE", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(super) per_minute: u32,
    /// How long passwords keep coming.
    #[arg(long, value_name = "DURATION", default_value = "20s")]
    pub(super) sample_time: GoDuration,
}

/// What was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Measured {
    pub(super) total: Duration,
    pub(super) mean: Duration,
    pub(super) deviation: Duration,
    pub(super) least: Duration,
    pub(super) most: Duration,
    pub(super) memory: u64,
}

/// Quirk: what is called the median is the mean, and one heading mixes its letters (cmd/hashers/argon2/loadtest.go).
pub(super) const RESULT_HEADS: [&str; 6] = [
    "TOTAL SAMPLE TIME",
    "MEDIAN REQUEST TIME",
    "STANDARD DEVIATION",
    "MIN REQUEST TIME",
    "MAX REQUEST TIME",
    "MEMOry USED",
];

impl Measured {
    /// Sums up; nobody measured anything if there are no times.
    fn of(times: &[Duration], total: Duration, memory: u64) -> Option<Self> {
        let (least, most) = (times.iter().min()?, times.iter().max()?);
        let count = u32::try_from(times.len()).ok()?;
        let mean = times.iter().sum::<Duration>() / count;
        let squares = times.iter().map(|time| time.abs_diff(mean).as_secs_f64().powi(2)).sum::<f64>();
        let deviation = Duration::from_secs_f64((squares / f64::from(count)).sqrt());
        Some(Self { total, mean, deviation, least: *least, most: *most, memory })
    }

    pub(super) fn columns(&self) -> Vec<String> {
        let times = [self.total, self.mean, self.deviation, self.least, self.most];
        times.into_iter().map(duration).chain([print::bytes(self.memory)]).collect()
    }

    pub(super) fn document(&self) -> Value {
        json!({
            "total_time": nanoseconds(self.total),
            "median_request_time": nanoseconds(self.mean),
            "std_deviation": nanoseconds(self.deviation),
            "min_request_time": nanoseconds(self.least),
            "max_request_time": nanoseconds(self.most),
            "mem_used": self.memory,
        })
    }
}

/// Simulates and tells.
pub(in crate::cli) async fn load_test(files: ConfigFiles, flags: LoadTest) -> Result<(), Failure> {
    let parameters = Parameters::new(&files, &flags.cost)?.with(&flags.fixed);
    if !flags.output.quiet {
        out::error("These parameters are used:");
        flags.output.one(&HEADS, &parameters.columns(), &parameters.document())?;
    }
    let measured = run(&pool()?, parameters, flags.rate, flags.output.quiet).await?;
    flags.output.one(&RESULT_HEADS, &measured.columns(), &measured.document())
}

/// How many are under way, and the most there were.
#[derive(Debug, Default)]
struct UnderWay {
    now: AtomicU64,
    most: AtomicU64,
}

/// One round; fails if the machine does not keep up.
pub(super) async fn run(
    pool: &Arc<HashPool>,
    parameters: Parameters,
    rate: Rate,
    quiet: bool,
) -> Result<Measured, Failure> {
    let sample = *rate.sample_time;
    if !quiet {
        out::error(format_args!("This takes about {}.", duration(sample)));
    }
    let count = (f64::from(rate.per_minute) * sample.as_secs_f64() / 60.0).max(1.0);
    let under_way = Arc::new(UnderWay::default());
    let mut tasks = JoinSet::new();
    let mut left = count;
    while left >= 1.0 {
        left -= 1.0;
        let (pool, under_way) = (Arc::clone(pool), Arc::clone(&under_way));
        let share = u32::from_be_bytes((&SystemRng as &dyn Rng).bytes());
        let wait = sample.mul_f64(f64::from(share) / f64::from(u32::MAX));
        tasks.spawn(async move {
            sleep(wait).await;
            let now = under_way.now.fetch_add(1, Relaxed) + 1;
            under_way.most.fetch_max(now, Relaxed);
            let took = hash_once(&pool, &parameters, "password").await;
            under_way.now.fetch_sub(1, Relaxed);
            took
        });
    }
    let start = Instant::now();
    // A tenth more than it may take.
    let patience = (sample + parameters.expected_duration + parameters.expected_deviation).mul_f64(1.1);
    let mut times = Vec::new();
    loop {
        match timeout(patience.saturating_sub(start.elapsed()), tasks.join_next()).await {
            Ok(Some(Ok(took))) => times.push(took?),
            Ok(Some(Err(_))) => return Err(Failure::new("hashing failed")),
            Ok(None) => break,
            Err(_) => return Err(Failure::new(too_slow(rate, &parameters))),
        }
    }
    let threads = u64::try_from(available_parallelism().map_or(1, usize::from)).unwrap_or(1);
    let memory = under_way.most.load(Relaxed).min(threads).saturating_mul(parameters.memory);
    if memory > parameters.dedicated_memory + parameters.dedicated_memory / 10 {
        return Err(Failure::new(format!(
            "{} of memory are needed and {} were dedicated: dedicate more, or lower hashers.argon2.memory",
            print::bytes(memory),
            print::bytes(parameters.dedicated_memory),
        )));
    }
    Measured::of(&times, start.elapsed(), memory).ok_or_else(|| Failure::new("nothing was measured"))
}

fn too_slow(rate: Rate, parameters: &Parameters) -> String {
    format!(
        "this machine does not keep up with {} logins a minute at {} of memory and {} passes: it needs more cores, or \
         lower hashers.argon2.memory and hashers.argon2.iterations",
        rate.per_minute,
        print::bytes(parameters.memory),
        parameters.iterations,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_summed_up() {
        let times = [2, 4, 4, 4, 5, 5, 7, 9].map(Duration::from_secs);
        let measured = Measured::of(&times, Duration::from_mins(1), 8 << 20).unwrap();
        assert_eq!((measured.mean, measured.deviation), (Duration::from_secs(5), Duration::from_secs(2)));
        assert_eq!((measured.least, measured.most), (Duration::from_secs(2), Duration::from_secs(9)));
        assert_eq!(measured.columns(), ["1m0s", "5s", "2s", "2s", "9s", "8.00MB"]);
        assert_eq!(Measured::of(&[], Duration::ZERO, 0), None);
    }
}
