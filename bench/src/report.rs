//! The results as tables and as JSON.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::measure::{Measure, float};
use crate::options::Options;
use crate::scenario::Scenario;
use crate::target::{Figure, compared, targets};

/// Everything measured: by scenario, then by DSN and server in the order of the command line.
pub(crate) type Results = BTreeMap<Key, Measure>;

/// What a measure is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) scenario: Scenario,
    pub(crate) dsn: usize,
    pub(crate) server: usize,
}

/// bcrypt's work grows with 2 × 2^cost key expansions and one more: 33 at cost 4, 2049 at cost 10.
const HASH_SHARE: f64 = 33.0 / (2049.0 - 33.0);
/// CPU milliseconds of a hash at cost 4 where the run does not tell.
const HASH_MS: f64 = 0.7;

/// Results and what they were asked with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Report<'a> {
    pub(crate) options: &'a Options,
    pub(crate) results: &'a Results,
}

impl Report<'_> {
    /// The tables: figures, targets, ratios, failures. Those without a row are left out.
    pub(crate) fn tables(&self) -> String {
        let parts = [self.figures(), self.targets(), self.ratios(), self.failures()];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
    }

    /// The same figures for a program to read.
    pub(crate) fn json(&self) -> Value {
        let all = [
            ("cpu_ms", Figure::Cpu),
            ("net_cpu_ms", Figure::NetCpu),
            ("cpu_with_database_ms", Figure::CpuWithDatabase),
            ("units_per_second", Figure::Rate),
            ("p50_ms", Figure::P50),
            ("p50_unknown_ms", Figure::P50Unknown),
            ("p50_known_to_unknown", Figure::Telling),
            ("round_trips", Figure::RoundTrips),
            ("cold_round_trips", Figure::ColdRoundTrips),
            ("p99_ms", Figure::P99),
            ("round_ms", Figure::Round),
            ("peak_mb", Figure::Peak),
            ("memory_mb", Figure::Rest),
            ("program_mb", Figure::Size),
        ];
        let rows = self.results.iter().map(|(key, measure)| {
            let mut row = json!({
                "scenario": key.scenario.name(),
                "database": scheme(&self.options.dsns[key.dsn]),
                "server": self.options.servers[key.server].name,
                "rounds": measure.rounds,
                "units": measure.units(),
                "failures": measure.failures,
                "refusals": measure.refusals,
                "database_cpu_ms": measure.database_cpu(),
            });
            for (name, figure) in all {
                row[name] = json!(self.figure(*key, figure));
            }
            row
        });
        Value::Array(rows.collect())
    }

    fn figures(&self) -> String {
        let heads = [
            "scenario",
            "database",
            "server",
            "units",
            "cpu ms",
            "net",
            "db ms",
            "units/s",
            "p50 ms",
            "unknown",
            "p99 ms",
            "round ms",
            "peak MB",
            "memory MB",
            "trips",
            "cold",
        ];
        let row = |(key, measure): (&Key, &Measure)| {
            let mut row = self.head(*key);
            row.push(measure.units().to_string());
            row.push(cell(self.figure(*key, Figure::Cpu)));
            row.push(cell(self.figure(*key, Figure::NetCpu)));
            row.push(cell(measure.database_cpu()));
            let p50 = [Figure::Rate, Figure::P50, Figure::P50Unknown];
            let rest =
                [Figure::P99, Figure::Round, Figure::Peak, Figure::Rest, Figure::RoundTrips, Figure::ColdRoundTrips];
            for figure in p50.into_iter().chain(rest) {
                row.push(cell(self.figure(*key, figure)));
            }
            row
        };
        table(&heads, 3, self.results.iter().map(row).collect())
    }

    fn targets(&self) -> String {
        let mut rows = Vec::new();
        for key in self.results.keys() {
            for (figure, limit) in targets(key.scenario, scheme(&self.options.dsns[key.dsn])) {
                let value = self.figure(*key, *figure);
                let verdict = value.map_or("not measured", |value| match figure.grows() {
                    true if value < *limit => "below",
                    false if value > *limit => "above",
                    _ => "met",
                });
                let mut row = self.head(*key);
                row.extend([figure.name().to_owned(), verdict.to_owned(), cell(value), cell(Some(*limit))]);
                rows.push(row);
            }
        }
        table(&["scenario", "database", "server", "figure", "target", "is", "limit"], 5, rows)
    }

    fn ratios(&self) -> String {
        let mut rows = Vec::new();
        for key in self.results.keys().filter(|key| key.server > 0) {
            let first = Key { server: 0, ..*key };
            for figure in compared(key.scenario) {
                let (Some(other), Some(own)) = (self.figure(*key, *figure), self.figure(first, *figure)) else {
                    continue;
                };
                let factor = if figure.grows() { own / other } else { other / own };
                if factor.is_finite() {
                    let mut row = self.head(*key);
                    row.extend([figure.name().to_owned(), cell(Some(own)), cell(Some(other)), format!("{factor:.1}×")]);
                    rows.push(row);
                }
            }
        }
        let first = self.options.servers.first().map_or("", |server| server.name.as_str());
        let better = format!("{first} better by");
        table(&["scenario", "database", "against", "figure", first, "other", &better], 4, rows)
    }

    fn failures(&self) -> String {
        let mut rows = Vec::new();
        for (key, measure) in self.results {
            if measure.failures > 0 || measure.refusals > 0 {
                let mut row = self.head(*key);
                let reason = measure.first_failure.clone().unwrap_or_default().replace('\n', " | ");
                row.extend([reason, measure.failures.to_string(), measure.refusals.to_string()]);
                rows.push(row);
            }
        }
        table(&["scenario", "database", "server", "first failure", "failures", "429s"], 4, rows)
    }

    fn head(&self, key: Key) -> Vec<String> {
        let database = scheme(&self.options.dsns[key.dsn]).to_owned();
        vec![key.scenario.name(), database, self.options.servers[key.server].name.clone()]
    }

    fn figure(&self, key: Key, figure: Figure) -> Option<f64> {
        let measure = self.results.get(&key)?;
        let megabytes = |bytes: Option<u64>| bytes.map(|bytes| float(bytes) / 1e6);
        match figure {
            Figure::Cpu => measure.cpu(),
            Figure::NetCpu if key.scenario.hashes_once() => Some(measure.cpu()? - self.hash_ms(key)),
            Figure::NetCpu => None,
            Figure::CpuWithDatabase => Some(measure.cpu()? + measure.database_cpu()?),
            Figure::TimesHello => {
                let hello = self.results.get(&Key { scenario: Scenario::Hello, ..key })?.cpu()?;
                (hello > 0.0).then_some(measure.cpu()? / hello)
            }
            Figure::Rate => measure.rate(),
            Figure::P50 => measure.percentile(50),
            Figure::P50Unknown => measure.unknown(),
            Figure::Telling => {
                let (known, unknown) = (measure.percentile(50)?, measure.unknown()?);
                Some((known / unknown).max(unknown / known))
            }
            Figure::RoundTrips => measure.round_trips(),
            Figure::ColdRoundTrips => measure.cold_round_trips(),
            Figure::P99 => measure.percentile(99),
            Figure::Round => measure.round_ms(),
            Figure::Peak => megabytes(measure.peak),
            Figure::Rest => megabytes(measure.rest),
            Figure::Size => megabytes(measure.size),
        }
    }

    /// What a hash at cost 4 costs this server: given, or told by the same login at cost 10, or assumed.
    fn hash_ms(&self, key: Key) -> f64 {
        let cpu = |scenario| self.results.get(&Key { scenario, ..key })?.cpu();
        let told = || Some((cpu(Scenario::Hash)? - cpu(Scenario::LoginApi)?) * HASH_SHARE);
        self.options.hash_ms.or_else(told).unwrap_or(HASH_MS)
    }
}

