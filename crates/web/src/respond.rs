//! From what happened to HTTP: the only place that knows how an [`Outcome`] or a [`Problem`] of a flow looks to a page,
//! to a script and to a native app. The table is `docs/ARCHITECTURE.md`'s; where kinds of flows differ for no better
//! reason than that they always did, the difference is a row of [`POLICY`], not a branch.

use crate::{
    app::App,
    caller::Caller,
    cookies, csrf, device,
    failure::{Audience, Failure},
    json,
};
use axum::{body::Body, response::Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::value::RawValue;
use zelos_core::{
    continue_with::ContinueWith,
    flow::{Channel, Flow, Kind, State, json::FlowView},
    identity::{
        Identity,
        json::{IdentityView, Show, with_schema_url},
    },
    problem::{NoSession, Problem},
    session::{Person, json::SessionView},
    snapshot::{Snapshot, with_query},
};
use zelos_flow::{
    Outcome,
    plug::{Completed, Issued, Why},
};

/// How kinds of flows differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct KindPolicy {
    /// The redirect of a page whose form was refused.
    invalid_page: StatusCode,
    /// The status of JSON that shows the next screen.
    advanced: StatusCode,
    /// The redirect of a page where nobody may be signed in: at creation, at submission.
    signed_in_page: [StatusCode; 2],
    /// Where JSON goes when an expired flow was submitted.
    expired: Replaced,
    /// Where it goes when another flow takes the place of one that led nowhere.
    given_up: Replaced,
    /// Whether a wrong anti-CSRF token ends the form: the browser gets another secret.
    csrf_ends_form: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Replaced {
    /// 410, with the id of the new flow.
    Told,
    /// 303 to the new flow.
    Shown,
}

/// In the order of [`Kind::ALL`].
// Quirk: the redirects with 302 and the statuses of JSON are those of Kratos' handlers, kind by kind (Kratos
// selfservice/flow/{login,registration,settings,recovery,verification}/error.go).
const POLICY: [KindPolicy; 5] = {
    const BASE: KindPolicy = KindPolicy {
        invalid_page: StatusCode::SEE_OTHER,
        advanced: StatusCode::OK,
        signed_in_page: [StatusCode::SEE_OTHER, StatusCode::SEE_OTHER],
        expired: Replaced::Told,
        given_up: Replaced::Told,
        csrf_ends_form: false,
    };
    [
        KindPolicy { advanced: StatusCode::BAD_REQUEST, ..BASE },
        KindPolicy {
            invalid_page: StatusCode::FOUND,
            advanced: StatusCode::BAD_REQUEST,
            signed_in_page: [StatusCode::SEE_OTHER, StatusCode::FOUND],
            ..BASE
        },
        BASE,
        KindPolicy {
            signed_in_page: [StatusCode::FOUND, StatusCode::FOUND],
            expired: Replaced::Shown,
            given_up: Replaced::Shown,
            csrf_ends_form: true,
            ..BASE
        },
        KindPolicy { expired: Replaced::Shown, ..BASE },
    ]
};

fn policy(kind: Kind) -> &'static KindPolicy {
    &POLICY[kind as usize]
}

/// At which door of a flow something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Create,
    Fetch,
    Submit,
}

/// Who gets the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Page,
    Spa,
    Native,
}

impl Form {
    /// A verification that an app began may be gone on with by a browser, to which a mail led: there it is the request
    /// that counts.
    fn of(caller: &Caller, flow: &Flow, wants_json: bool) -> Self {
        let is_open = flow.kind() == Kind::Verification && !wants_json && flow.state != State::ChooseMethod;
        let channel = if is_open { Channel::Browser } else { caller.request.channel(flow) };
        match (channel, wants_json) {
            (Channel::Api, _) => Self::Native,
            (Channel::Browser, true) => Self::Spa,
            (Channel::Browser, false) => Self::Page,
        }
    }
}

