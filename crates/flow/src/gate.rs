//! Who may pass: one function for each question that stands before the work. All of them are asked by the engine, in
//! its order; none looks at a method.

use crate::{
    csrf,
    input::Input,
    plug::{Current, Cx},
};
use time::OffsetDateTime;
use zelos_core::{
    flow::{Channel, Detail, Flow, Kind},
    problem::{CsrfReason, Expired, NoSession, Problem, Result},
    session::{Aal, aal},
    snapshot::{Snapshot, with_query},
};

/// Whether flows of that kind can be had at all.
pub(crate) fn enabled(cx: &Cx<'_>, kind: Kind) -> Result<()> {
    if cx.snapshot.selfservice.flows.enabled(kind) {
        return Ok(());
    }
    // Quirk: only registration has an id for it (Kratos selfservice/flow/{recovery,verification}/handler.go).
    let id = (kind == Kind::Registration).then_some("self_service_flow_disabled");
    Err(Problem::Bad { id, reason: format!("There is no {} here.", kind.as_str()) })
}

/// Where a browser asked to be sent afterwards, if it may be sent there. An empty wish is none.
pub(crate) fn return_to(snapshot: &Snapshot, wish: Option<&str>) -> Result<Option<String>> {
    snapshot.returns.check(wish).map_err(|_| Problem::Bad {
        id: Some("self_service_flow_return_to_forbidden"),
        reason: "The address in return_to is not one that browsers may be sent to.".to_owned(),
    })
}

/// Whether whoever is signed in, or nobody, may create that flow. Drops a `refresh` that nobody asks for in earnest.
pub(crate) fn session_at_create(cx: &Cx<'_>, flow: &mut Flow) -> Result<()> {
    let session = cx.session;
    match (&mut flow.detail, session) {
        (Detail::Login { requested_aal: Aal::Aal2, .. }, None) => Err(Problem::NoSession(NoSession::ForSecondFactor)),
        (Detail::Login { refresh, .. }, None) => {
            *refresh = false;
            Ok(())
        }
        (Detail::Login { refresh: true, .. }, Some(_))
        | (Detail::Registration | Detail::Recovery { .. }, None)
        | (Detail::Verification, _) => Ok(()),
        (Detail::Login { requested_aal, .. }, Some(current)) if *requested_aal > current.session.aal => Ok(()),
        (Detail::Login { .. } | Detail::Registration, Some(_)) => Err(already_signed_in(cx, flow)),
        (Detail::Settings { .. }, Some(current)) => {
            let tail = flow.return_to.as_ref().map(|_| flow.request_url.clone());
            settings_aal(cx, current, tail.as_deref())
        }
        (Detail::Settings { .. }, None) => Err(no_settings_session(flow.channel)),
        // Quirk: whoever is signed in goes to the default, whatever they asked for (Kratos
        // selfservice/flow/recovery/handler.go).
        (Detail::Recovery { .. }, Some(_)) => Err(to_default(cx)),
    }
}

/// Whether nobody is signed in: asked by recovery before anything is sent, and not before a code is looked at.
pub(crate) fn nobody(cx: &Cx<'_>) -> Result<()> {
    if cx.session.is_some() { Err(to_default(cx)) } else { Ok(()) }
}

/// Whether whoever is signed in, or nobody, may submit that flow.
pub(crate) fn session_at_submit(cx: &Cx<'_>, flow: &Flow) -> Result<()> {
    match (&flow.detail, cx.session) {
        (Detail::Login { requested_aal: Aal::Aal2, .. }, None) => Err(Problem::NoSession(NoSession::ForSecondFactor)),
        (Detail::Login { .. } | Detail::Registration, None) | (Detail::Recovery { .. } | Detail::Verification, _) => {
            Ok(())
        }
        (Detail::Login { refresh, requested_aal }, Some(current))
            if *refresh || *requested_aal > current.session.aal =>
        {
            Ok(())
        }
        // A browser that is signed in already is sent to the default, not to where this flow wanted to go.
        (Detail::Login { .. }, Some(_)) => Err(to_default(cx)),
        (Detail::Registration, Some(_)) => Err(already_signed_in(cx, flow)),
        (Detail::Settings { identity }, Some(current)) => {
            same_person(current, *identity)?;
            settings_aal(cx, current, Some(&cx.snapshot.ui_url_of(Kind::Settings, flow.id)))
        }
        (Detail::Settings { .. }, None) => Err(Problem::NoSession(NoSession::WithoutId)),
    }
}

/// Whether the caller may read the flow: its own browser (by the anti-CSRF secret), the person whose settings they
/// are, or any native app that knows the id.
pub(crate) fn owner(cx: &Cx<'_>, flow: &Flow) -> Result<()> {
    if let Detail::Settings { .. } = flow.detail {
        return session_at_submit(cx, flow);
    }
    stranger(cx, flow).map_or(Ok(()), Err)
}

/// What is wrong with the caller's browser, if the flow was made for another one. Settings belong to a person, whom the
/// session tells.
pub(crate) fn stranger(cx: &Cx<'_>, flow: &Flow) -> Option<Problem> {
    let by_admin = matches!(flow.detail, Detail::Recovery { by_admin: true, .. });
    if flow.channel == Channel::Api || flow.kind() == Kind::Settings || by_admin {
        return None;
    }
    let Some(secret) = &cx.request.csrf else { return Some(Problem::Csrf(missing_cookie(cx))) };
    let own = flow.csrf.as_deref() == Some(csrf::fingerprint(secret).as_str());
    (!own).then_some(Problem::Csrf(CsrfReason::Mismatch))
}

