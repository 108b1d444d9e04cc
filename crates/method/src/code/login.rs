//! Signing in by a code: instead of a password, or as a second proof. It goes to the addresses that the person's traits
//! name for codes.

use super::{Code, code_node, given, go_on, hidden_method, missing, resend};
use zelos_core::{
    flow::{Detail, Flow, State},
    identity::{CredentialType, Identity, Via, normalize},
    problem::{Problem, Result},
    session::{Aal, MethodName},
    snapshot::Snapshot,
    text::{Text, catalog},
    ui::{Group, InputType, Node},
};
use zelos_flow::{
    Ask, Cx, Input, Step,
    budgets::Guess,
    draw, identities, mail,
    proofs::{self, ADDRESS},
};
use zelos_store::identities as rows;

/// The level that the method is for: with codes as a second factor, they are no first one.
pub(super) fn is_asked_at(snapshot: &Snapshot, requested: Aal) -> bool {
    let code = &snapshot.selfservice.methods.code;
    match requested {
        Aal::Aal2 => code.mfa_enabled && !code.passwordless_enabled,
        Aal::Aal0 | Aal::Aal1 => code.passwordless_enabled,
    }
}

/// Whether the addresses of whoever is signed in are offered instead of asking who they are.
fn offers_addresses(cx: &Cx<'_>) -> bool {
    cx.snapshot.feature_flags.refresh_login_choose_address
}

pub(super) fn claims(cx: &Cx<'_>, flow: &Flow, input: &Input) -> bool {
    let Detail::Login { refresh, requested_aal } = flow.detail else { return false };
    // The buttons with addresses say no method.
    let is_button =
        given(input, "address").is_some() && (requested_aal == Aal::Aal2 || (refresh && offers_addresses(cx)));
    is_asked_at(cx.snapshot, requested_aal) && (input.method() == "code" || (input.method().is_empty() && is_button))
}

pub(super) fn form(cx: &Cx<'_>, flow: &Flow, ask: &Ask<'_>) -> Result<Vec<Node>> {
    let Detail::Login { requested_aal, .. } = flow.detail else { return Ok(Vec::new()) };
    if !is_asked_at(cx.snapshot, requested_aal) {
        return Ok(Vec::new());
    }
    let button = || Node::submit(Group::Code, "method", "code", catalog::send_login_code());
    Ok(match ask {
        Ask::Reauth { of } if offers_addresses(cx) => addresses(cx, flow, of).iter().map(address_button).collect(),
        Ask::FirstFactor | Ask::Reauth { .. } => vec![identifier(cx, flow, InputType::Text, "")?, button()],
        Ask::Known { hint, .. } if hint.is_none_or(|hint| !addresses(cx, flow, hint).is_empty()) => vec![button()],
        Ask::SecondFactor { of, .. } => addresses(cx, flow, of).iter().map(address_button).collect(),
        Ask::Sent { .. } => {
            let typed = flow.memory.text(ADDRESS).unwrap_or_default();
            let code = code_node(catalog::login_code_label());
            vec![
                identifier(cx, flow, InputType::Hidden, typed)?,
                hidden_method(),
                code,
                go_on(),
                resend("resend", "code"),
            ]
        }
        _ => Vec::new(),
    })
}

fn identifier(cx: &Cx<'_>, flow: &Flow, kind: InputType, value: &str) -> Result<Node> {
    let label = draw::schema_of(cx, flow)?.identifier_label().clone();
    Ok(Node::input(Group::Default, "identifier", kind).with_value(value).required().with_label(label))
}

fn address_button((via, address): &(Via, String)) -> Node {
    Node::input(Group::Code, "address", InputType::Submit)
        .with_value(address.as_str())
        .with_label(catalog::send_code_to(via.as_str(), address))
}

/// Where the person takes codes. Those who have no credential for it may use proven mail addresses, where that is wanted.
fn addresses(cx: &Cx<'_>, flow: &Flow, of: &Identity) -> Vec<(Via, String)> {
    let mut all = of.credential(CredentialType::Code).map(identities::code_addresses).unwrap_or_default();
    if all.is_empty() && cx.snapshot.selfservice.methods.code.config.missing_credential_fallback_enabled {
        all = of.verifiable_addresses.iter().map(|address| (address.via, address.value.clone())).collect();
    }
    if let Some(via) = flow.memory.text(super::VIA) {
        all.retain(|(_, address)| address == via);
    }
    all
}