/// An answer in JSON.
pub(crate) fn json<T: Serialize + ?Sized>(status: StatusCode, value: &T) -> Response {
    match json::to_bytes(value) {
        Ok(bytes) => body(status, "application/json; charset=utf-8", bytes),
        Err(error) => Failure::of(&Problem::Bug(error.into()), Audience::default()).into_response(),
    }
}

/// An answer with that body.
pub(crate) fn body(status: StatusCode, content_type: &'static str, bytes: impl Into<Body>) -> Response {
    let mut response = Response::new(bytes.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// An answer that says nothing more.
pub(crate) fn no_content() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// Sends the client elsewhere.
pub(crate) fn redirect(status: StatusCode, to: &str) -> Response {
    let mut response = Response::new(Body::empty());
    match HeaderValue::try_from(to) {
        Ok(to) => {
            *response.status_mut() = status;
            response.headers_mut().insert(header::LOCATION, to);
            response
        }
        Err(_) => {
            Failure::of(&Problem::bug("a redirect leads to what is no address"), Audience::default()).into_response()
        }
    }
}

/// Who hears about a problem.
pub(crate) fn audience(caller: &Caller) -> Audience<'_> {
    Audience { request_id: caller.request_id.as_deref(), is_script: caller.is_script }
}

/// A problem in JSON, whoever asks.
pub(crate) fn problem(caller: &Caller, problem: &Problem) -> Response {
    Failure::of(problem, audience(caller)).into_response()
}

/// The answer, or the problem in JSON.
pub(crate) fn or_problem(caller: &Caller, result: Result<Response, Problem>) -> Response {
    result.unwrap_or_else(|found| problem(caller, &found))
}

/// A problem where a browser may be asking: a page goes to the error page, everybody else gets JSON.
pub(crate) async fn forward(app: &App, caller: &Caller, found: &Problem) -> Response {
    let failure = Failure::of(found, audience(caller));
    if caller.client.is_json {
        return failure.into_response();
    }
    to_error_page(app, caller, failure).await
}

async fn to_error_page(app: &App, caller: &Caller, failure: Failure) -> Response {
    let kept = match serde_json::to_value(&failure.error) {
        Ok(error) => app.engine.remember_error(&error).await,
        Err(error) => Err(Problem::Bug(error.into())),
    };
    match kept {
        Ok(id) => {
            let to = with_query(&caller.snapshot.error_url(), &[("id", &id.to_string())]);
            redirect(StatusCode::SEE_OTHER, &to)
        }
        Err(worse) => {
            tracing::error!(error = %worse, "an error could not be kept for the error page");
            failure.into_response()
        }
    }
}

/// What a flow's door answers to a problem. `channel` is the flow's, if it was found.
pub(crate) async fn flow_problem(
    app: &App,
    caller: &Caller,
    (kind, stage): (Kind, Stage),
    channel: Option<Channel>,
    found: &Problem,
) -> Response {
    let mut response = flow_problem_by_itself(app, caller, (kind, stage), channel, found).await;
    match found {
        Problem::Csrf(_) if stage == Stage::Submit && policy(kind).csrf_ends_form => {
            renew_csrf(app, caller, &mut response);
        }
        Problem::Unverified { csrf, .. } => set_csrf(caller, *csrf, &mut response),
        _ => {}
    }
    response
}

async fn flow_problem_by_itself(
    app: &App,
    caller: &Caller,
    (kind, stage): (Kind, Stage),
    channel: Option<Channel>,
    found: &Problem,
) -> Response {
    let wants_json = channel == Some(Channel::Api) || caller.client.is_json;
    if let Some(response) = replaced(caller, kind, wants_json, found) {
        return response;
    }
    if wants_json {
        return problem(caller, found);
    }
    if let Some((status, to)) = way_out(caller, kind, stage, found) {
        return redirect(status, &to);
    }
    if stage == Stage::Fetch {
        return problem(caller, found);
    }
    to_error_page(app, caller, Failure::of(found, audience(caller))).await
}

/// Where a flow is shown that has taken the place of another one. A link opened in a mail always leads to a page.
fn replaced(caller: &Caller, kind: Kind, wants_json: bool, found: &Problem) -> Option<Response> {
    let (id, way, is_told) = match found {
        Problem::Expired(expired) => (expired.replacement?, policy(kind).expired, !expired.continue_with.is_empty()),
        Problem::Replaced(replaced) => {
            let way = if replaced.is_shown { Replaced::Shown } else { policy(kind).given_up };
            (replaced.by, way, !replaced.continue_with.is_empty())
        }
        _ => return None,
    };
    let snapshot = &caller.snapshot;
    if !wants_json || caller.request.is_link {
        return Some(redirect(StatusCode::SEE_OTHER, &snapshot.ui_url_of(kind, id)));
    }
    if way == Replaced::Told || is_told {
        return None;
    }
    let to = snapshot.public_path(&format!("self-service/{}/flows?id={id}", kind.as_str()));
    Some(redirect(StatusCode::SEE_OTHER, &to))
}

/// Where a page goes instead of to the error page.
fn way_out(caller: &Caller, kind: Kind, stage: Stage, found: &Problem) -> Option<(StatusCode, String)> {
    let snapshot = &caller.snapshot;
    match found {
        Problem::NeedsReauth { to } | Problem::StepUp { to, .. } => Some((StatusCode::SEE_OTHER, to.clone())),
        Problem::Unverified { next, .. } => Some((StatusCode::SEE_OTHER, next.url.clone()?)),
        Problem::AlreadySignedIn { to } => {
            let [create, submit] = policy(kind).signed_in_page;
            Some((if stage == Stage::Create { create } else { submit }, to.clone()))
        }
        Problem::NoSession(NoSession::ForSettings) => {
            let own = caller.query_value("return_to").filter(|to| !to.is_empty());
            let back = own.unwrap_or_else(|| caller.request.url.clone());
            Some((StatusCode::SEE_OTHER, snapshot.start_url(Kind::Login, &[("return_to", &back)])))
        }
        // Quirk: settings that nobody is signed in for lead to the bare login page (Kratos session/handler.go).
        Problem::NoSession(NoSession::WithoutId) => Some((StatusCode::FOUND, snapshot.ui_url(Kind::Login))),
        _ => None,
    }
}

/// What a flow's door answers when all went as it should.
pub(crate) fn outcome(app: &App, caller: &Caller, kind: Kind, outcome: Outcome) -> Response {
    let snapshot = &caller.snapshot;
    match outcome {
        Outcome::Render { flow, person, why } => {
            let wants_json = if why == Why::Created { caller.client.accepts_json } else { caller.client.is_json };
            let identity = person.map(|person| person_json(snapshot, &person));
            let view = FlowView { flow: &flow, identity: identity.as_deref() };
            let mut response = render(snapshot, Form::of(caller, &flow, wants_json), &view, why);
            if let Why::Exhausted { retry_after } = why {
                let seconds = retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0);
                set(&mut response, "retry-after", seconds.to_string());
            }
            response
        }
        Outcome::Elsewhere { to, issued, csrf } => {
            let mut response = if caller.client.is_json && !caller.request.is_link {
                Failure::location_change(&to, caller.request_id.as_deref()).into_response()
            } else {
                redirect(StatusCode::SEE_OTHER, &to)
            };
            if let Some(issued) = &issued {
                hand_out(app, caller, issued, &mut response);
            }
            set_csrf(caller, csrf, &mut response);
            response
        }
        Outcome::Held { flow, person } if Form::of(caller, &flow, caller.client.is_json) != Form::Page => {
            let identity = person_json(snapshot, &person);
            json(StatusCode::OK, &FlowView { flow: &flow, identity: Some(&identity) })
        }
        Outcome::Held { flow, .. } => {
            let next = flow.continue_with.iter().find_map(address).map(ToOwned::to_owned);
            redirect(StatusCode::SEE_OTHER, &next.unwrap_or_else(|| snapshot.ui_url_of(kind, flow.id)))
        }
        Outcome::AlreadySignedIn { flow, to } => match Form::of(caller, &flow, caller.client.is_json) {
            Form::Page => redirect(policy(kind).signed_in_page[1], &to),
            form => render(snapshot, form, &FlowView { flow: &flow, identity: None }, Why::Invalid),
        },
        Outcome::Continue(completed) => completed_flow(app, caller, *completed),
    }
}

