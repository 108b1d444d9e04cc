//! Numbers about requests for Prometheus, and the page with all numbers of this process.
//!
//! A series is found by status, method and route *pattern*, never by what a client made up: so there are only so many.
//! Looking one up takes no lock and no memory; a new one replaces the whole map, which soon does not happen any more.
//! The original counts some things by other labels: those are summed up from the same series when they are written.

use arc_swap::ArcSwap;
use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write as _,
    sync::Arc,
    time::Duration,
};
use time::OffsetDateTime;
use zelos_core::measure::{BYTES, Histogram, SECONDS, head, single};
use zelos_flow::Engine;
use zelos_store::messages;

/// So long the database may take to tell of the outbox before the page goes without it.
const PATIENCE: Duration = Duration::from_secs(2);

/// By status and method, then by route.
type AllSeries = HashMap<(u16, &'static str), HashMap<String, Arc<Series>>>;

/// The numbers about requests.
#[derive(Debug)]
pub(crate) struct Metrics {
    version: &'static str,
    started_at: OffsetDateTime,
    series: ArcSwap<AllSeries>,
}

#[derive(Debug)]
struct Series {
    time: Histogram,
    request: Histogram,
    response: Histogram,
}

impl Series {
    fn new() -> Self {
        Self { time: Histogram::new(SECONDS), request: Histogram::new(BYTES), response: Histogram::new(BYTES) }
    }
}

/// A request that was answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answered<'a> {
    pub(crate) code: u16,
    pub(crate) method: &'a http::Method,
    /// The pattern of its route.
    pub(crate) endpoint: &'a str,
    pub(crate) took: Duration,
    /// In bytes, about.
    pub(crate) asked: u64,
    /// In bytes, without headers.
    pub(crate) answered: u64,
}

impl Metrics {
    /// Nothing counted yet.
    pub(crate) fn new(version: &'static str, started_at: OffsetDateTime) -> Self {
        Self { version, started_at, series: ArcSwap::default() }
    }

    /// Counts a request.
    pub(crate) fn count(&self, answered: &Answered<'_>) {
        let key = (answered.code, known(answered.method));
        let all = self.series.load();
        if let Some(series) = all.get(&key).and_then(|endpoints| endpoints.get(answered.endpoint)) {
            return series.count(answered);
        }
        let fresh = Arc::new(Series::new());
        self.series.rcu(|all| {
            let mut all = AllSeries::clone(all);
            all.entry(key).or_default().entry(answered.endpoint.to_owned()).or_insert_with(|| Arc::clone(&fresh));
            all
        });
        if let Some(series) = self.series.load().get(&key).and_then(|endpoints| endpoints.get(answered.endpoint)) {
            series.count(answered);
        }
    }

    /// The text for Prometheus: requests, what else this process did, and how its surroundings are.
    pub(crate) async fn write(&self, engine: &Engine) -> String {
        let mut text = String::with_capacity(1 << 14);
        head(&mut text, "zelos_build_info", "gauge", "The running version.");
        let _ = writeln!(text, "zelos_build_info{{version=\"{}\"}} 1", self.version);
        self.write_requests(&mut text);
        engine.measures.write(&mut text);
        write_database(&mut text, engine);
        let queue = tokio::time::timeout(PATIENCE, messages::queue(&engine.store)).await;
        if let Ok(Ok(queue)) = queue {
            write_queue(&mut text, &queue, engine.clock.now());
        }
        self.write_process(&mut text);
        text
    }

