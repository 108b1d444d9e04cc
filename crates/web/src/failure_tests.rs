use super::*;
use time::macros::datetime;
use zelos_core::id::FlowId;

fn told(problem: &Problem, to: Audience<'_>) -> (u16, Value) {
    let failure = Failure::of(problem, to);
    let status = failure.status.as_u16();
    let mut whole = json!({"error": failure.error});
    whole.as_object_mut().unwrap().extend(failure.beside);
    (status, whole)
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn bad(id: Option<&'static str>) -> Problem {
    Problem::Bad { id, reason: "r".into() }
}

#[test]
fn each_problem_has_its_status_and_id() {
    let with = |id: &'static str| Some(id);
    let to = || "https://x/".to_owned();
    for (problem, status, id) in [
        (bad(with("some_id")), 400, with("some_id")),
        (bad(None), 400, None),
        (Problem::Unauthorized { id: None, reason: "r".into() }, 401, None),
        (Problem::Forbidden { id: None, reason: "r".into() }, 403, None),
        (Problem::NotFound("r".into()), 404, None),
        (Problem::Conflict("r".into()), 409, None),
        (Problem::Raced, 409, None),
        (Problem::Exhausted, 429, None),
        (Problem::TooLarge, 413, None),
        (Problem::Busy { retry_after: Duration::ZERO }, 429, None),
        (Problem::Unavailable("gone".to_owned()), 503, None),
        (Problem::Misconfigured("r".into()), 500, with("invalid_configuration")),
        (Problem::Upstream("r".into()), 502, with("upstream_error")),
        (Problem::bug("r"), 500, None),
        (Problem::NeedsReauth { to: to() }, 403, with("session_refresh_required")),
        (Problem::StepUp { built: to(), to: to() }, 403, with("session_aal2_required")),
        (Problem::AlreadySignedIn { to: to() }, 400, with("session_already_available")),
        (Problem::Csrf(CsrfReason::NoCookies), 403, with("security_csrf_violation")),
        (Problem::NoSession(NoSession::Plain), 401, with("session_inactive")),
        (Problem::NoSession(NoSession::WithoutId), 401, None),
        (Problem::NoSession(NoSession::ForSettings), 401, with("session_inactive")),
        (Problem::NoSession(NoSession::ForSecondFactor), 401, with("session_aal1_required")),
    ] {
        let name = format!("{problem:?}");
        let (found, body) = told(&problem, Audience::default());
        assert_eq!((found, body["error"]["id"].as_str()), (status, id), "{name}");
        assert_eq!(body["error"]["code"], status, "{name}");
    }
}

#[test]
fn members_stand_in_the_order_of_the_wire() {
    let to = Audience { request_id: Some("r-1"), ..Audience::default() };
    let failure = Failure::of(&bad(Some("i")), to).detail("a", 1);
    let text = String::from_utf8(json::to_bytes(&failure.error).unwrap()).unwrap();
    let expected = "{\"id\":\"i\",\"code\":400,\"status\":\"Bad Request\",\"request\":\"r-1\",\"reason\":\"r\",\
                    \"details\":{\"a\":1},\"message\":";
    assert!(text.starts_with(expected), "{text}");
    let (_, without) = told(&Problem::NoSession(NoSession::WithoutId), Audience::default());
    assert_eq!(keys(&without["error"]), ["code", "status", "reason", "message"]);
    assert_eq!(without["error"]["reason"], NO_SESSION);
}

#[test]
fn ways_out_are_told_beside_the_error() {
    let (_, body) = told(&Problem::StepUp { built: "b".into(), to: "t".into() }, Audience::default());
    assert_eq!(
        (&body["redirect_browser_to"], &body["error"]["details"]["redirect_browser_to"]),
        (&json!("t"), &json!("b"))
    );
    let (_, body) = told(&Problem::NeedsReauth { to: "t".into() }, Audience::default());
    assert_eq!((&body["redirect_browser_to"], keys(&body)), (&json!("t"), vec!["error", "redirect_browser_to"]));
    let (_, body) = told(&Problem::NoSession(NoSession::ForSettings), Audience::default());
    assert_eq!(body["CredentialsMissing"], false);
    let script = Audience { is_script: true, ..Audience::default() };
    let (_, body) = told(&Problem::Csrf(CsrfReason::Mismatch), script);
    assert_eq!(keys(&body["error"]["details"]), ["docs", "hint", "reject_reason"]);
}

fn expired(kind: Kind, way: &str, replacement: Option<FlowId>) -> Problem {
    Problem::Expired(Box::new(Expired {
        kind,
        expired_at: datetime!(2026-07-01 12:00 UTC),
        since: Duration::from_millis(1500),
        replacement,
        details: json!({way: "x"}),
        continue_with: Vec::new(),
    }))
}

#[test]
fn an_expired_flow_that_is_read_names_the_way_to_a_new_one() {
    use Kind::*;
    let cells = [
        (Login, [true, true]),
        (Registration, [true, true]),
        (Recovery, [false, true]),
        (Verification, [false, false]),
        (Settings, [false, false]),
    ];
    for (kind, named) in cells {
        for (way, named) in ["redirect_to", "api"].into_iter().zip(named) {
            let (status, body) = told(&expired(kind, way, None), Audience::default());
            assert_eq!((status, body["error"]["id"].is_string()), (410, named), "{kind:?} {way}");
            assert_eq!(body["error"]["details"][way], "x");
            assert_eq!(keys(&body), ["error"]);
        }
    }
}

#[test]
fn an_expired_flow_that_is_submitted_names_its_replacement() {
    let id = FlowId(uuid::Uuid::from_u128(7));
    let (_, body) = told(&expired(Kind::Settings, "redirect_to", Some(id)), Audience::default());
    assert_eq!(body["error"]["id"], "self_service_flow_expired");
    assert_eq!(body["expired_at"], "2026-07-01T12:00:00Z");
    assert_eq!((&body["since"], &body["use_flow_id"]), (&json!(1_500_000_000_u64), &json!(id.to_string())));
}

#[test]
fn a_bug_is_not_told() {
    let (_, body) = told(&Problem::bug("the secret path /etc/zelos"), Audience::default());
    assert!(!body.to_string().contains("/etc"));
}

#[test]
fn headers_say_the_same_as_the_body() {
    let response =
        Failure::of(&Problem::Busy { retry_after: Duration::from_secs(7) }, Audience::default()).into_response();
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()["retry-after"], "7");
    assert_eq!(response.headers()["ory-error-id"], "");
    assert_eq!(response.headers()["content-type"], "application/json");
    let named = Failure::of(&bad(Some("some_id")), Audience::default()).into_response();
    assert_eq!(named.headers()["ory-error-id"], "some_id");
}