/// Whether the flow was made for another browser.
pub fn is_strange(cx: &Cx<'_>, flow: &Flow) -> bool {
    stranger(cx, flow).is_some()
}

/// Whether the flow may still be used.
pub(crate) fn expiry(cx: &Cx<'_>, flow: &Flow) -> Result<()> {
    let now = cx.clock.now();
    if flow.is_expired(now) { Err(Problem::Expired(Box::new(expired(cx, flow, now)))) } else { Ok(()) }
}

/// The facts about an expired flow, without a replacement.
pub(crate) fn expired(cx: &Cx<'_>, flow: &Flow, now: OffsetDateTime) -> Expired {
    let kind = flow.kind();
    let details = match flow.channel {
        Channel::Api => {
            serde_json::json!({ "api": cx.snapshot.public_path(&format!("self-service/{}/api", kind.as_str())) })
        }
        Channel::Browser => {
            let query: Vec<_> = flow.return_to.iter().map(|to| ("return_to", to.as_str())).collect();
            let mut details = serde_json::json!({ "redirect_to": cx.snapshot.start_url(kind, &query) });
            if let Some(to) = &flow.return_to {
                details["return_to"] = to.as_str().into();
            }
            details
        }
    };
    Expired {
        kind,
        expired_at: flow.expires_at,
        since: (now - flow.expires_at).try_into().unwrap_or_default(),
        replacement: None,
        details,
        continue_with: Vec::new(),
    }
}

/// Whether a submission comes from where the flow was shown: browsers show a token that belongs to their cookie,
/// native apps look like no browser.
pub(crate) fn csrf(cx: &Cx<'_>, flow: &Flow, input: &Input) -> Result<()> {
    match flow.channel {
        Channel::Api if cx.request.has_origin => {
            Err(Problem::bad("A native app does not send the header Origin: use a browser flow instead."))
        }
        Channel::Api if cx.request.has_foreign_cookies => {
            Err(Problem::bad("A native app does not send cookies: use a browser flow instead."))
        }
        Channel::Api => Ok(()),
        Channel::Browser => {
            let Some(secret) = &cx.request.csrf else { return Err(Problem::Csrf(missing_cookie(cx))) };
            let token = input.text("csrf_token").unwrap_or_default();
            if csrf::verify(secret, token) {
                return Ok(());
            }
            Err(Problem::Csrf(if token.is_empty() { CsrfReason::NoToken } else { CsrfReason::Mismatch }))
        }
    }
}

/// Whether the proof of the session is fresh enough for a change of credentials.
pub(crate) fn privileged(cx: &Cx<'_>, flow: &Flow) -> Result<()> {
    let max_age = *cx.snapshot.selfservice.flows.settings.privileged_session_max_age;
    let fresh = cx.session.is_some_and(|current| cx.clock.now() - current.session.authenticated_at < max_age);
    if fresh {
        return Ok(());
    }
    let action = cx.snapshot.action(Kind::Settings, flow.id);
    Err(Problem::NeedsReauth { to: cx.snapshot.start_url(Kind::Login, &[("refresh", "true"), ("return_to", &action)]) })
}

/// Whether a session reaches the level that `/sessions/whoami` demands.
pub(crate) fn whoami_aal(cx: &Cx<'_>, current: &Current) -> Result<()> {
    let required = cx.snapshot.session.whoami.required_aal;
    if aal::satisfies(required, current.session.aal, current.person.available_aal) {
        return Ok(());
    }
    let to = cx.snapshot.start_url(Kind::Login, &[("aal", "aal2")]);
    Err(Problem::StepUp { built: to.clone(), to })
}

fn settings_aal(cx: &Cx<'_>, current: &Current, back: Option<&str>) -> Result<()> {
    let required = cx.snapshot.selfservice.flows.settings.required_aal;
    if aal::satisfies(required, current.session.aal, current.person.available_aal) {
        return Ok(());
    }
    let built = cx.snapshot.start_url(Kind::Login, &[("aal", "aal2")]);
    let to = back.map_or_else(|| built.clone(), |back| with_query(&built, &[("return_to", back)]));
    Err(Problem::StepUp { built, to })
}

fn same_person(current: &Current, identity: zelos_core::id::IdentityId) -> Result<()> {
    if current.session.identity_id == identity {
        return Ok(());
    }
    Err(Problem::Forbidden {
        id: Some("security_identity_mismatch"),
        reason: "These settings were opened by somebody else: start a new settings flow.".to_owned(),
    })
}

fn no_settings_session(channel: Channel) -> Problem {
    Problem::NoSession(match channel {
        Channel::Browser => NoSession::ForSettings,
        Channel::Api => NoSession::Plain,
    })
}

fn already_signed_in(cx: &Cx<'_>, flow: &Flow) -> Problem {
    let to = flow.return_to.clone().unwrap_or_else(|| cx.snapshot.returns.default_url().to_string());
    Problem::AlreadySignedIn { to }
}

fn to_default(cx: &Cx<'_>) -> Problem {
    Problem::AlreadySignedIn { to: cx.snapshot.returns.default_url().to_string() }
}

fn missing_cookie(cx: &Cx<'_>) -> CsrfReason {
    if cx.request.has_cookies { CsrfReason::NoCsrfCookie } else { CsrfReason::NoCookies }
}
