//! Signing in by a code: instead of a password, or as a second proof. It goes to the addresses that the person's traits
//! name for codes.

use super::{Code, code_node, go_on, hidden_method, missing, resend};
use serde_json::Value;
use zelos_core::{
    flow::{Detail, Flow, State},
    identity::{CredentialType, Identity, Via, normalize},
    problem::{Problem, Result},
    session::{Aal, AuthenticationMethod, MethodName, aal},
    snapshot::Snapshot,
    text::{Text, catalog},
    ui::{Group, InputType, Node},
};
use zelos_flow::{
    Ask, Cx, Input, Step,
    ask::{IDENTIFIER, VIA},
    budgets::Guess,
    draw, identities, mail,
    proofs::{self, ADDRESS},
};
use zelos_store::identities as rows;

/// The level that the method is for: with codes as a second factor, they are no first one.
pub(super) fn is_asked_at(snapshot: &Snapshot, requested: Aal) -> bool {
    let code = &snapshot.selfservice.methods.code;
    match requested {
        Aal::Aal2 => code.is_second_factor(),
        Aal::Aal0 | Aal::Aal1 => code.passwordless_enabled,
    }
}

/// Whether the addresses of whoever is signed in are offered instead of asking who they are.
fn offers_addresses(cx: &Cx<'_>) -> bool {
    cx.snapshot.feature_flags.refresh_login_choose_address
}

pub(super) fn claims(cx: &Cx<'_>, flow: &Flow, input: &Input) -> bool {
    let Detail::Login { requested_aal, .. } = flow.detail else { return false };
    // The buttons with addresses say no method.
    let is_button = input.given("address").is_some() && is_of_somebody_known(cx, flow);
    is_asked_at(cx.snapshot, requested_aal) && (input.method() == "code" || (input.method().is_empty() && is_button))
}

pub(super) fn form(cx: &Cx<'_>, flow: &Flow, ask: &Ask<'_>) -> Result<Vec<Node>> {
    let Detail::Login { requested_aal, .. } = flow.detail else { return Ok(Vec::new()) };
    if !is_asked_at(cx.snapshot, requested_aal) {
        return Ok(Vec::new());
    }
    let button = || Node::submit(Group::Code, "method", "code", catalog::send_login_code());
    Ok(match ask {
        Ask::Reauth { of } if offers_addresses(cx) => buttons(addresses(cx, of)),
        Ask::FirstFactor | Ask::Reauth { .. } => vec![identifier(cx, flow, InputType::Text, "")?, button()],
        Ask::Known { hint, .. } if hint.is_none_or(|hint| !addresses(cx, hint).is_empty()) => vec![button()],
        Ask::SecondFactor { of, .. } => buttons(wished(cx, flow, of)?),
        Ask::Sent { .. } => {
            let typed = flow.memory.text(ADDRESS).unwrap_or_default();
            let code = code_node(catalog::login_code_label());
            vec![sent_to(cx, flow, typed)?, hidden_method(), code, go_on(), resend("resend", "code")]
        }
        _ => Vec::new(),
    })
}

fn identifier(cx: &Cx<'_>, flow: &Flow, kind: InputType, value: &str) -> Result<Node> {
    let label = draw::schema_of(cx, flow)?.identifier_label().clone();
    Ok(Node::input(Group::Default, "identifier", kind).with_value(value).required().with_label(label))
}

fn buttons(mut addresses: Vec<(Via, String)>) -> Vec<Node> {
    addresses.sort_unstable_by(|(_, one), (_, other)| one.cmp(other));
    let button = |(via, address): (Via, String)| {
        let button = Node::input(Group::Code, "address", InputType::Submit).with_value(address.as_str());
        button.with_label(catalog::send_code_to(via.as_str(), &address))
    };
    addresses.into_iter().map(button).collect()
}

/// Where a code went, for the button that sends again: the address that was chosen by its button, or what was typed.
fn sent_to(cx: &Cx<'_>, flow: &Flow, typed: &str) -> Result<Node> {
    if is_of_somebody_known(cx, flow) {
        let node = Node::input(Group::Code, "identifier", InputType::Hidden).with_value(typed);
        return Ok(node.with_label(catalog::send_code_to(mail::channel_of(typed).as_str(), typed)));
    }
    let mut node = identifier(cx, flow, InputType::Hidden, typed)?;
    if flow.memory.text(IDENTIFIER).is_some() {
        node.group = Group::IdentifierFirst;
    }
    Ok(node)
}

