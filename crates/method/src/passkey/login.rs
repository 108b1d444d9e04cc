//! Signing in with a passkey: by a button, or offered by the browser where it fills in who one is. Whoever confirms that
//! they are still there is asked for their own keys only.

use super::{CHALLENGE, Passkey, is_browser, name_of, party, proof};
use crate::ceremony::{
    Challenge, Key, Keys, failed,
    nodes::{self, Trigger},
    verify::Signed,
};
use uuid::Uuid;
use zelos_core::{
    flow::{Flow, Kind},
    id::IdentityId,
    identity::{CredentialType, Identity},
    problem::{Problem, Result},
    text::catalog,
    ui::{Group, InputType, Node},
};
use zelos_flow::{Ask, Cx, Input, Step, draw};
use zelos_store::identities as stored;

impl Passkey {
    pub(super) fn first_factor(&self, cx: &Cx<'_>, flow: &mut Flow, ask: &Ask<'_>) -> Result<Vec<Node>> {
        let offers = match ask {
            Ask::Identify => false,
            Ask::Known { hint, .. } => hint.is_none_or(|of| !keys(of).is_empty()),
            _ => true,
        };
        if matches!(ask, Ask::Known { .. }) && !offers {
            return Ok(Vec::new());
        }
        let challenge = Challenge::set(cx, flow, CHALLENGE, &[]);
        let options = party(cx)?.request(&challenge, std::iter::empty());
        let browser = is_browser(flow);
        let mut form = Vec::new();
        if matches!(ask, Ask::FirstFactor) {
            let label = draw::schema_of(cx, flow)?.identifier_label().clone();
            let identifier = Node::input(Group::Default, "identifier", InputType::Text).with_value("").required();
            form.push(identifier.with_autocomplete("username webauthn").with_label(label));
        }
        form.push(nodes::hidden(Group::Passkey, "passkey_challenge", Some(options.to_string())));
        form.extend(self.script(cx, flow));
        let waits = Trigger::plain("oryPasskeyLoginAutocompleteInit", browser);
        form.push(nodes::waiting(Group::Passkey, "passkey_login", waits));
        if offers {
            form.push(button(browser));
        }
        Ok(form)
    }

    /// What asks the passkeys of somebody who is known.
    pub(super) fn proof_form(&self, cx: &Cx<'_>, flow: &mut Flow, of: &Identity) -> Result<Vec<Node>> {
        let keys = keys(of);
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let challenge = Challenge::set(cx, flow, CHALLENGE, of.id.0.as_bytes());
        let options = party(cx)?.request(&challenge, keys.iter());
        let mut form = vec![nodes::hidden(Group::Passkey, "passkey_challenge", Some(options.to_string()))];
        form.extend(self.script(cx, flow));
        form.push(nodes::hidden(Group::Passkey, "passkey_login", None));
        form.push(button(is_browser(flow)));
        form.push(nodes::hidden(Group::Default, "identifier", Some(name_of(cx, of))));
        Ok(form)
    }

    pub(super) async fn log_in(&self, cx: &Cx<'_>, flow: &mut Flow, input: &Input) -> Result<Step> {
        let Some(answer) = input.given("passkey_login") else {
            // Somebody without scripts has pressed a button.
            return Ok(Step::Leave { to: cx.snapshot.ui_url_of(Kind::Login, flow.id), texts: Vec::new() });
        };
        let challenge = Challenge::take(flow, CHALLENGE);
        let signed = Signed::read(answer)?;
        let challenge = challenge?;
        let (from, kind) = find(cx, &signed.user_handle).await?;
        // A challenge that was set to somebody is answered by their keys, not by those of others.
        if !challenge.whom.is_empty() && challenge.whom != from.id.0.as_bytes() {
            return Err(failed());
        }
        let credential = from.credential(kind).ok_or_else(|| Problem::form(catalog::no_webauthn_device()))?;
        let mut keys = Keys::of(credential)?;
        // Among security keys there are second factors.
        let is_first = |key: &&mut Key| kind == CredentialType::Passkey || key.is_passwordless;
        let key = keys.find_mut(&signed.id).filter(is_first).ok_or_else(failed)?;
        signed.verify(&party(cx)?, &challenge, key)?;
        let to = keys.kept(cx, &from, kind)?;
        Ok(Step::Prove { from: Box::new(from), to: Box::new(to), by: proof(cx) })
    }
}

/// Whom the answer is from, and among which of their keys it belongs. Authenticators may keep silent about whom they know
/// where only the keys of somebody who is signed in were asked.
///
/// Security keys that know whom they belong to – by the id of the person, as settings have told them – are passkeys in all
/// but name.
async fn find(cx: &Cx<'_>, handle: &[u8]) -> Result<(Identity, CredentialType)> {
    let unknown = || Problem::form(catalog::no_such_webauthn_user());
    if handle.is_empty() {
        let current = cx.session.ok_or_else(unknown)?;
        let of = zelos_flow::identities::get(cx, current.session.identity_id).await?;
        return Ok((of, CredentialType::Passkey));
    }
    if let Ok(name) = std::str::from_utf8(handle)
        && let Some(of) = stored::find_by_identifier(cx.store, CredentialType::Passkey, name).await?
    {
        return Ok((of, CredentialType::Passkey));
    }
    let id = Uuid::from_slice(handle).map_err(|_| unknown())?;
    let of = stored::find_with_credentials(cx.store, IdentityId(id)).await?.ok_or_else(unknown)?;
    let is_theirs = Keys::usable(of.credential(CredentialType::Webauthn)).user_handle == handle;
    if is_theirs { Ok((of, CredentialType::Webauthn)) } else { Err(unknown()) }
}

fn keys(of: &Identity) -> Vec<Key> {
    Keys::usable(of.credential(CredentialType::Passkey)).credentials
}

fn button(is_browser: bool) -> Node {
    let trigger = Trigger::plain("oryPasskeyLogin", is_browser);
    let label = catalog::sign_in_with_passkey();
    nodes::button(Group::Passkey, "passkey_login_trigger", Some(String::new()), trigger, label)
}
