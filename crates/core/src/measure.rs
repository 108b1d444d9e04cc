//! Numbers that operators watch: which there are, and how they are written for Prometheus.
//!
//! All numbers of the house stand in [`Measures`], so that one page says what can be watched; each is counted at one
//! place, where the thing it counts is decided. Its parts are atomics, or a map behind a lock where what is counted is
//! dear anyway: no session check meets one of those.
//!
//! Written by hand: a page of code says all there is to Prometheus' text, and labels are found without a lock or an
//! allocation where it matters, which no crate for it offers.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

/// Upper bounds of histograms of times, in seconds: the usual ones of Prometheus, and finer ones below.
pub const SECONDS: &[f64] = &[0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Upper bounds of histograms of sizes, in bytes.
pub const BYTES: &[f64] = &[100.0, 1_000.0, 10_000.0, 100_000.0, 1_000_000.0];

/// What this process has done so far, HTTP requests and statements apart.
#[derive(Debug)]
pub struct Measures {
    /// What became of requests to flows: kind, method, outcome.
    pub flows: Counters<3>,
    /// Attempts that were refused because a budget was used up, by its name.
    pub exhausted: Counters<1>,
    /// Attempts to deliver a message, by their end.
    pub deliveries: Counters<1>,
    /// Outgoing HTTP requests, by what came back: `2xx` …, or why nothing did.
    pub outbound: Counters<1>,
    pub outbound_time: Histogram,
    /// Passwords that wait for a thread at the moment.
    pub hashes_waiting: Gauge,
    /// How long each waited for one.
    pub hashes_waited: Histogram,
    /// Passwords that were sent away because too many waited.
    pub hashes_refused: Gauge,
    /// What password hashes have cost, in nominal nanoseconds: see `crates/method/src/password/hash/cost.rs`.
    pub hash_work: Gauge,
}

impl Default for Measures {
    fn default() -> Self {
        Self {
            flows: Counters::new(["kind", "method", "outcome"]),
            exhausted: Counters::new(["budget"]),
            deliveries: Counters::new(["end"]),
            outbound: Counters::new(["answer"]),
            outbound_time: Histogram::new(SECONDS),
            hashes_waiting: Gauge::default(),
            hashes_waited: Histogram::new(SECONDS),
            hashes_refused: Gauge::default(),
            hash_work: Gauge::default(),
        }
    }
}

impl Measures {
    /// Writes all of them.
    pub fn write(&self, text: &mut String) {
        self.flows.write(text, "zelos_flows_total", "Requests to flows, by what became of them.");
        let help = "Attempts refused because a budget was used up.";
        self.exhausted.write(text, "zelos_attempts_refused_total", help);
        self.deliveries.write(text, "zelos_courier_attempts_total", "Attempts to deliver a message, by their end.");
        self.outbound.write(text, "zelos_outbound_requests_total", "Outgoing HTTP requests, by what came back.");
        head(text, "zelos_outbound_duration_seconds", "histogram", "How long outgoing HTTP requests took.");
        self.outbound_time.write(text, "zelos_outbound_duration_seconds", "");
        single(
            text,
            "zelos_hash_queue_length",
            "gauge",
            "Passwords that wait for a thread.",
            self.hashes_waiting.get(),
        );
        head(text, "zelos_hash_wait_seconds", "histogram", "How long passwords waited for a thread.");
        self.hashes_waited.write(text, "zelos_hash_wait_seconds", "");
        let help = "Passwords sent away because too many waited.";
        single(text, "zelos_hash_refused_total", "counter", help, self.hashes_refused.get());
        let help = "Nominal cost of the password hashes computed, in milliseconds.";
        single(text, "zelos_hash_work_milliseconds_total", "counter", help, self.hash_work.get() / 1_000_000);
    }
}

/// A number that is set, or only increased.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU64);

impl Gauge {
    /// What it is now.
    pub fn set(&self, value: usize) {
        self.0.store(value as u64, Relaxed);
    }

    /// One more.
    pub fn increase(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    /// So many more.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Relaxed);
    }

    /// The number.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Numbers told apart by labels that we chose, never by what a client made up: so there are only so many.
#[derive(Debug)]
pub struct Counters<const N: usize> {
    labels: [&'static str; N],
    counts: Mutex<BTreeMap<[&'static str; N], u64>>,
}

impl<const N: usize> Counters<N> {
    const fn new(labels: [&'static str; N]) -> Self {
        Self { labels, counts: Mutex::new(BTreeMap::new()) }
    }

    /// One more with these values.
    pub fn count(&self, values: [&'static str; N]) {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner).entry(values).or_default() += 1;
    }

    /// How many had these values.
    pub fn get(&self, values: [&'static str; N]) -> u64 {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).get(&values).copied().unwrap_or_default()
    }

    fn write(&self, text: &mut String, name: &str, help: &str) {
        head(text, name, "counter", help);
        for (values, count) in &*self.counts.lock().unwrap_or_else(PoisonError::into_inner) {
            let labels: Vec<String> =
                self.labels.iter().zip(values).map(|(label, value)| format!("{label}=\"{value}\"")).collect();
            let _ = writeln!(text, "{name}{{{}}} {count}", labels.join(","));
        }
    }
}

/// How often something took how much.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [f64],
    /// How many fell below each bound and not below the one before; the last one holds what is above all.
    buckets: Box<[AtomicU64]>,
    /// In millionths.
    sum: AtomicU64,
}

impl Histogram {
    /// Nothing seen yet. The bounds increase.
    pub fn new(bounds: &'static [f64]) -> Self {
        Self { bounds, buckets: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(), sum: AtomicU64::new(0) }
    }

    /// It took so long.
    pub fn time(&self, took: Duration) {
        self.observe(took.as_secs_f64(), u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }

    /// It was so large.
    pub fn size(&self, bytes: u64) {
        #[expect(clippy::cast_precision_loss, reason = "the bounds are far apart")]
        self.observe(bytes as f64, bytes.saturating_mul(1_000_000));
    }

    fn observe(&self, value: f64, millionths: u64) {
        let bucket = self.bounds.iter().position(|bound| value <= *bound).unwrap_or(self.bounds.len());
        if let Some(bucket) = self.buckets.get(bucket) {
            bucket.fetch_add(1, Relaxed);
        }
        self.sum.fetch_add(millionths, Relaxed);
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.load(Relaxed)).sum()
    }

    /// Adds what another one with the same bounds has seen.
    pub fn add(&self, other: &Self) {
        for (bucket, more) in self.buckets.iter().zip(&other.buckets) {
            bucket.fetch_add(more.load(Relaxed), Relaxed);
        }
        self.sum.fetch_add(other.sum.load(Relaxed), Relaxed);
    }

    /// Writes its lines; `labels` stand before the bound, without braces.
    pub fn write(&self, text: &mut String, name: &str, labels: &str) {
        let comma = if labels.is_empty() { "" } else { "," };
        let mut total = 0;
        for (bound, bucket) in self.bounds.iter().zip(&self.buckets) {
            total += bucket.load(Relaxed);
            let _ = writeln!(text, "{name}_bucket{{{labels}{comma}le=\"{bound}\"}} {total}");
        }
        total += self.buckets.last().map_or(0, |bucket| bucket.load(Relaxed));
        let _ = writeln!(text, "{name}_bucket{{{labels}{comma}le=\"+Inf\"}} {total}");
        let sum = Duration::from_micros(self.sum.load(Relaxed)).as_secs_f64();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
        let _ = writeln!(text, "{name}_sum{labels} {sum}\n{name}_count{labels} {total}");
    }
}

/// What stands above the lines of a number.
pub fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

/// A number without labels.
pub fn single(text: &mut String, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
    head(text, name, kind, help);
    let _ = writeln!(text, "{name} {value}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_written_by_their_labels() {
        let measures = Measures::default();
        measures.flows.count(["login", "password", "completed"]);
        measures.flows.count(["login", "password", "completed"]);
        measures.deliveries.count(["again"]);
        measures.hashes_waiting.set(3);
        let mut text = String::new();
        measures.write(&mut text);
        for line in [
            "# TYPE zelos_flows_total counter",
            "zelos_flows_total{kind=\"login\",method=\"password\",outcome=\"completed\"} 2",
            "zelos_courier_attempts_total{end=\"again\"} 1",
            "zelos_hash_queue_length 3",
            "zelos_hash_wait_seconds_bucket{le=\"+Inf\"} 0",
            "zelos_hash_wait_seconds_count 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
    }

    #[test]
    fn histograms_cumulate() {
        let histogram = Histogram::new(SECONDS);
        for took in [Duration::from_micros(900), Duration::from_millis(20), Duration::from_mins(1)] {
            histogram.time(took);
        }
        let both = Histogram::new(SECONDS);
        both.add(&histogram);
        both.add(&histogram);
        let mut text = String::new();
        both.write(&mut text, "x", "a=\"b\"");
        for line in [
            "x_bucket{a=\"b\",le=\"0.0005\"} 0",
            "x_bucket{a=\"b\",le=\"0.001\"} 2",
            "x_bucket{a=\"b\",le=\"0.025\"} 4",
            "x_bucket{a=\"b\",le=\"10\"} 4",
            "x_bucket{a=\"b\",le=\"+Inf\"} 6",
            "x_sum{a=\"b\"} 120.0418",
            "x_count{a=\"b\"} 6",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
        let sizes = Histogram::new(BYTES);
        sizes.size(100);
        sizes.size(1_000_001);
        text.clear();
        sizes.write(&mut text, "y", "");
        assert!(text.starts_with("y_bucket{le=\"100\"} 1\n") && text.ends_with("y_sum 1000101\ny_count 2\n"), "{text}");
    }
}