/// Whether addresses are chosen, and not typed.
fn is_of_somebody_known(cx: &Cx<'_>, flow: &Flow) -> bool {
    match flow.detail {
        Detail::Login { requested_aal: Aal::Aal2, .. } => true,
        Detail::Login { refresh, .. } => refresh && offers_addresses(cx),
        _ => false,
    }
}

/// Where the person takes codes. Those who have no credential for it may use the addresses that they can verify, where
/// that is wanted.
fn addresses(cx: &Cx<'_>, of: &Identity) -> Vec<(Via, String)> {
    let mut all = of.credential(CredentialType::Code).map(identities::code_addresses).unwrap_or_default();
    if all.is_empty() && cx.snapshot.selfservice.methods.code.config.missing_credential_fallback_enabled {
        all = of.verifiable_addresses.iter().map(|address| (address.via, address.value.clone())).collect();
    }
    all
}

/// The same, or of these the one that the flow was begun for: that of a trait, by its path.
fn wished(cx: &Cx<'_>, flow: &Flow, of: &Identity) -> Result<Vec<(Via, String)>> {
    if !lifts(cx) {
        return Ok(Vec::new());
    }
    let mut all = addresses(cx, of);
    let Some(path) = flow.memory.text(VIA) else { return Ok(all) };
    let pointer: String = path.split('.').flat_map(|step| ["/", step]).collect();
    let value = of.traits.pointer(&pointer).and_then(Value::as_str).unwrap_or_default();
    if value.is_empty() {
        return Err(Problem::bad(format!("The query parameter via names {path:?}: you have no such trait.")));
    }
    let value = normalize::identifier(value);
    let has_any = !all.is_empty();
    all.retain(|(_, address)| *address == value);
    if has_any && all.is_empty() {
        return Err(Problem::bad(format!("The query parameter via names {path:?}: no codes are sent there.")));
    }
    Ok(all)
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
            State::SentEmail if input.given("resend").is_none() => {
                let code = input.given("code").ok_or_else(|| missing("code"))?;
                if let Some(refused) = self.check_identifier(cx, flow, input).await? {
                    return Ok(refused);
                }
                let level = if cx.snapshot.selfservice.methods.code.mfa_enabled { Aal::Aal2 } else { Aal::Aal1 };
                self.redeem(cx, flow, code, (MethodName::Code, level)).await
            }
            _ => {
                let typed = input.given("identifier").or_else(|| input.given("address"));
                let typed = typed.ok_or_else(|| missing("identifier"))?;
                self.send_login_code(cx, flow, typed).await
            }
        }
    }

    /// Sends a code at once where there is nothing to choose: a second proof by the one address there is, or a first one
    /// of somebody who said who they are and has no other way.
    pub(super) async fn send_unasked(&self, cx: &Cx<'_>, flow: &mut Flow, ask: &Ask<'_>) -> Result<Option<Step>> {
        match ask {
            Ask::SecondFactor { of, .. } => match wished(cx, flow, of)?.as_slice() {
                [to @ (_, address)] => self.send_login_code_to(cx, flow, address, of, vec![to.clone()]).map(Some),
                _ => Ok(None),
            },
            // The identity must not be looked at, and yet there is no other method that the form could offer.
            Ask::Known { hint: None, identifier } => self.send_login_code(cx, flow, identifier).await.map(Some),
            Ask::Known { hint: Some(_), identifier } => {
                match recipient(cx, flow, &normalize::identifier(identifier)).await {
                    Ok((identity, to)) => self.send_login_code_to(cx, flow, identifier, &identity, to).map(Some),
                    // The name they told is none that codes are known by: the form says what there is.
                    Err(Problem::Form(_)) => Ok(None),
                    Err(problem) => Err(problem),
                }
            }
            _ => Ok(None),
        }
    }

    /// What is wrong with the identifier beside a code, if it is another one than the code was sent for: it must be of the
    /// same identity. A second factor is one of the session's identity, whatever is sent.
    async fn check_identifier(&self, cx: &Cx<'_>, flow: &Flow, input: &Input) -> Result<Option<Step>> {
        let is_second = matches!(flow.detail, Detail::Login { requested_aal: Aal::Aal2, .. });
        let sent_for = normalize::identifier(flow.memory.text(ADDRESS).unwrap_or_default());
        let typed = input.given("address").or_else(|| input.given("identifier")).filter(|_| !is_second);
        let Some(typed) = typed.filter(|typed| normalize::identifier(typed) != sent_for) else { return Ok(None) };
        let wrong = || Problem::form(catalog::login_code_invalid());
        let says = match recipient(cx, flow, &normalize::identifier(typed)).await {
            Ok((identity, _)) if proofs::is_sent_to(flow, identity.id)? => return Ok(None),
            Ok(_) => wrong(),
            // Where the existence of accounts is not told, both are answered alike.
            Err(Problem::Form(_)) if cx.snapshot.security.account_enumeration.mitigate => wrong(),
            Err(says @ Problem::Form(_)) => says,
            Err(problem) => return Err(problem),
        };
        Ok(Some(Step::Wrong { guess: Guess::at_nobody(typed), says: Err(says) }))
    }

    async fn send_login_code(&self, cx: &Cx<'_>, flow: &mut Flow, typed: &str) -> Result<Step> {
        match recipient(cx, flow, &normalize::identifier(typed)).await {
            Ok((identity, to)) => self.send_login_code_to(cx, flow, typed, &identity, to),
            // Counted as if a message had been sent: too many are answered alike.
            Err(says @ Problem::Form(_)) => Ok(Step::Wrong { guess: Guess::at_nobody(typed), says: Err(says) }),
            Err(problem) => Err(problem),
        }
    }

    fn send_login_code_to(
        self,
        cx: &Cx<'_>,
        flow: &mut Flow,
        typed: &str,
        identity: &Identity,
        mut to: Vec<(Via, String)>,
    ) -> Result<Step> {
        let typed_value = normalize::identifier(typed);
        if let Some(address) = to.iter().find(|(_, address)| *address == typed_value).cloned() {
            to = vec![address];
        }
        flow.memory.set(ADDRESS, if typed.contains('@') { typed_value.as_str() } else { typed });
        flow.state = State::SentEmail;
        let also = proofs::send_to_all(cx, flow, &self, identity, &to)?;
        Ok(Step::Show { texts: vec![sent(flow)], also })
    }
}