fn render(snapshot: &Snapshot, form: Form, view: &FlowView<'_>, why: Why) -> Response {
    let kind = view.flow.kind();
    let status = match (form, why) {
        (Form::Page, Why::Invalid | Why::Exhausted { .. }) => policy(kind).invalid_page,
        (Form::Page, _) => StatusCode::SEE_OTHER,
        (_, Why::Created) => StatusCode::OK,
        (_, Why::Advanced) => policy(kind).advanced,
        (_, Why::Invalid | Why::Exhausted { .. }) => StatusCode::BAD_REQUEST,
    };
    if form == Form::Page {
        return redirect(status, &snapshot.ui_url_of(kind, view.flow.id));
    }
    json(status, view)
}

/// The body of a finished login or registration.
#[derive(Serialize)]
struct Finished<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    session_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<SessionView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<IdentityView<'a>>,
    /// `null` when there is nothing to say.
    continue_with: Option<&'a [ContinueWith]>,
}

fn completed_flow(app: &App, caller: &Caller, mut completed: Completed) -> Response {
    let snapshot = &caller.snapshot;
    let kind = completed.flow.kind();
    let form = Form::of(caller, &completed.flow, caller.client.is_json);
    let mut next = std::mem::take(&mut completed.next);
    let mut response = if form == Form::Page {
        // A verification that is done is still shown: it says so, and where to go on.
        let own = (kind == Kind::Verification).then(|| snapshot.ui_url_of(kind, completed.flow.id));
        let first = completed.detour.as_ref().or(own.as_ref());
        redirect(StatusCode::SEE_OTHER, first.unwrap_or(&completed.to))
    } else {
        match (form, kind, &completed.issued) {
            (Form::Spa, Kind::Login | Kind::Registration | Kind::Settings, _) => {
                next.insert(0, ContinueWith::RedirectBrowserTo { redirect_browser_to: completed.to.clone() });
            }
            (Form::Native, Kind::Registration, Some(issued)) => next.push(token_hint(issued)),
            (Form::Native, Kind::Recovery, Some(issued)) => next.insert(0, token_hint(issued)),
            _ => {}
        }
        match kind {
            Kind::Login | Kind::Registration => finished(snapshot, form, &completed, &next),
            _ => changed(snapshot, completed.flow, completed.identity.as_ref(), next),
        }
    };
    if form != Form::Native {
        if let Some(issued) = &completed.issued {
            hand_out(app, caller, issued, &mut response);
        }
        set_csrf(caller, completed.csrf, &mut response);
    }
    response
}

