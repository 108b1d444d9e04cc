//! What a scenario yields, how the rounds of it are put together, and the figures that are read from it.

use std::time::Duration;

use anyhow::Result;

use crate::load::Load;
use crate::process::{self, Subject};

/// One scenario on one server, over one or more rounds. What a scenario does not measure is `None`.
#[derive(Debug, Default)]
pub(crate) struct Measure {
    pub(crate) rounds: u64,
    /// Sorted only when figures are read.
    latencies: Vec<Duration>,
    /// Of the same units for addresses that nobody has.
    unknown: Vec<Duration>,
    /// How often the server waited for its database, for each unit; and for the first one after a start.
    trips: Vec<u64>,
    cold_trips: Vec<u64>,
    pub(crate) failures: u64,
    pub(crate) refusals: u64,
    pub(crate) first_failure: Option<String>,
    wall: Duration,
    cpu_ms: Option<f64>,
    database_cpu_ms: Option<f64>,
    /// Highest resident memory, bytes.
    pub(crate) peak: Option<u64>,
    /// Resident memory at rest, bytes.
    pub(crate) rest: Option<u64>,
    /// Bytes of the program.
    pub(crate) size: Option<u64>,
}

impl Measure {
    pub(crate) fn of(load: Load) -> Self {
        Self {
            rounds: 1,
            latencies: load.latencies,
            failures: load.failures,
            first_failure: load.first_failure,
            wall: load.wall,
            ..Self::default()
        }
    }

    /// Units that were done for addresses that somebody has, and for others.
    pub(crate) fn of_known_and_unknown(known: Load, unknown: Load) -> Self {
        let mut measure = Self::of(known);
        measure.unknown = unknown.latencies;
        measure.failures += unknown.failures;
        measure.first_failure = measure.first_failure.or(unknown.first_failure);
        measure
    }

    /// Adds how often the server waited for its database.
    pub(crate) fn with_round_trips(self, trips: Vec<u64>, cold_trips: Vec<u64>) -> Self {
        Self { trips, cold_trips, ..self }
    }

    /// A scenario that could not be measured.
    pub(crate) fn failed(error: &anyhow::Error) -> Self {
        Self { rounds: 1, failures: 1, first_failure: Some(format!("{error:#}")), ..Self::default() }
    }

    /// Leaves the CPU time out, where units of another kind had their share in it.
    pub(crate) fn forget_cpu(&mut self) {
        (self.cpu_ms, self.database_cpu_ms) = (None, None);
    }

    /// The server's CPU milliseconds for all units, where it was read without a [`Meter`].
    pub(crate) fn set_cpu(&mut self, total_ms: f64) {
        self.cpu_ms = Some(total_ms);
    }

    /// Puts another round to this one: sums of times and units, the larger of two memories.
    pub(crate) fn merge(&mut self, other: Self) {
        let sum = |a: Option<f64>, b: Option<f64>| Some(a? + b?);
        let first = self.rounds == 0;
        self.cpu_ms = if first { other.cpu_ms } else { sum(self.cpu_ms, other.cpu_ms) };
        self.database_cpu_ms =
            if first { other.database_cpu_ms } else { sum(self.database_cpu_ms, other.database_cpu_ms) };
        self.rounds += other.rounds;
        self.latencies.extend(other.latencies);
        self.unknown.extend(other.unknown);
        self.trips.extend(other.trips);
        self.cold_trips.extend(other.cold_trips);
        self.failures += other.failures;
        self.refusals += other.refusals;
        self.first_failure = self.first_failure.take().or(other.first_failure);
        self.wall += other.wall;
        self.peak = self.peak.max(other.peak);
        self.rest = self.rest.max(other.rest);
        self.size = self.size.max(other.size);
    }

    pub(crate) fn units(&self) -> u64 {
        self.latencies.len() as u64
    }

    /// CPU milliseconds of the server for each unit.
    pub(crate) fn cpu(&self) -> Option<f64> {
        self.per_unit(self.cpu_ms)
    }

    /// CPU milliseconds of the database for each unit.
    pub(crate) fn database_cpu(&self) -> Option<f64> {
        self.per_unit(self.database_cpu_ms)
    }

