use super::*;
use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use zelos_core::outbound::OutboundResponse;
use zelos_script::template::Limits;

/// What a host answers.
#[derive(Clone)]
enum Answer {
    Text(&'static str, Option<&'static str>),
    Status(u16),
    Refused,
    /// Never.
    Nothing,
}

/// A host with one document.
struct Host {
    answer: Mutex<Answer>,
    asked: Mutex<u32>,
}

impl Host {
    fn new(answer: Answer) -> Self {
        Self { answer: Mutex::new(answer), asked: Mutex::new(0) }
    }

    fn now(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    fn asked(&self) -> u32 {
        *self.asked.lock().unwrap()
    }
}

#[async_trait::async_trait]
impl Outbound for Host {
    async fn send(&self, _: OutboundRequest) -> Result<OutboundResponse, OutboundError> {
        *self.asked.lock().unwrap() += 1;
        let answer = self.answer.lock().unwrap().clone();
        let mut headers = HeaderMap::new();
        let (status, body) = match answer {
            Answer::Text(text, control) => {
                headers.extend(control.map(|control| (CACHE_CONTROL, HeaderValue::from_static(control))));
                (200, text)
            }
            Answer::Status(status) => (status, "no"),
            Answer::Refused => return Err(OutboundError::Failed("connection refused".to_owned())),
            Answer::Nothing => return std::future::pending().await,
        };
        let status = StatusCode::from_u16(status).unwrap();
        // As over a network, others get to run before there is an answer.
        tokio::task::yield_now().await;
        Ok(OutboundResponse { status, headers, body: Bytes::from_static(body.as_bytes()) })
    }
}

fn template(remotes: &Remotes) -> Arc<Remote<Set>> {
    remotes.template("key", &Url::parse("https://app.example/subject").unwrap(), Escape::Text)
}

fn text(remote: &Remote<Set>) -> Option<String> {
    remote.copy().map(|set| set.render(&serde_json::json!({}), &Limits::default()).unwrap())
}

#[tokio::test(start_paused = true)]
async fn document_is_fetched_once_for_all_that_wait_for_it() {
    let (host, remotes) = (Host::new(Answer::Text("one", None)), Remotes::default());
    let remote = template(&remotes);
    join_all((0..20).map(|_| remote.wait(&host))).await;
    assert_eq!((text(&remote).as_deref(), host.asked()), (Some("one"), 1));
    remote.wait(&host).await;
    assert_eq!(host.asked(), 1, "nor again for each use");
}

#[tokio::test(start_paused = true)]
async fn copy_is_refreshed_by_its_age_only() {
    for (control, age) in [
        (None, USUAL_AGE),
        (Some("max-age=120"), Duration::from_mins(2)),
        (Some("public, Max-Age=\"120\""), Duration::from_mins(2)),
        (Some("max-age=0"), SHORTEST_AGE),
        (Some("no-store"), SHORTEST_AGE),
        (Some("max-age=31536000, immutable"), LONGEST_AGE),
        (Some("max-age=soon"), USUAL_AGE),
    ] {
        let (host, remotes) = (Host::new(Answer::Text("one", control)), Remotes::default());
        let remote = template(&remotes);
        assert!(remotes.refresh(&host).await.is_empty());
        host.now(Answer::Text("two", control));
        tokio::time::advance(age.checked_sub(Duration::from_millis(1)).unwrap()).await;
        remotes.refresh(&host).await;
        assert_eq!((text(&remote).as_deref(), host.asked()), (Some("one"), 1), "{control:?}");
        tokio::time::advance(Duration::from_millis(1)).await;
        remotes.refresh(&host).await;
        assert_eq!((text(&remote).as_deref(), host.asked()), (Some("two"), 2), "{control:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn last_good_copy_outlives_every_failure() {
    let (host, remotes) = (Host::new(Answer::Text("good", None)), Remotes::default());
    let remote = template(&remotes);
    remote.wait(&host).await;
    for (answer, reason) in [
        (Answer::Refused, "key: cannot be fetched: the request failed: connection refused"),
        (Answer::Nothing, "key: cannot be fetched: no answer in time"),
        (Answer::Status(404), "key: cannot be fetched: its host answered with status 404 Not Found"),
        (Answer::Text("\n{{.To", None), "key: line 2: unclosed action"),
    ] {
        host.now(answer);
        tokio::time::advance(LONGEST_AGE).await;
        assert_eq!(remotes.refresh(&host).await, [reason]);
        assert_eq!(text(&remote).as_deref(), Some("good"));
    }
    host.now(Answer::Text("better", None));
    tokio::time::advance(LONGEST_PAUSE).await;
    assert!(remotes.refresh(&host).await.is_empty());
    assert_eq!(text(&remote).as_deref(), Some("better"));
}

#[tokio::test(start_paused = true)]
async fn no_request_waits_long_for_a_host_that_does_not_answer() {
    let (host, remotes) = (Host::new(Answer::Nothing), Remotes::default());
    let remote = template(&remotes);
    let begun = Instant::now();
    assert!(remote.wait(&host).await.is_none());
    assert_eq!(begun.elapsed(), PATIENCE);
    // The next ones do not wait at all, until it is time for another attempt.
    let begun = Instant::now();
    join_all((0..20).map(|_| remote.wait(&host))).await;
    assert_eq!((begun.elapsed(), host.asked()), (Duration::ZERO, 1));
    // Nor for the background job's attempt, which takes longer.
    tokio::time::advance(FIRST_PAUSE).await;
    let begun = Instant::now();
    tokio::select! {
        _ = remotes.refresh(&host) => unreachable!("the host does not answer"),
        copy = async { tokio::task::yield_now().await; remote.wait(&host).await } => assert!(copy.is_none()),
    }
    assert_eq!((begun.elapsed(), host.asked()), (Duration::ZERO, 2));
}

#[tokio::test(start_paused = true)]
async fn first_attempt_of_the_background_job_is_waited_for_but_not_to_its_end() {
    let (host, remotes) = (Host::new(Answer::Nothing), Remotes::default());
    let remote = template(&remotes);
    let begun = Instant::now();
    tokio::select! {
        biased;
        _ = remotes.refresh(&host) => unreachable!("it takes longer"),
        copy = remote.wait(&host) => assert!(copy.is_none()),
    }
    assert_eq!((begun.elapsed(), host.asked()), (PATIENCE, 1));
}

#[tokio::test(start_paused = true)]
async fn document_is_used_as_soon_as_a_host_that_refused_answers() {
    let (host, remotes) = (Host::new(Answer::Refused), Remotes::default());
    let remote = template(&remotes);
    assert!(remote.wait(&host).await.is_none());
    host.now(Answer::Text("here", None));
    assert!(remote.wait(&host).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn background_job_tries_less_and_less_often() {
    let (host, remotes) = (Host::new(Answer::Status(503)), Remotes::default());
    let _remote = template(&remotes);
    for _ in 0..600 {
        remotes.refresh(&host).await;
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    // After 0, 1, 3, 7, 15, 31, 63 seconds and then once a minute.
    assert_eq!(host.asked(), 7 + 8);
}

#[tokio::test(start_paused = true)]
async fn copies_outlive_a_reload_while_their_key_and_url_stay() {
    let (host, remotes) = (Host::new(Answer::Text("one", None)), Remotes::default());
    let before = template(&remotes);
    before.wait(&host).await;
    let after = template(&remotes);
    assert!(Arc::ptr_eq(&before, &after));
    let elsewhere = remotes.template("key", &Url::parse("https://app.example/other").unwrap(), Escape::Text);
    assert!(!elsewhere.is_here());
    drop((before, after));
    assert!(!template(&remotes).is_here(), "what no configuration names is forgotten");
}