/// Whether a code would be a second factor for whoever is signed in, who may have come in by post already.
fn lifts(cx: &Cx<'_>) -> bool {
    let code = AuthenticationMethod::new(MethodName::Code, Aal::Aal2, cx.clock.now());
    cx.session.is_some_and(|current| {
        let proofs: Vec<_> = current.session.methods.iter().cloned().chain([code]).collect();
        aal::of(&proofs, cx.snapshot.security.assurance.distinct_channels) == Aal::Aal2
    })
}

/// Who is called so, and where their codes go.
async fn recipient(cx: &Cx<'_>, flow: &Flow, typed: &str) -> Result<(Identity, Vec<(Via, String)>)> {
    let unknown = || Problem::form(catalog::no_code_user());
    let has_fallback = cx.snapshot.selfservice.methods.code.config.missing_credential_fallback_enabled;
    if let Detail::Login { requested_aal: Aal::Aal2, .. } = flow.detail {
        let identity = identities::signed_in(cx).await?;
        let mut to = addresses(cx, &identity);
        to.retain(|(_, address)| address == typed && lifts(cx));
        return match to.is_empty() {
            true if has_fallback => Err(Problem::form(catalog::address_unknown())),
            true => Err(unknown()),
            false => Ok((identity, to)),
        };
    }
    let found = match rows::find_by_identifier(cx.store, CredentialType::Code, typed).await? {
        Some(identity) => Some(identity),
        None => without_credential(cx, typed).await?,
    };
    let identity = found.ok_or_else(unknown)?;
    // A login of somebody signed in is theirs, whatever is typed.
    let is_refresh = matches!(flow.detail, Detail::Login { refresh: true, .. });
    let is_somebody_else = cx.session.is_some_and(|current| current.session.identity_id != identity.id);
    let to = addresses(cx, &identity);
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