    fn write_requests(&self, text: &mut String) {
        // Quirk: every number about requests says `app="kratos"`, and most spell methods in lower case
        // (oryx/prometheusx, promhttp).
        let ours = format!("app=\"kratos\",buildTime=\"undefined\",hash=\"undefined\",version=\"{}\"", self.version);
        let mut by_route = BTreeMap::new();
        let (mut by_status, mut buckets) = (BTreeMap::new(), BTreeMap::new());
        let mut by_endpoint = BTreeMap::new();
        for ((code, method), endpoints) in &**self.series.load() {
            let (lower, bucket) = (method.to_ascii_lowercase(), code / 100);
            for (endpoint, series) in endpoints {
                let endpoint = anonymous(endpoint);
                let both = format!("{ours},code=\"{code}\",method=\"{lower}\"");
                *buckets.entry((*method, bucket)).or_insert(0) += series.time.count();
                let own: &mut Histogram =
                    by_endpoint.entry(endpoint.clone()).or_insert_with(|| Histogram::new(SECONDS));
                own.add(&series.time);
                let sizes: &mut (Histogram, Histogram) =
                    by_status.entry(both.clone()).or_insert_with(|| (Histogram::new(BYTES), Histogram::new(BYTES)));
                sizes.0.add(&series.request);
                sizes.1.add(&series.response);
                // Two patterns may look the same without the names of their variables.
                let times: &mut Histogram = by_route
                    .entry(format!("{both},endpoint=\"{endpoint}\""))
                    .or_insert_with(|| Histogram::new(SECONDS));
                times.add(&series.time);
            }
        }
        head(text, "http_requests_total", "counter", "Requests answered.");
        for (labels, times) in &by_route {
            let _ = writeln!(text, "http_requests_total{{{labels}}} {}", times.count());
        }
        let lines = by_route.iter().map(|(labels, times)| (labels.as_str(), times));
        histograms(text, "http_requests_duration_seconds", "How long answers took.", lines);
        head(text, "http_requests_statuses_total", "counter", "Requests answered, by hundreds of statuses.");
        for ((method, bucket), count) in buckets {
            let labels = format!("{ours},method=\"{method}\",status_bucket=\"{bucket}xx\"");
            let _ = writeln!(text, "http_requests_statuses_total{{{labels}}} {count}");
        }
        let endpoints: Vec<_> = by_endpoint
            .into_iter()
            .map(|(endpoint, times)| (format!("{ours},endpoint=\"{endpoint}\""), times))
            .collect();
        let lines = endpoints.iter().map(|(labels, times)| (labels.as_str(), times));
        histograms(text, "http_response_time_seconds", "How long answers took.", lines);
        let lines = by_status.iter().map(|(labels, (request, _))| (labels.as_str(), request));
        histograms(text, "http_requests_size_bytes", "How large requests were, about.", lines);
        let lines = by_status.iter().map(|(labels, (_, response))| (labels.as_str(), response));
        histograms(text, "http_response_size_bytes", "How large answers were.", lines);
    }

    fn write_process(&self, text: &mut String) {
        let help = "When the process began, in Unix time.";
        single(text, "process_start_time_seconds", "gauge", help, self.started_at.unix_timestamp());
        // Only Linux tells the rest; elsewhere the lines are missing.
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        for (name, line, help) in [
            ("process_resident_memory_bytes", "VmRSS:", "Memory in use."),
            ("process_virtual_memory_bytes", "VmSize:", "Memory reserved."),
        ] {
            let found = status.lines().find_map(|found| found.strip_prefix(line)?.trim().strip_suffix(" kB"));
            if let Some(kibibytes) = found.and_then(|kib| kib.trim().parse::<u64>().ok()) {
                single(text, name, "gauge", help, kibibytes * 1024);
            }
        }
        if let Some(seconds) = std::fs::read_to_string("/proc/self/stat").ok().and_then(|stat| cpu_seconds(&stat)) {
            single(text, "process_cpu_seconds_total", "counter", "Time spent computing.", seconds);
        }
        if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
            single(text, "process_open_fds", "gauge", "Open files and connections.", open.count());
        }
        let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
        let most = limits.lines().find_map(|line| line.strip_prefix("Max open files")?.split_whitespace().next());
        if let Some(most) = most.and_then(|most| most.parse::<u64>().ok()) {
            single(text, "process_max_fds", "gauge", "How many there may be.", most);
        }
    }
}

impl Series {
    fn count(&self, answered: &Answered<'_>) {
        self.time.time(answered.took);
        self.request.size(answered.asked);
        self.response.size(answered.answered);
    }
}

/// About how large a request is: its line, its headers, and what it says of its body.
pub(crate) fn size(method: &http::Method, uri: &Uri, headers: &HeaderMap) -> u64 {
    let of_header = |(name, value): (&HeaderName, &HeaderValue)| name.as_str().len() + value.len();
    let tail = uri.path_and_query().map_or(1, |tail| tail.as_str().len());
    let head = method.as_str().len() + tail + headers.iter().map(of_header).sum::<usize>();
    let body = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    (head as u64).saturating_add(body.unwrap_or_default())
}

