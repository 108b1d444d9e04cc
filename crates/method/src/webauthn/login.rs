//! Signing in with a key. As a first factor in two steps: a key answers only if it is named, so the person says who they
//! are before it is asked. As a second factor, and to confirm that one is still there, it is known whose key it is.

use super::{CHALLENGE, Webauthn, is_passwordless, level, party, proof};
use crate::ceremony::{
    Challenge, Key, Keys, failed,
    nodes::{self, Trigger},
    verify::Signed,
};
use zelos_core::{
    flow::{Detail, Flow, Kind},
    identity::{CredentialType, Identity, normalize},
    problem::{Problem, Result},
    session::Aal,
    text::{Text, catalog},
    ui::{Group, InputType, Node},
};
use zelos_flow::{Ask, Cx, Input, Method, Step, ask::ALONE, draw, identities};
use zelos_store::identities as stored;

/// Memory: who was named in the first step, as they wrote it.
const NAMED: &str = "webauthn_identifier";

impl Webauthn {
    /// The button that asks for a key; or, once somebody was named, what asks theirs.
    pub(super) async fn first_factor(&self, cx: &Cx<'_>, flow: &mut Flow, ask: &Ask<'_>) -> Result<Vec<Node>> {
        if let Some(named) = flow.memory.text(NAMED).map(ToOwned::to_owned) {
            let found = find(cx, &named).await?.and_then(|of| usable(&of, Aal::Aal1).map(|keys| (of, keys)));
            if let Some((of, keys)) = found {
                let identifier = nodes::hidden(Group::Default, "identifier", Some(named)).required();
                return self.asking(cx, flow, (&of, &keys), identifier, catalog::login_continue());
            }
            // The keys are gone since: everybody begins anew.
            flow.memory.remove(NAMED);
            flow.memory.remove(ALONE);
        }
        if !is_passwordless(cx.snapshot) {
            return Ok(Vec::new());
        }
        let button = Node::submit(Group::Webauthn, "method", self.id(), catalog::sign_in_with_security_key());
        Ok(match ask {
            Ask::Known { hint, .. } if hint.is_none_or(|of| usable(of, Aal::Aal1).is_some()) => vec![button],
            Ask::Known { .. } => Vec::new(),
            _ => {
                let label = draw::schema_of(cx, flow)?.identifier_label().clone();
                let identifier = Node::input(Group::Default, "identifier", InputType::Text).with_value("").required();
                vec![identifier.with_autocomplete("username webauthn").with_label(label), button]
            }
        })
    }

    /// What asks the keys of somebody who is known.
    pub(super) fn proof_form(&self, cx: &Cx<'_>, flow: &mut Flow, of: &Identity, aal: Aal) -> Result<Vec<Node>> {
        let Some(keys) = usable(of, aal) else { return Ok(Vec::new()) };
        let name = of.credential(CredentialType::Webauthn).and_then(|credential| credential.identifiers.first());
        let identifier = nodes::hidden(Group::Default, "identifier", Some(name.cloned().unwrap_or_default()));
        self.asking(cx, flow, (of, &keys), identifier, catalog::sign_in_with_security_key())
    }

    fn asking(
        &self,
        cx: &Cx<'_>,
        flow: &mut Flow,
        (of, keys): (&Identity, &[Key]),
        identifier: Node,
        label: Text,
    ) -> Result<Vec<Node>> {
        let party = party(cx)?;
        let challenge = Challenge::set(cx, flow, CHALLENGE, of.id.0.as_bytes());
        let options = party.request(&challenge, keys.iter());
        let trigger = Trigger::with_options("oryWebAuthnLogin", &options);
        let value = Some(options.to_string());
        Ok(vec![
            identifier,
            nodes::script(cx, &self.script_integrity),
            nodes::button(Group::Webauthn, "webauthn_login_trigger", value, trigger, label),
            nodes::hidden(Group::Webauthn, "webauthn_login", Some(String::new())),
        ])
    }

    pub(super) async fn log_in(&self, cx: &Cx<'_>, flow: &mut Flow, input: &Input) -> Result<Step> {
        let Detail::Login { refresh, requested_aal } = flow.detail else {
            return Err(Problem::bug("a login is asked of another flow"));
        };
        let answer = input.given("webauthn_login");
        if requested_aal == Aal::Aal2 {
            let answer = answer.ok_or_else(|| missing("webauthn_login"))?;
            return judge(cx, flow, identities::signed_in(cx).await?, Aal::Aal2, answer);
        }
        if !is_passwordless(cx.snapshot) && !refresh {
            return Err(Problem::form(catalog::no_login_method()));
        }
        let identifier = input.text("identifier").ok_or_else(|| missing("identifier"))?;
        let of = find(cx, identifier).await?;
        let of = of.ok_or_else(|| Problem::form(catalog::no_such_webauthn_user()))?;
        match answer {
            Some(answer) => judge(cx, flow, of, Aal::Aal1, answer),
            None if usable(&of, Aal::Aal1).is_none() => Err(Problem::form(catalog::no_such_webauthn_user())),
            None => {
                flow.memory.set(NAMED, identifier);
                flow.memory.set(ALONE, self.id());
                let to = cx.snapshot.ui_url_of(Kind::Login, flow.id);
                Ok(Step::Leave { to, texts: vec![catalog::prepare_security_key()] })
            }
        }
    }
}

/// Whether a key of that person has answered the challenge that was set to them; and what it tells of itself.
fn judge(cx: &Cx<'_>, flow: &mut Flow, from: Identity, aal: Aal, answer: &str) -> Result<Step> {
    let challenge = Challenge::take(flow, CHALLENGE);
    let signed = Signed::read(answer)?;
    let challenge = challenge?;
    let credential = from.credential(CredentialType::Webauthn);
    let credential = credential.ok_or_else(|| Problem::form(catalog::no_webauthn_device()))?;
    let mut keys = Keys::of(credential)?;
    let is_theirs = challenge.whom == from.id.0.as_bytes()
        && (signed.user_handle.is_empty() || signed.user_handle == keys.user_handle);
    let key = keys.find_mut(&signed.id).filter(|key| is_theirs && level(key) == aal).ok_or_else(failed)?;
    signed.verify(&party(cx)?, &challenge, key)?;
    let by = proof(cx, key);
    let to = keys.kept(cx, &from, CredentialType::Webauthn)?;
    Ok(Step::Prove { from: Box::new(from), to: Box::new(to), by })
}

/// Whoever has security keys and is called so.
async fn find(cx: &Cx<'_>, identifier: &str) -> Result<Option<Identity>> {
    let identifier = normalize::identifier(identifier);
    Ok(stored::find_by_identifier(cx.store, CredentialType::Webauthn, &identifier).await?)
}

/// The keys that prove that level, if there are any.
fn usable(of: &Identity, aal: Aal) -> Option<Vec<Key>> {
    let mut keys = Keys::usable(of.credential(CredentialType::Webauthn)).credentials;
    keys.retain(|key| level(key) == aal);
    (!keys.is_empty()).then_some(keys)
}

fn missing(name: &'static str) -> Problem {
    Problem::field(name, catalog::property_missing(name))
}
