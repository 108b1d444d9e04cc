use super::*;
use crate::testing::{Server, UI, config};
use http::Request;
use time::macros::datetime;
use zelos_core::{
    continue_with::NextFlow,
    flow::{Detail, Memory, State},
    id::{DeviceId, FlowId, IdentityId, SessionId},
    identity::State as IdentityState,
    problem::{self, CsrfReason, Expired},
    rng::SeededRng,
    session::{Aal, Device, Session, SessionToken},
    ui::Ui,
};

const TO: &str = "https://ui.example.org/to";
const FORMS: [Form; 3] = [Form::Page, Form::Spa, Form::Native];

fn caller(app: &App, form: Form) -> Caller {
    let accept = if form == Form::Page { "text/html" } else { "application/json" };
    let (parts, ()) = Request::builder().uri("/x").header("accept", accept).body(()).unwrap().into_parts();
    Caller::of(app, &parts)
}

fn channel(form: Form) -> Channel {
    if form == Form::Native { Channel::Api } else { Channel::Browser }
}

fn flow(kind: Kind, form: Form) -> Flow {
    let at = datetime!(2030-01-02 03:04:05 UTC);
    let detail = match kind {
        Kind::Login => Detail::Login { refresh: false, requested_aal: Aal::Aal1 },
        Kind::Registration => Detail::Registration,
        _ => Detail::Settings { identity: IdentityId(uuid::Uuid::nil()) },
    };
    Flow {
        id: FlowId(uuid::Uuid::nil()),
        channel: channel(form),
        state: State::ChooseMethod,
        active: None,
        issued_at: at,
        expires_at: at,
        updated_at: at,
        request_url: String::new(),
        return_to: None,
        csrf: None,
        schema: None,
        organization_id: None,
        detail,
        memory: Memory::default(),
        ui: Ui::default(),
        continue_with: Vec::new(),
        transient_payload: None,
        version: 1,
    }
}

fn issued(with_person: bool) -> Issued {
    let at = datetime!(2030-01-02 03:04:05 UTC);
    let id = IdentityId(uuid::Uuid::nil());
    let session = Session {
        id: SessionId(uuid::Uuid::nil()),
        identity_id: id,
        active: true,
        issued_at: at,
        authenticated_at: at,
        expires_at: at + time::Duration::hours(1),
        aal: Aal::Aal1,
        methods: Vec::new(),
        devices: vec![Device {
            id: DeviceId(uuid::Uuid::nil()),
            ip_address: String::new(),
            user_agent: String::new(),
            location: String::new(),
        }],
        created_at: at,
        updated_at: at,
    };
    let person = Person {
        id,
        schema_id: "default".into(),
        state: IdentityState::Active,
        available_aal: Aal::Aal1,
        document: "{\"id\":\"x\"}".into(),
    };
    let token = SessionToken::generate(&SeededRng::new(5));
    Issued { session, token, person: with_person.then_some(person) }
}

fn completed(kind: Kind, form: Form, issued: Option<Issued>, next: Vec<ContinueWith>) -> Outcome {
    let csrf = issued.is_some().then_some([7; 32]);
    Outcome::Continue(Box::new(Completed {
        flow: flow(kind, form),
        identity: None,
        issued,
        csrf,
        next,
        to: TO.into(),
        detour: None,
    }))
}