fn token_hint(issued: &Issued) -> ContinueWith {
    ContinueWith::SetOrySessionToken { ory_session_token: issued.token.expose().to_owned() }
}

fn finished(snapshot: &Snapshot, form: Form, completed: &Completed, next: &[ContinueWith]) -> Response {
    let issued = completed.issued.as_ref();
    let person = issued.and_then(|issued| issued.person.as_ref()).map(|person| person_json(snapshot, person));
    let session = issued.map(|issued| SessionView {
        session: &issued.session,
        active: true,
        identity: person.as_deref(),
        devices: Some(&issued.session.devices),
    });
    let schema_url = completed.identity.as_ref().map(|identity| snapshot.schema_url(&identity.schema_id));
    let identity = completed.identity.as_ref().filter(|_| completed.flow.kind() == Kind::Registration);
    let body = Finished {
        session_token: issued.filter(|_| form == Form::Native).map(|issued| issued.token.expose()),
        session,
        identity: identity.map(|identity| identity_view(identity, schema_url.as_deref())),
        continue_with: Some(next).filter(|next| !next.is_empty()),
    };
    json(StatusCode::OK, &body)
}

/// A finished flow that goes on being shown: settings, verification.
fn changed(snapshot: &Snapshot, mut flow: Flow, identity: Option<&Identity>, next: Vec<ContinueWith>) -> Response {
    flow.continue_with = next;
    let schema_url = identity.map(|identity| snapshot.schema_url(&identity.schema_id));
    let identity = identity.map(|identity| identity_view(identity, schema_url.as_deref()));
    match identity.map(|view| serde_json::value::to_raw_value(&view)).transpose() {
        Ok(identity) => json(StatusCode::OK, &FlowView { flow: &flow, identity: identity.as_deref() }),
        Err(error) => Failure::of(&Problem::Bug(error.into()), Audience::default()).into_response(),
    }
}