    /// Units a second.
    pub(crate) fn rate(&self) -> Option<f64> {
        (self.units() > 0 && !self.wall.is_zero()).then(|| float(self.units()) / self.wall.as_secs_f64())
    }

    /// Milliseconds that a round took.
    pub(crate) fn round_ms(&self) -> Option<f64> {
        (self.units() > 0).then(|| self.wall.as_secs_f64() * 1000.0 / float(self.rounds))
    }

    /// The latency in milliseconds that `percent` of the units did not exceed.
    pub(crate) fn percentile(&self, percent: usize) -> Option<f64> {
        percentile(&self.latencies, percent)
    }

    /// The median in milliseconds for addresses that nobody has.
    pub(crate) fn unknown(&self) -> Option<f64> {
        percentile(&self.unknown, 50)
    }

    /// The median of the round trips to the database.
    pub(crate) fn round_trips(&self) -> Option<f64> {
        median(&self.trips)
    }

    /// The same for the first unit after a start.
    pub(crate) fn cold_round_trips(&self) -> Option<f64> {
        median(&self.cold_trips)
    }

    fn per_unit(&self, total: Option<f64>) -> Option<f64> {
        total.filter(|_| self.units() > 0).map(|total| total / float(self.units()))
    }
}

fn median(counts: &[u64]) -> Option<f64> {
    let mut sorted = counts.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len().saturating_sub(1) / 2).map(|count| float(*count))
}

fn percentile(latencies: &[Duration], percent: usize) -> Option<f64> {
    let mut sorted = latencies.to_vec();
    sorted.sort_unstable();
    let place = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted.get(place).map(|latency| latency.as_secs_f64() * 1000.0)
}

/// Reads the meters of server and database before and after something.
#[derive(Debug)]
pub(crate) struct Meter<'a> {
    pid: i32,
    database: Option<&'a Subject>,
    server_before: f64,
    database_before: f64,
}

impl<'a> Meter<'a> {
    /// Begins to count, and lets the memory's peak start anew.
    pub(crate) fn start(pid: i32, database: Option<&'a Subject>) -> Result<Self> {
        process::reset_peak(pid)?;
        let database_before = database.map(Subject::cpu_ms).transpose()?.unwrap_or(0.0);
        Ok(Self { pid, database, server_before: Subject::Tree(pid).cpu_ms()?, database_before })
    }

    /// Adds what was used since the start to a measure.
    pub(crate) fn stop(self, measure: &mut Measure) -> Result<()> {
        measure.cpu_ms = Some(Subject::Tree(self.pid).cpu_ms()? - self.server_before);
        measure.database_cpu_ms = match self.database {
            Some(database) => Some(database.cpu_ms()? - self.database_before),
            None => None,
        };
        measure.peak = Some(process::memory(self.pid)?.peak);
        Ok(())
    }
}

/// A count as a number to reckon with; the counts here are far below where that loses anything.
#[expect(clippy::cast_precision_loss, reason = "counts of units, ticks and bytes stay below 2^52")]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measure(latencies: &[u64]) -> Measure {
        let latencies = latencies.iter().map(|ms| Duration::from_millis(*ms)).collect();
        let mut measure = Measure::of(Load { latencies, wall: Duration::from_secs(2), ..Load::default() });
        measure.cpu_ms = Some(6.0);
        measure
    }

    #[test]
    fn rounds_are_put_together() {
        let mut both = Measure::default();
        both.merge(measure(&[1, 2]));
        both.merge(measure(&[3, 4]));
        assert_eq!((both.units(), both.cpu(), both.rate(), both.round_ms()), (4, Some(3.0), Some(1.0), Some(2000.0)));
        both.merge(Measure::failed(&anyhow::anyhow!("no")));
        assert_eq!((both.cpu(), both.failures), (None, 1), "a round without a figure leaves none");
    }

    #[test]
    fn percentiles_are_latencies_that_occurred() {
        let hundred: Vec<u64> = (1..=100).rev().collect();
        assert_eq!(measure(&hundred).percentile(50), Some(50.0));
        assert_eq!(measure(&hundred).percentile(99), Some(99.0));
        assert_eq!(measure(&[7]).percentile(99), Some(7.0));
        assert_eq!(measure(&[]).percentile(50), None);
    }
}