async fn body(response: Response) -> serde_json::Value {
    let bytes = http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

fn status_and_place(response: &Response) -> (u16, &str) {
    let place = response.headers().get(header::LOCATION).map(|to| to.to_str().unwrap()).unwrap_or_default();
    (response.status().as_u16(), place)
}

#[tokio::test]
async fn a_form_is_shown_cell_by_cell() {
    use Kind::{Login, Registration, Settings};
    use Why::{Advanced, Created, Invalid};
    const EXHAUSTED: Why = Why::Exhausted { retry_after: std::time::Duration::from_millis(1500) };
    let server = Server::start(config()).await;
    for (kind, why, expected) in [
        (Login, Created, [303, 200, 200]),
        (Login, Advanced, [303, 400, 400]),
        (Login, Invalid, [303, 400, 400]),
        (Login, EXHAUSTED, [303, 400, 400]),
        (Registration, Created, [303, 200, 200]),
        (Registration, Advanced, [303, 400, 400]),
        (Registration, Invalid, [302, 400, 400]),
        (Registration, EXHAUSTED, [302, 400, 400]),
        (Settings, Created, [303, 200, 200]),
        (Settings, Advanced, [303, 200, 200]),
        (Settings, Invalid, [303, 400, 400]),
    ] {
        for (form, status) in FORMS.into_iter().zip(expected) {
            let caller = caller(&server.app, form);
            let shown = Outcome::Render { flow: Box::new(flow(kind, form)), person: None, why };
            let response = outcome(&server.app, &caller, kind, shown);
            assert_eq!(response.status().as_u16(), status, "{kind:?} {why:?} {form:?}");
            let retry = response.headers().get(header::RETRY_AFTER).map(|after| after.to_str().unwrap());
            assert_eq!(retry, (why == EXHAUSTED).then_some("2"), "rounded up");
            let page = format!("{UI}/{}?flow={}", kind.as_str(), uuid::Uuid::nil());
            assert_eq!(status_and_place(&response).1, if form == Form::Page { page.as_str() } else { "" });
        }
    }
}

#[tokio::test]
async fn a_finished_login_hands_the_session_to_each_in_its_way() {
    let server = Server::start(config()).await;
    let page = caller(&server.app, Form::Page);
    let done = completed(Kind::Login, Form::Page, Some(issued(true)), vec![]);
    let response = outcome(&server.app, &page, Kind::Login, done);
    assert_eq!(status_and_place(&response), (303, TO));
    let cookies: Vec<_> = response.headers().get_all(header::SET_COOKIE).iter().map(|c| c.to_str().unwrap()).collect();
    assert!(cookies[0].starts_with("ory_kratos_session="), "{cookies:?}");
    assert!(
        cookies[0]
            .ends_with("; Path=/; Expires=Wed, 02 Jan 2030 04:04:05 GMT; Max-Age=3600; HttpOnly; Secure; SameSite=Lax"),
        "{cookies:?}"
    );
    assert!(cookies[1].starts_with("device_"), "{cookies:?}");
    assert!(cookies[2].starts_with("csrf_token_"), "{cookies:?}");

    let spa = caller(&server.app, Form::Spa);
    let mut done = completed(Kind::Login, Form::Spa, Some(issued(true)), vec![]);
    if let Outcome::Continue(completed) = &mut done {
        completed.csrf = None;
    }
    let response = outcome(&server.app, &spa, Kind::Login, done);
    assert_eq!(response.headers().get_all(header::SET_COOKIE).iter().count(), 2, "the same person keeps the secret");
    let shown = body(response).await;
    assert_eq!(shown.as_object().unwrap().keys().collect::<Vec<_>>(), ["session", "continue_with"]);
    assert_eq!(shown["continue_with"][0]["redirect_browser_to"], TO);

    let native = caller(&server.app, Form::Native);
    let done = completed(Kind::Login, Form::Native, Some(issued(false)), vec![]);
    let response = outcome(&server.app, &native, Kind::Login, done);
    assert!(!response.headers().contains_key(header::SET_COOKIE));
    let shown = body(response).await;
    assert_eq!(shown.as_object().unwrap().keys().collect::<Vec<_>>(), ["session_token", "session", "continue_with"]);
    assert_eq!(
        (&shown["session"]["identity"], &shown["continue_with"]),
        (&serde_json::Value::Null, &serde_json::Value::Null)
    );
}

#[tokio::test]
async fn hints_of_a_registration_stand_in_order() {
    let server = Server::start(config()).await;
    let hint = || {
        let url = Some(format!("{UI}/verification?flow=1"));
        ContinueWith::ShowVerificationUi {
            flow: NextFlow { id: FlowId(uuid::Uuid::nil()), verifiable_address: None, url },
        }
    };
    for (form, session, expected) in [
        (Form::Spa, true, vec!["redirect_browser_to", "show_verification_ui"]),
        (Form::Spa, false, vec!["redirect_browser_to", "show_verification_ui"]),
        (Form::Native, true, vec!["show_verification_ui", "set_ory_session_token"]),
        (Form::Native, false, vec!["show_verification_ui"]),
    ] {
        let caller = caller(&server.app, form);
        let done = completed(Kind::Registration, form, session.then(|| issued(true)), vec![hint()]);
        let shown = body(outcome(&server.app, &caller, Kind::Registration, done)).await;
        let actions: Vec<_> = shown["continue_with"].as_array().unwrap().iter().map(|c| c["action"].clone()).collect();
        assert_eq!(actions, expected, "{form:?} {session}");
        assert_eq!(shown.get("session_token").is_some(), session && form == Form::Native);
    }
    let caller = caller(&server.app, Form::Page);
    let done = completed(Kind::Registration, Form::Page, None, vec![hint()]);
    let response = outcome(&server.app, &caller, Kind::Registration, done);
    assert_eq!(status_and_place(&response), (303, TO), "a hint alone leads no page");
    let Outcome::Continue(mut done) = completed(Kind::Registration, Form::Page, None, vec![hint()]) else {
        panic!("not completed")
    };
    done.detour = Some(format!("{UI}/verification?flow=1"));
    let response = outcome(&server.app, &caller, Kind::Registration, Outcome::Continue(done));
    assert_eq!(status_and_place(&response), (303, format!("{UI}/verification?flow=1").as_str()));
}

#[tokio::test]
async fn a_second_proof_that_is_due_moves_the_browser() {
    let server = Server::start(config()).await;
    for (form, expected) in [(Form::Page, (303, TO)), (Form::Spa, (422, ""))] {
        let caller = caller(&server.app, form);
        let due = Outcome::Elsewhere { to: TO.into(), issued: Some(Box::new(issued(true))), csrf: Some([7; 32]) };
        let response = outcome(&server.app, &caller, Kind::Login, due);
        assert_eq!(status_and_place(&response), expected, "{form:?}");
        assert_eq!(response.headers().get_all(header::SET_COOKIE).iter().count(), 3, "the browser keeps the session");
        if form == Form::Spa {
            let shown = body(response).await;
            assert_eq!(shown["error"]["id"], "browser_location_change_required");
            assert_eq!(shown["redirect_browser_to"], TO);
        }
    }
}

#[tokio::test]
async fn a_native_app_that_must_go_on_in_a_browser_is_given_nothing() {
    let server = Server::start(config()).await;
    let caller = caller(&server.app, Form::Native);
    let due = Outcome::Elsewhere { to: TO.into(), issued: None, csrf: None };
    let response = outcome(&server.app, &caller, Kind::Recovery, due);
    assert_eq!(status_and_place(&response), (422, ""));
    assert!(!response.headers().contains_key(header::SET_COOKIE));
}

#[tokio::test]
async fn a_change_that_waits_shows_what_for() {
    let server = Server::start(config()).await;
    let url = format!("{UI}/verification?flow=1");
    for (form, expected) in FORMS.into_iter().zip([(303, url.as_str()), (200, ""), (200, "")]) {
        let mut flow = flow(Kind::Settings, form);
        let next = NextFlow { id: FlowId(uuid::Uuid::nil()), verifiable_address: None, url: Some(url.clone()) };
        flow.continue_with.push(ContinueWith::ShowVerificationUi { flow: next });
        let person = issued(true).person.unwrap();
        let caller = caller(&server.app, form);
        let held = Outcome::Held { flow: Box::new(flow), person: Box::new(person) };
        let response = outcome(&server.app, &caller, Kind::Settings, held);
        assert_eq!(status_and_place(&response), expected, "{form:?}");
    }
}

#[tokio::test]
async fn a_flow_that_was_given_up_leads_to_another() {
    let server = Server::start(config()).await;
    let id = FlowId(uuid::Uuid::nil());
    let hint = || ContinueWith::ShowRecoveryUi { flow: NextFlow { id, verifiable_address: None, url: None } };
    let shown = format!("https://id.example.org/self-service/recovery/flows?id={id}");
    for (kind, hints, json) in [
        (Kind::Recovery, vec![], (303, shown.as_str())),
        (Kind::Recovery, vec![hint()], (400, "")),
        (Kind::Verification, vec![], (410, "")),
    ] {
        for form in FORMS {
            let replaced =
                problem::Replaced { by: id, is_shown: false, reason: "over".into(), continue_with: hints.clone() };
            let problem = Problem::Replaced(Box::new(replaced));
            let caller = caller(&server.app, form);
            let stage = (kind, Stage::Submit);
            let response = flow_problem(&server.app, &caller, stage, Some(channel(form)), &problem).await;
            let page = format!("{UI}/{}?flow={id}", kind.as_str());
            let expected = if form == Form::Page { (303, page.as_str()) } else { json };
            assert_eq!(status_and_place(&response), expected, "{kind:?} {form:?}");
        }
    }
}

#[tokio::test]
async fn problems_lead_pages_on_and_tell_others() {
    use Kind::{Login, Recovery, Registration, Settings, Verification};
    use Stage::{Create, Submit};
    let server = Server::start(config()).await;
    let signed_in = || Problem::AlreadySignedIn { to: TO.into() };
    let step_up = || Problem::StepUp { built: "b".into(), to: TO.into() };
    let reauth = || Problem::NeedsReauth { to: TO.into() };
    let login = format!("{UI}/login");
    let login_first = "https://id.example.org/self-service/login/browser?return_to=https%3A%2F%2Fid.example.org%2Fx";
    for (kind, stage, problem, page, others) in [
        (Login, Create, signed_in(), (303, TO), 400),
        (Registration, Create, signed_in(), (303, TO), 400),
        (Registration, Submit, signed_in(), (302, TO), 400),
        (Recovery, Create, signed_in(), (302, TO), 400),
        (Settings, Create, step_up(), (303, TO), 403),
        (Settings, Stage::Fetch, step_up(), (303, TO), 403),
        (Settings, Submit, reauth(), (303, TO), 403),
        (Settings, Create, Problem::NoSession(NoSession::ForSettings), (303, login_first), 401),
        (Settings, Submit, Problem::NoSession(NoSession::WithoutId), (302, login.as_str()), 401),
        (Verification, Stage::Fetch, Problem::NotFound("n".into()), (404, ""), 404),
        (Login, Stage::Fetch, Problem::Csrf(CsrfReason::Mismatch), (403, ""), 403),
    ] {
        for form in FORMS {
            let caller = caller(&server.app, form);
            let response = flow_problem(&server.app, &caller, (kind, stage), Some(channel(form)), &problem).await;
            let expected = if form == Form::Page { page } else { (others, "") };
            assert_eq!(status_and_place(&response), expected, "{kind:?} {stage:?} {problem:?} {form:?}");
        }
    }
    let caller = caller(&server.app, Form::Page);
    for stage in [Create, Submit] {
        let problem = Problem::NoSession(NoSession::ForSecondFactor);
        let response = flow_problem(&server.app, &caller, (Login, stage), None, &problem).await;
        let (status, place) = status_and_place(&response);
        assert!(status == 303 && place.starts_with("https://ui.example.org/error?id="), "{place}");
    }
}

#[tokio::test]
async fn an_expired_flow_leads_to_its_replacement() {
    let server = Server::start(config()).await;
    let id = FlowId(uuid::Uuid::nil());
    for (kind, json) in [
        (Kind::Login, (410, String::new())),
        (Kind::Registration, (410, String::new())),
        (Kind::Settings, (410, String::new())),
        (Kind::Recovery, (303, format!("https://id.example.org/self-service/recovery/flows?id={id}"))),
        (Kind::Verification, (303, format!("https://id.example.org/self-service/verification/flows?id={id}"))),
    ] {
        for form in FORMS {
            let problem = Problem::Expired(Box::new(Expired {
                kind,
                expired_at: datetime!(2030-01-01 00:00 UTC),
                since: std::time::Duration::ZERO,
                replacement: Some(id),
                details: serde_json::Value::Null,
                continue_with: Vec::new(),
            }));
            let caller = caller(&server.app, form);
            let response =
                flow_problem(&server.app, &caller, (kind, Stage::Submit), Some(channel(form)), &problem).await;
            let page = (303, format!("{UI}/{}?flow={id}", kind.as_str()));
            let expected = if form == Form::Page { &page } else { &json };
            let (status, place) = status_and_place(&response);
            assert_eq!((status, place), (expected.0, expected.1.as_str()), "{kind:?} {form:?}");
        }
    }
}

#[test]
fn each_kind_has_its_row() {
    for (index, kind) in Kind::ALL.into_iter().enumerate() {
        assert_eq!(kind as usize, index);
    }
}