fn identity_view<'a>(identity: &'a Identity, schema_url: Option<&'a str>) -> IdentityView<'a> {
    IdentityView { identity, schema_url, addresses: true, metadata_admin: Show::Never, credentials: None }
}

/// A person as they may see themselves.
pub(crate) fn person_json(snapshot: &Snapshot, person: &Person) -> Box<RawValue> {
    with_schema_url(&person.document, &snapshot.schema_url(&person.schema_id))
}

/// A person as lists of sessions show them: without addresses, and with an empty `schema_url`.
pub(crate) fn bare_person_json(person: &Person) -> Result<Box<RawValue>, Problem> {
    let bug = |error: serde_json::Error| Problem::Bug(error.into());
    let mut members: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&person.document).map_err(bug)?;
    members.shift_remove("verifiable_addresses");
    members.shift_remove("recovery_addresses");
    members.insert("schema_url".to_owned(), "".into());
    serde_json::value::to_raw_value(&members).map_err(bug)
}

/// The page that a hint leads to.
fn address(hint: &ContinueWith) -> Option<&str> {
    match hint {
        ContinueWith::ShowVerificationUi { flow }
        | ContinueWith::ShowSettingsUi { flow }
        | ContinueWith::ShowRecoveryUi { flow } => flow.url.as_deref(),
        ContinueWith::RedirectBrowserTo { redirect_browser_to } => Some(redirect_browser_to),
        ContinueWith::SetOrySessionToken { .. } => None,
    }
}

/// Gives a browser its session, and lets the person be known there from now on.
fn hand_out(app: &App, caller: &Caller, issued: &Issued, response: &mut Response) {
    let engine = &app.engine;
    let cookie = cookies::hand_out(&caller.snapshot, &*engine.rng, engine.clock.now(), &issued.session, &issued.token);
    let known =
        device::remember(&caller.snapshot, &*engine.rng, engine.clock.now(), &caller.request.known, &issued.session);
    for cookie in cookie.into_iter().chain(known) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

/// Gives a browser the anti-CSRF secret that the rules have made for it: what was prepared before must not work now.
fn set_csrf(caller: &Caller, secret: Option<zelos_flow::csrf::Secret>, response: &mut Response) {
    if let Some(cookie) = secret.and_then(|secret| csrf::hand_out(&caller.snapshot, &secret)) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

/// Gives a browser the anti-CSRF secret that was made for its request, unless the answer has one already.
pub(crate) fn give_csrf(caller: &Caller, secret: Option<zelos_flow::csrf::Secret>, response: &mut Response) {
    if secret.is_some() && !csrf::is_handed_out(&caller.snapshot, response.headers()) {
        set_csrf(caller, secret, response);
    }
}

/// Gives a browser a new anti-CSRF secret.
pub(crate) fn renew_csrf(app: &App, caller: &Caller, response: &mut Response) {
    set_csrf(caller, Some(zelos_flow::csrf::generate(&*app.engine.rng)), response);
}

/// Sets a header whose name is known beforehand.
pub(crate) fn set(response: &mut Response, name: &'static str, value: impl TryInto<HeaderValue>) {
    if let Ok(value) = value.try_into() {
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
}

#[cfg(test)]
#[path = "respond_tests.rs"]
mod tests;
