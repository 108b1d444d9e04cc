//! Tables for the policy, and a server of leaks that is none.

use super::*;
use async_trait::async_trait;
use std::sync::atomic::{AtomicUsize, Ordering};
use zelos_core::{
    clock::FixedClock,
    outbound::{OutboundError, OutboundResponse},
    rng::SeededRng,
};

/// SHA-1 of "password": `5BAA6` and this.
const REST: &str = "1E4C9B93F3F0682250B6CF8331B7EE68FD8";

struct Leaks {
    answer: Result<(u16, String), OutboundError>,
    asked: AtomicUsize,
}

#[async_trait]
impl Outbound for Leaks {
    async fn send(&self, request: OutboundRequest) -> Result<OutboundResponse, OutboundError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        assert_eq!(request.headers["add-padding"], "true");
        assert_eq!(request.timeout, Duration::from_secs(1));
        assert!(request.url.as_str().starts_with("https://leaks.test/range/"), "{}", request.url);
        assert_eq!(request.url.path().len(), "/range/5BAA6".len());
        let (status, body) = self.answer.clone()?;
        let status = http::StatusCode::from_u16(status).expect("a status");
        Ok(OutboundResponse { status, headers: http::HeaderMap::new(), body: body.into() })
    }
}

struct Case {
    config: PasswordConfig,
    max_length: Option<usize>,
    leaks: Leaks,
    clock: FixedClock,
    breaches: BreachCache,
}

impl Case {
    fn new(status: u16, body: &str) -> Self {
        Self {
            config: PasswordConfig { haveibeenpwned_host: "leaks.test".to_owned(), ..PasswordConfig::default() },
            max_length: Some(72),
            leaks: Leaks { answer: Ok((status, body.to_owned())), asked: AtomicUsize::new(0) },
            clock: FixedClock::new(OffsetDateTime::UNIX_EPOCH),
            breaches: BreachCache::new(&SeededRng::new(1)),
        }
    }

    async fn judge(&self, password: &str, identifiers: &[&str]) -> Result<Verdict, BreachError> {
        let Self { config, max_length, leaks, clock, breaches } = self;
        Policy { config, max_length: *max_length, breaches, outbound: leaks, clock }.judge(password, identifiers).await
    }

    fn asked(&self) -> usize {
        self.leaks.asked.load(Ordering::Relaxed)
    }
}

#[tokio::test]
async fn lengths_are_those_of_bytes() {
    let mut case = Case::new(200, "");
    for (length, verdict) in [
        (7, Verdict::TooShort { min_length: 8, actual_length: 7 }),
        (8, Verdict::Fine),
        (72, Verdict::Fine),
        (73, Verdict::TooLong { max_length: 72, actual_length: 73 }),
        (4 << 20, Verdict::TooLong { max_length: 72, actual_length: 4 << 20 }),
    ] {
        assert_eq!(case.judge(&"x".repeat(length), &["name"]).await, Ok(verdict));
    }
    assert_eq!(case.judge("éééé", &[]).await, Ok(Verdict::Fine));
    case.max_length = None;
    assert_eq!(case.judge(&"x".repeat(73), &["name"]).await, Ok(Verdict::Fine));
}

#[tokio::test]
async fn every_name_counts_unless_switched_off() {
    let mut case = Case::new(200, "");
    assert_eq!(case.judge("hunter2000", &["somebody@example.org", "hunter2"]).await, Ok(Verdict::TooSimilar));
    assert_eq!(case.judge("hunter2000", &["somebody@example.org"]).await, Ok(Verdict::Fine));
    case.config.identifier_similarity_check_enabled = false;
    assert_eq!(case.judge("hunter2000", &["hunter2"]).await, Ok(Verdict::Fine));
}

#[test]
fn similarity_has_edges() {
    for (name, password, similar) in [
        ("", "password", false),
        ("hunter2", "HUNTER2!!!", true),
        ("abcdefgh", "abcd1234", true),
        ("abcdefghijklm", "abcd90123456", false),
        ("abcdefghijklm", "abcdef123456", false),
        ("abcdefghijklm", "abcdefg23456", true),
        ("ab", "abxyzuvw", false),
        ("abc", "abcxyzu", true),
        ("ähnlichkeit", "ÄHNLICHKEIT", true),
    ] {
        assert_eq!(too_similar(name, password), similar, "{name} {password}");
    }
    let long = "a".repeat(256);
    assert!(too_similar(&long, &long));
    assert!(!too_similar(&(long.clone() + "a"), &long));
    assert!(!too_similar(&long, &(long.clone() + "a")));
    // Two bytes that are three in lower case.
    assert!(!too_similar(&"Ⱥ".repeat(128), &"Ⱥ".repeat(128)));
}

