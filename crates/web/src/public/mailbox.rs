//! The mailbox of development. Whoever sees it can become anybody, so there are three locks on its door: it exists
//! only while the configuration keeps mail in the house, it opens only to this very machine, and only to a browser that
//! asks this machine by its own name (another name may be a stranger's page that has had its name pointed here).

use super::ui;
use crate::{
    app::App,
    caller::Caller,
    client::{Peer, text},
    middleware,
    pages::{MailPage, csp, mailbox},
    respond,
};
use axum::{
    extract::{Path, State},
    response::Response,
};
use http::{HeaderMap, HeaderValue, StatusCode, header, uri::Authority};
use std::{net::IpAddr, str::FromStr, sync::Arc};
use zelos_core::{
    id::MessageId,
    message::{Message, MessageChannel},
    problem::Problem,
    snapshot::Snapshot,
};
use zelos_store::{
    Page,
    messages::{self, Filter},
};

/// So many messages are listed.
const LISTED: usize = 50;

/// By which headers proxies tell of the client behind them.
const TOLD: [&str; 5] = ["x-forwarded-for", "x-real-ip", "true-client-ip", "cf-connecting-ip", "forwarded"];

/// Whether the mailbox opens to a request.
pub(crate) fn is_open(snapshot: &Snapshot, peer: Option<Peer>, headers: &HeaderMap) -> bool {
    snapshot.keeps_mail() && is_own(peer) && names_own(snapshot, headers) && tells_own(snapshot, headers)
}

fn is_own(peer: Option<Peer>) -> bool {
    peer.and_then(|peer| peer.address).is_some_and(|address| is_loopback(address.ip()))
}

fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

/// Whether the browser asked for this machine, or for the address that is configured.
fn names_own(snapshot: &Snapshot, headers: &HeaderMap) -> bool {
    let Some(asked) = text(headers, "host").and_then(|host| Authority::from_str(host).ok()) else { return false };
    let host = asked.host().trim_start_matches('[').trim_end_matches(']');
    let is_ours = |name: &str| name.eq_ignore_ascii_case(host);
    host.parse().is_ok_and(is_loopback) || is_ours("localhost") || snapshot.public.host_str().is_some_and(is_ours)
}

/// Whether every client that a proxy tells of is this machine as well. What we cannot read tells of somebody else.
fn tells_own(snapshot: &Snapshot, headers: &HeaderMap) -> bool {
    let names = TOLD.into_iter().chain([snapshot.serve.public.client_ip_header.as_str()]);
    let mut told = names.flat_map(|name| headers.get_all(name));
    told.all(|line| {
        let mut hops = line.to_str().unwrap_or("?").split(',');
        hops.all(|hop| hop.trim().parse().is_ok_and(is_loopback))
    })
}

/// The door: nothing, or why it stays shut.
fn shut(caller: &Caller) -> Option<Response> {
    if !caller.snapshot.keeps_mail() || !caller.snapshot.selfservice.ui.enabled {
        return Some(middleware::not_found());
    }
    let reason = "The mailbox opens only to a browser on the machine that the server runs on.\n";
    (!caller.sees_mailbox).then(|| respond::body(StatusCode::FORBIDDEN, "text/plain; charset=utf-8", reason))
}

/// `GET /ui/mailbox`
pub(crate) async fn list(State(app): State<Arc<App>>, caller: Caller) -> Response {
    if let Some(refusal) = shut(&caller) {
        return refusal;
    }
    let drawn = async {
        let page = Page::After { key: None, size: LISTED };
        let listed = messages::list(&app.engine.store, &Filter::default(), page).await?;
        Ok(app.pages.mailbox(&listed.items, caller.snapshot.public.as_str())?)
    };
    ui::respond_with(&app, &caller, drawn.await)
}

/// `GET /ui/mailbox/{id}`
pub(crate) async fn show(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<String>) -> Response {
    if let Some(refusal) = shut(&caller) {
        return refusal;
    }
    let drawn = async {
        let message = find(&app, &id).await?;
        let smtp = &caller.snapshot.courier.smtp;
        let sender = match smtp.from_name.as_deref().filter(|name| !name.is_empty()) {
            Some(name) => format!("{name} <{}>", smtp.from_address),
            None => smtp.from_address.clone(),
        };
        let has_html = html(&caller, &message).is_some();
        let base = caller.snapshot.public.as_str();
        Ok(app.pages.mail(&MailPage { message: &message, sender: &sender, has_html, base })?)
    };
    let mut response = ui::respond_with(&app, &caller, drawn.await);
    respond::set(
        &mut response,
        "content-security-policy",
        format!("{}; frame-src 'self'", csp(&caller.snapshot.form_targets)),
    );
    response
}

/// `GET /ui/mailbox/{id}/html`: what the frame shows.
pub(crate) async fn frame(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<String>) -> Response {
    if let Some(refusal) = shut(&caller) {
        return refusal;
    }
    let message = match find(&app, &id).await {
        Ok(message) => message,
        Err(problem) => return ui::failed(&app, &caller, &problem),
    };
    let Some(html) = html(&caller, &message) else { return middleware::not_found() };
    let mut response = respond::body(StatusCode::OK, ui::HTML, mailbox::framed(&html));
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, mailbox::FRAME_CSP),
        (header::X_FRAME_OPTIONS, "SAMEORIGIN"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn find(app: &App, id: &str) -> Result<Message, Problem> {
    let missing = || Problem::NotFound("There is no such message.".to_owned());
    let id = MessageId::from_str(id).map_err(|_| missing())?;
    let (message, _) = messages::find(&app.engine.store, id).await?.ok_or_else(missing)?;
    Ok(message)
}

/// The HTML part, as it would be sent.
fn html(caller: &Caller, message: &Message) -> Option<String> {
    if message.channel != MessageChannel::Email {
        return None;
    }
    caller.snapshot.letters.html(message).unwrap_or_else(|error| {
        tracing::warn!(%error, template = message.template_type.as_str(), "the HTML part of a mail cannot be made");
        None
    })
}

#[cfg(test)]
#[path = "mailbox_tests.rs"]
mod tests;