fn write_database(text: &mut String, engine: &Engine) {
    let trace = engine.store.trace();
    let help = "How long statements that read, and batches that write, took.";
    let times = [("operation=\"commit\"", &trace.commits), ("operation=\"read\"", &trace.reads)];
    histograms(text, "zelos_database_duration_seconds", help, times.into_iter());
    if let Some(connections) = engine.store.connections() {
        let name = "zelos_database_connections";
        head(text, name, "gauge", "Connections to the database.");
        let _ = writeln!(text, "{name}{{state=\"in_use\"}} {}", connections.in_use);
        let _ = writeln!(text, "{name}{{state=\"idle\"}} {}", connections.idle);
        single(text, "zelos_database_connections_max", "gauge", "How many there may be.", connections.most);
    }
}

fn write_queue(text: &mut String, queue: &messages::Queue, now: OffsetDateTime) {
    single(text, "zelos_courier_queue_length", "gauge", "Messages on their way.", queue.length);
    let lag = queue.oldest.map_or(0.0, |due_at| (now - due_at).as_seconds_f64().max(0.0));
    single(text, "zelos_courier_lag_seconds", "gauge", "For how long the oldest message has been due.", lag);
}

fn histograms<'a>(text: &mut String, name: &str, help: &str, lines: impl Iterator<Item = (&'a str, &'a Histogram)>) {
    head(text, name, "histogram", help);
    lines.for_each(|(labels, histogram)| histogram.write(text, name, labels));
}

/// Of `/proc/self/stat`: the time in user mode and in the kernel, which Linux tells in hundredths of a second.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<u32>().ok();
    Some(f64::from(next()?.saturating_add(next()?)) / 100.0)
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
        let (get, odd) = (http::Method::GET, http::Method::from_bytes(b"BREW").unwrap());
        let quick = Answered {
            code: 200,
            method: &get,
            endpoint: "/schemas/{id}",
            took: Duration::from_micros(900),
            asked: 90,
            answered: 5000,
        };
        metrics.count(&quick);
        metrics.count(&Answered { took: Duration::from_millis(20), ..quick });
        metrics.count(&Answered { took: Duration::from_mins(1), ..quick });
        metrics.count(&Answered { code: 404, endpoint: "/schemas/{name}", ..quick });
        metrics.count(&Answered { code: 405, method: &odd, endpoint: "/x", ..quick });
        let mut text = String::new();
        metrics.write_requests(&mut text);
        let ours = "app=\"kratos\",buildTime=\"undefined\",hash=\"undefined\",version=\"1.2.3\"";
        let both = format!("{ours},code=\"200\",method=\"get\"");
        let labels = format!("{both},endpoint=\"/schemas/{{param}}\"");
        for line in [
            format!("http_requests_total{{{labels}}} 3"),
            format!("http_requests_duration_seconds_bucket{{{labels},le=\"0.001\"}} 1"),
            format!("http_requests_duration_seconds_bucket{{{labels},le=\"0.025\"}} 2"),
            format!("http_requests_duration_seconds_bucket{{{labels},le=\"+Inf\"}} 3"),
            format!("http_requests_duration_seconds_sum{{{labels}}} 60.0209"),
            format!("http_requests_total{{{ours},code=\"405\",method=\"other\",endpoint=\"/x\"}} 1"),
            format!("http_requests_statuses_total{{{ours},method=\"GET\",status_bucket=\"4xx\"}} 1"),
            format!("http_response_time_seconds_count{{{ours},endpoint=\"/schemas/{{param}}\"}} 4"),
            format!("http_requests_size_bytes_bucket{{{both},le=\"100\"}} 3"),
            format!("http_response_size_bytes_sum{{{both}}} 15000"),
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
    }

    #[test]
    fn time_spent_is_read_past_odd_names() {
        let stat = "1 (a) b) S 0 0 0 0 0 0 0 0 0 0 150 75 0 0";
        assert_eq!(cpu_seconds(stat), Some(2.25));
        assert_eq!(cpu_seconds(""), None);
    }
}