#[test]
fn edits_are_counted_in_characters() {
    for (one, other, count) in
        [("", "", 0), ("kitten", "sitting", 3), ("abc", "", 3), ("äöü", "aou", 3), ("flaw", "lawn", 2)]
    {
        assert_eq!(edits(one, other), count, "{one} {other}");
        assert_eq!(edits(other, one), count, "{other} {one}");
    }
}

#[test]
fn common_parts_end_at_wide_characters() {
    for (one, other, length) in [
        ("abcdef", "xbcdy", 3),
        ("", "a", 0),
        ("abc", "abc", 3),
        ("äbc", "äbc", 2),
        ("abäcd", "abäcd", 3),
        ("ää", "ää", 1),
    ] {
        assert_eq!(longest_common_part(one, other), length, "{one} {other}");
    }
}

#[tokio::test]
async fn leaks_are_counted() {
    for (body, verdict) in [
        (String::new(), Ok(Verdict::Fine)),
        (
            format!("0000000000000000000000000000000000A:4\r\n{REST}:1,234\r\n"),
            Ok(Verdict::Breached { breaches: 1234 }),
        ),
        (format!("{REST}\n"), Ok(Verdict::Breached { breaches: 1 })),
        (format!("{REST}:0\n"), Ok(Verdict::Fine)),
        (format!("{REST}:many\n"), Err(BreachError::Garbled)),
        ("1E4C9B:3\n".to_owned(), Ok(Verdict::Fine)),
    ] {
        assert_eq!(Case::new(200, &body).judge("password", &[]).await, verdict, "{body}");
    }
    let mut case = Case::new(200, &format!("{REST}:5\n"));
    case.config.max_breaches = 5;
    assert_eq!(case.judge("password", &[]).await, Ok(Verdict::Fine));
    case.config.max_breaches = 4;
    assert_eq!(case.judge("password", &[]).await, Ok(Verdict::Breached { breaches: 5 }));
    case.config.haveibeenpwned_enabled = false;
    assert_eq!(case.judge("password", &[]).await, Ok(Verdict::Fine));
}

#[tokio::test]
async fn network_errors_count_unless_ignored() {
    for (answer, error) in [
        (Err(OutboundError::Timeout), BreachError::Unreachable("no answer in time".to_owned())),
        (Ok((503, String::new())), BreachError::Status(503)),
    ] {
        let mut case = Case::new(200, "");
        case.leaks.answer = answer;
        case.config.ignore_network_errors = false;
        assert_eq!(case.judge("password", &[]).await, Err(error));
        case.config.ignore_network_errors = true;
        assert_eq!(case.judge("password", &[]).await, Ok(Verdict::Fine));
        assert_eq!(case.asked(), 2, "an answer that was none is not kept");
    }
    let mut case = Case::new(200, "x:y");
    case.config.ignore_network_errors = true;
    assert_eq!(case.judge("password", &[]).await, Err(BreachError::Garbled));
}

#[tokio::test]
async fn answers_are_kept_for_an_hour() {
    let case = Case::new(200, &format!("{REST}:7\n"));
    for (advance, asked) in [(0, 1), (3599, 1), (1, 2), (1, 2)] {
        case.clock.advance(Duration::from_secs(advance));
        assert_eq!(case.judge("password", &[]).await, Ok(Verdict::Breached { breaches: 7 }));
        assert_eq!(case.asked(), asked);
    }
    assert_eq!(case.judge("another one", &[]).await, Ok(Verdict::Fine));
    assert_eq!(case.asked(), 3);
}

#[test]
fn the_cache_is_bounded() {
    let cache = BreachCache::new(&SeededRng::new(1));
    let now = OffsetDateTime::UNIX_EPOCH;
    let key = |number: usize| cache.key(&number.to_be_bytes());
    for number in 0..=MOST_CACHED {
        cache.put(key(number), 1, now);
    }
    assert_eq!(cache.get(key(0), now), None);
    assert_eq!(cache.get(key(MOST_CACHED), now), Some(1));
    assert!(cache.counts.lock().expect("sound").len() <= MOST_CACHED);
}
