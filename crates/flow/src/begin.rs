//! How a flow comes into being: from what was asked for, in place of another one, or on the way of another one.

use crate::{
    ask, csrf, gate,
    plug::{Cx, Request},
};
use time::OffsetDateTime;
use url::Url;
use zelos_core::{
    flow::{Channel, Detail, Flow, Kind, Memory},
    id::{FlowId, IdentityId},
    problem::{NoSession, Problem, Result},
    session::Aal,
    snapshot::with_query,
    ui::Ui,
};

/// The members of a query; empty ones count as absent, since user interfaces send them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Query<'a>(pub(crate) &'a [(String, String)]);

impl Query<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }
}

/// The flow that a request asks for, before anybody has looked whether it may be had.
pub(crate) fn asked(cx: &Cx<'_>, kind: Kind, channel: Channel, query: &Query<'_>) -> Result<Flow> {
    let detail = match kind {
        Kind::Login => Detail::Login {
            refresh: query.get("refresh").is_some_and(is_true),
            requested_aal: requested_aal(query.get("aal").unwrap_or_default())?,
        },
        Kind::Registration => Detail::Registration,
        Kind::Settings => {
            let current = cx.session.ok_or(Problem::NoSession(match channel {
                Channel::Browser => NoSession::ForSettings,
                Channel::Api => NoSession::Plain,
            }))?;
            Detail::Settings { identity: current.session.identity_id }
        }
        Kind::Recovery => Detail::Recovery {
            by_admin: false,
            skip_settings: query.get("skip_settings").is_some_and(|text| text == "true"),
        },
        Kind::Verification => Detail::Verification,
    };
    let mut flow = new(cx, channel, detail);
    flow.return_to = gate::return_to(cx.snapshot, query.get("return_to"))?;
    if let (Detail::Login { requested_aal: Aal::Aal2, .. }, Some(via)) = (&flow.detail, query.get("via")) {
        flow.memory.set(ask::VIA, via);
    }
    flow.schema = match query.get("identity_schema") {
        Some(id) if matches!(kind, Kind::Login | Kind::Registration) => Some(selectable(cx, id)?),
        _ => cx.session.filter(|_| kind == Kind::Settings).map(|current| current.person.schema_id.clone()),
    };
    Ok(flow)
}

/// A flow that begins now, at the address of the request.
pub(crate) fn new(cx: &Cx<'_>, channel: Channel, detail: Detail) -> Flow {
    let now = cx.clock.now();
    let mut flow = Flow {
        id: FlowId(cx.rng.uuid_v4()),
        channel,
        state: ask::first_state(cx.snapshot, Kind::Login),
        active: None,
        issued_at: now,
        expires_at: now,
        updated_at: now,
        request_url: cx.request.url.clone(),
        return_to: None,
        csrf: fingerprint(cx.request, channel),
        schema: None,
        organization_id: None,
        detail,
        memory: Memory::default(),
        ui: Ui::default(),
        continue_with: Vec::new(),
        transient_payload: None,
        version: 1,
    };
    let kind = flow.kind();
    flow.state = ask::first_state(cx.snapshot, kind);
    flow.active = ask::first_active(cx.snapshot, kind);
    date(cx, &mut flow, now);
    flow
}

/// A new flow in place of one that leads nowhere any more: same kind and address. Whoever opened a link to the old one
/// is a browser.
pub(crate) fn successor(cx: &Cx<'_>, old: &Flow) -> Flow {
    let mut flow = old.successor(FlowId(cx.rng.uuid_v4()), ask::first_state(cx.snapshot, old.kind()));
    flow.channel = cx.request.channel(old);
    flow.csrf = fingerprint(cx.request, flow.channel).or(flow.csrf);
    date(cx, &mut flow, cx.clock.now());
    flow
}

/// The settings of somebody who has recovered their account. They end where the recovery wanted to go.
pub(crate) fn settings_after(cx: &Cx<'_>, recovery: &Flow, identity: IdentityId, schema_id: &str) -> Flow {
    let mut flow = new(cx, cx.request.channel(recovery), Detail::Settings { identity });
    let after = &cx.snapshot.selfservice.flows.recovery.after;
    let wish = recovery.return_to.clone();
    flow.return_to = wish.or_else(|| after.default_browser_return_url.as_ref().map(ToString::to_string));
    flow.request_url = match &flow.return_to {
        Some(to) => with_query(&cx.snapshot.start_url(Kind::Settings, &[]), &[("return_to", to)]),
        None => cx.snapshot.start_url(Kind::Settings, &[]),
    };
    flow.schema = Some(schema_id.to_owned());
    flow
}

/// A verification that another flow begins on its way. What is said of the time after it holds for it.
pub(crate) fn verification_after(cx: &Cx<'_>, parent: &Flow) -> Flow {
    let mut flow = new(cx, parent.channel, Detail::Verification);
    flow.transient_payload.clone_from(&parent.transient_payload);
    flow.request_url.clone_from(&parent.request_url);
    flow.return_to.clone_from(&parent.return_to);
    let Ok(mut url) = Url::parse(&parent.request_url) else { return flow };
    let members: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let after = members.iter().find(|(name, value)| name == AFTER && !value.is_empty()).map(|(_, value)| value.clone());
    if members.iter().any(|(name, _)| name == AFTER) {
        let kept = |name: &str| name != AFTER && (after.is_none() || name != "return_to");
        let kept = members.iter().filter(|(name, _)| kept(name));
        url.query_pairs_mut().clear().extend_pairs(kept).extend_pairs(after.iter().map(|to| ("return_to", to)));
        flow.request_url = url.into();
    }
    if let Some(after) = after {
        // Where browsers may not be sent they are not sent.
        flow.return_to = gate::return_to(cx.snapshot, Some(&after)).ok().flatten();
    }
    flow
}

const AFTER: &str = "after_verification_return_to";

fn date(cx: &Cx<'_>, flow: &mut Flow, now: OffsetDateTime) {
    flow.issued_at = now;
    flow.updated_at = now;
    flow.expires_at = now + *cx.snapshot.selfservice.flows.lifespan(flow.kind());
}

fn fingerprint(request: &Request, channel: Channel) -> Option<String> {
    request.csrf.as_ref().filter(|_| channel == Channel::Browser).map(csrf::fingerprint)
}

fn requested_aal(text: &str) -> Result<Aal> {
    match text.to_lowercase().as_str() {
        "" | "aal1" => Ok(Aal::Aal1),
        "aal2" => Ok(Aal::Aal2),
        _ => Err(Problem::bad("The query parameter aal must be aal1 or aal2.")),
    }
}

/// Go's `strconv.ParseBool`, as the wire has it.
fn is_true(text: &str) -> bool {
    matches!(text, "1" | "t" | "T" | "true" | "TRUE" | "True")
}

fn selectable(cx: &Cx<'_>, id: &str) -> Result<String> {
    let found = cx.snapshot.schemas.find_selectable(id).map(|schema| schema.id().to_owned());
    found.ok_or_else(|| Problem::bad(format!("The identity schema {id:?} is not offered here.")))
}