/// The words when a code is on its way.
pub(super) fn sent(flow: &Flow) -> Text {
    match flow.detail {
        Detail::Login { refresh: true, .. } | Detail::Login { requested_aal: Aal::Aal2, .. } => {
            catalog::login_code_sent_to_known()
        }
        _ => catalog::login_code_sent(),
    }
}

impl Code {
    pub(super) async fn log_in(&self, cx: &Cx<'_>, flow: &mut Flow, input: &Input) -> Result<Step> {
        match flow.state {
            State::PassedChallenge => Err(Problem::form(catalog::no_login_method())),
            State::SentEmail if given(input, "resend").is_none() => {
                let code = given(input, "code").ok_or_else(|| missing("code"))?;
                let level = if cx.snapshot.selfservice.methods.code.mfa_enabled { Aal::Aal2 } else { Aal::Aal1 };
                self.redeem(cx, flow, code, (MethodName::Code, level)).await
            }
            _ => {
                let typed = given(input, "identifier").or_else(|| given(input, "address"));
                let typed = typed.ok_or_else(|| missing("identifier"))?;
                self.send_login_code(cx, flow, typed).await
            }
        }
    }

    async fn send_login_code(&self, cx: &Cx<'_>, flow: &mut Flow, typed: &str) -> Result<Step> {
        let typed_value = normalize::identifier(typed);
        let (identity, mut to) = match recipient(cx, flow, &typed_value).await {
            // Counted as if a message had been sent: too many are answered alike.
            Err(says @ Problem::Form(_)) => return Ok(Step::Wrong { guess: Guess::at_nobody(typed), says: Err(says) }),
            found => found?,
        };
        if let Some(address) = to.iter().find(|(_, address)| *address == typed_value).cloned() {
            to = vec![address];
        }
        flow.memory.set(ADDRESS, if typed.contains('@') { typed_value.as_str() } else { typed });
        flow.state = State::SentEmail;
        let also = proofs::send_to_all(cx, flow, self, &identity, &to)?;
        Ok(Step::Show { texts: vec![sent(flow)], also })
    }
}

/// Who is called so, and where their codes go.
async fn recipient(cx: &Cx<'_>, flow: &Flow, typed: &str) -> Result<(Identity, Vec<(Via, String)>)> {
    let unknown = || Problem::form(catalog::no_code_user());
    if let Detail::Login { requested_aal: Aal::Aal2, .. } = flow.detail {
        let current = cx.session.ok_or_else(|| Problem::bug("a second factor is asked of nobody"))?;
        let identity = identities::get(cx, current.session.identity_id).await?;
        let to: Vec<_> = addresses(cx, flow, &identity).into_iter().filter(|(_, address)| address == typed).collect();
        return if to.is_empty() { Err(Problem::form(catalog::address_unknown())) } else { Ok((identity, to)) };
    }
    let found = match rows::find_by_identifier(cx.store, CredentialType::Code, typed).await? {
        Some((identity, code)) => Some(Identity { credentials: vec![code], ..identity }),
        None => without_credential(cx, typed).await?,
    };
    let identity = found.ok_or_else(unknown)?;
    // A login of somebody signed in is theirs, whatever is typed.
    let is_refresh = matches!(flow.detail, Detail::Login { refresh: true, .. });
    let is_somebody_else = cx.session.is_some_and(|current| current.session.identity_id != identity.id);
    let to = addresses(cx, flow, &identity);
    if (is_refresh && is_somebody_else) || to.is_empty() {
        return Err(unknown());
    }
    Ok((identity, to))
}

/// Somebody who has never chosen codes, by their mail address, where that is wanted.
async fn without_credential(cx: &Cx<'_>, typed: &str) -> Result<Option<Identity>> {
    if !cx.snapshot.selfservice.methods.code.config.missing_credential_fallback_enabled {
        return Ok(None);
    }
    let found = rows::find_by_verifiable_address(cx.store, mail::channel_of(typed), typed).await?;
    Ok(found.map(|mut identity| {
        identity.verifiable_addresses.retain(|address| address.value == typed);
        identity
    }))
}
