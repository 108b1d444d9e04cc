//! Numbers about requests for Prometheus: counted with atomics, written out when somebody asks.
//!
//! A series is found by status, method and route *pattern*, never by what a client made up: so there are only so many.

use std::{
    collections::HashMap,
    fmt::Write as _,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use time::OffsetDateTime;

/// Upper bounds of the histogram, in seconds.
const BOUNDS: [f64; 11] = [0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// By status and method, then by route.
type AllSeries = HashMap<(u16, &'static str), HashMap<String, Arc<Series>>>;

/// Every number there is.
#[derive(Debug)]
pub(crate) struct Metrics {
    version: &'static str,
    started_at: OffsetDateTime,
    series: RwLock<AllSeries>,
}

#[derive(Debug, Default)]
struct Series {
    /// How many requests fell into each bucket (not cumulated); the last one holds the slow rest.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    microseconds: AtomicU64,
}

impl Metrics {
    /// Nothing counted yet.
    pub(crate) fn new(version: &'static str, started_at: OffsetDateTime) -> Self {
        Self { version, started_at, series: RwLock::default() }
    }

    /// Counts a request. `endpoint` is the pattern of its route.
    pub(crate) fn count(&self, code: u16, method: &http::Method, endpoint: &str, took: Duration) {
        let series = self.find(code, known(method), endpoint);
        let seconds = took.as_secs_f64();
        let bucket = BOUNDS.iter().position(|bound| seconds <= *bound).unwrap_or(BOUNDS.len());
        series.buckets[bucket].fetch_add(1, Relaxed);
        series.microseconds.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Relaxed);
    }

    fn find(&self, code: u16, method: &'static str, endpoint: &str) -> Arc<Series> {
        let read = self.series.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = read.get(&(code, method)).and_then(|endpoints| endpoints.get(endpoint)) {
            return found.clone();
        }
        drop(read);
        let mut write = self.series.write().unwrap_or_else(PoisonError::into_inner);
        write.entry((code, method)).or_default().entry(endpoint.to_owned()).or_default().clone()
    }

    /// The text for Prometheus.
    pub(crate) fn write(&self) -> String {
        let mut lines = Vec::new();
        for ((code, method), endpoints) in &*self.series.read().unwrap_or_else(PoisonError::into_inner) {
            for (endpoint, series) in endpoints {
                let labels = format!("code=\"{code}\",endpoint=\"{}\",method=\"{method}\"", anonymous(endpoint));
                lines.push((labels, series.clone()));
            }
        }
        lines.sort_by(|(one, _), (other, _)| one.cmp(other));
        let mut text = String::with_capacity(4096);
        head(&mut text, "zelos_build_info", "gauge", "The running version.");
        let _ = writeln!(text, "zelos_build_info{{version=\"{}\"}} 1", self.version);
        head(&mut text, "http_requests_total", "counter", "Requests answered.");
        for (labels, series) in &lines {
            let _ = writeln!(text, "http_requests_total{{{labels}}} {}", series.total());
        }
        head(&mut text, "http_requests_duration_seconds", "histogram", "How long answers took.");
        for (labels, series) in &lines {
            series.write(&mut text, labels);
        }
        self.write_process(&mut text);
        text
    }

    fn write_process(&self, text: &mut String) {
        head(text, "process_start_time_seconds", "gauge", "When the process began, in Unix time.");
        let _ = writeln!(text, "process_start_time_seconds {}", self.started_at.unix_timestamp());
        // Only Linux tells; elsewhere the line is missing.
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
        if let Some(kibibytes) = resident.and_then(|kib| kib.trim().parse::<u64>().ok()) {
            head(text, "process_resident_memory_bytes", "gauge", "Memory in use.");
            let _ = writeln!(text, "process_resident_memory_bytes {}", kibibytes * 1024);
        }
    }
}

impl Series {
    fn total(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.load(Relaxed)).sum()
    }

    fn write(&self, text: &mut String, labels: &str) {
        let name = "http_requests_duration_seconds";
        let mut sum = 0;
        for (bound, bucket) in BOUNDS.iter().zip(&self.buckets) {
            sum += bucket.load(Relaxed);
            let _ = writeln!(text, "{name}_bucket{{{labels},le=\"{bound}\"}} {sum}");
        }
        sum += self.buckets[BOUNDS.len()].load(Relaxed);
        let _ = writeln!(text, "{name}_bucket{{{labels},le=\"+Inf\"}} {sum}");
        let seconds = Duration::from_micros(self.microseconds.load(Relaxed)).as_secs_f64();
        let _ = writeln!(text, "{name}_sum{{{labels}}} {seconds}\n{name}_count{{{labels}}} {sum}");
    }
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn known(method: &http::Method) -> &'static str {
    const KNOWN: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("OTHER")
}

/// The pattern with every variable called the same, as dashboards of the original know it.
fn anonymous(pattern: &str) -> String {
    let parts = pattern.split('/').map(|part| if part.starts_with('{') { "{param}" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_route_and_time() {
        let metrics = Metrics::new("1.2.3", OffsetDateTime::UNIX_EPOCH);
        for took in [Duration::from_micros(900), Duration::from_millis(20), Duration::from_mins(1)] {
            metrics.count(200, &http::Method::GET, "/schemas/{id}", took);
        }
        let odd = http::Method::from_bytes(b"BREW").unwrap();
        metrics.count(405, &odd, "/x", Duration::ZERO);
        let text = metrics.write();
        let labels = "code=\"200\",endpoint=\"/schemas/{param}\",method=\"GET\"";
        for line in [
            format!("http_requests_total{{{labels}}} 3"),
            format!("http_requests_duration_seconds_bucket{{{labels},le=\"0.001\"}} 1"),
            format!("http_requests_duration_seconds_bucket{{{labels},le=\"0.025\"}} 2"),
            format!("http_requests_duration_seconds_bucket{{{labels},le=\"+Inf\"}} 3"),
            format!("http_requests_duration_seconds_sum{{{labels}}} 60.0209"),
            "http_requests_total{code=\"405\",endpoint=\"/x\",method=\"OTHER\"} 1".to_owned(),
            "zelos_build_info{version=\"1.2.3\"} 1".to_owned(),
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
    }
}