/// The part of a DSN that says which database it is.
pub(crate) fn scheme(dsn: &str) -> &str {
    dsn.split(':').next().unwrap_or(dsn)
}

fn cell(value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(value) if value.abs() >= 100.0 => format!("{value:.0}"),
        Some(value) if value.abs() >= 10.0 => format!("{value:.1}"),
        Some(value) if value.abs() >= 1.0 => format!("{value:.2}"),
        Some(value) => format!("{value:.3}"),
    }
}

/// Columns of equal width, the first `left` of them flush left; nothing if there are no rows.
fn table(heads: &[&str], left: usize, rows: Vec<Vec<String>>) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut lines = vec![heads.iter().map(|head| (*head).to_owned()).collect::<Vec<_>>()];
    lines.extend(rows);
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let mut text = String::new();
    for line in &lines {
        let cells: Vec<String> = line
            .iter()
            .zip(&widths)
            .enumerate()
            .map(
                |(column, (cell, width))| {
                    if column < left { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
                },
            )
            .collect();
        text += cells.join("  ").trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_line_up() {
        let rows = vec![vec!["a".to_owned(), "1".to_owned()], vec!["bcd".to_owned(), "10.5".to_owned()]];
        assert_eq!(table(&["x", "ms"], 1, rows), "x      ms\na       1\nbcd  10.5\n");
        assert_eq!(table(&["x"], 1, Vec::new()), "");
    }

    #[test]
    fn numbers_keep_three_digits() {
        let cells: Vec<String> = [0.0456, 1.234, 12.34, 1234.5].into_iter().map(|n| cell(Some(n))).collect();
        assert_eq!(cells, ["0.046", "1.23", "12.3", "1234"]);
    }

    #[test]
    fn the_hash_is_taken_out_of_a_login() {
        let options = clap::Parser::parse_from(["zelos-bench", "--server", "a=b"]);
        let mut results = Results::new();
        let key = |scenario| Key { scenario, dsn: 0, server: 0 };
        for (scenario, cpu) in [(Scenario::LoginApi, 1.3), (Scenario::Hash, 1.3 + 42.0)] {
            let latencies = vec![std::time::Duration::from_millis(1)];
            let mut measure = Measure::of(crate::load::Load { latencies, ..Default::default() });
            measure.set_cpu(cpu);
            results.insert(key(scenario), measure);
        }
        let report = Report { options: &options, results: &results };
        let net = report.figure(key(Scenario::LoginApi), Figure::NetCpu).unwrap();
        assert!((net - (1.3 - 42.0 * 33.0 / 2016.0)).abs() < 1e-9, "{net}");
        assert_eq!(report.figure(key(Scenario::Hash), Figure::NetCpu), None);
    }
}
