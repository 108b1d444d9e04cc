//! Proving an address by a code.

use super::{Code, code_node, go_on, hidden_method, missing, resend};
use zelos_core::{
    config::courier::ChannelId,
    flow::{Flow, State},
    problem::{Problem, Result},
    text::catalog,
    ui::{Group, InputType, Node},
};
use zelos_flow::{
    Cx, Input, Step, csrf,
    gate::is_strange,
    mail,
    proofs::{self, ADDRESS},
};

/// A code says by itself that it is one. What is no method at all is for the payload's schema to refuse.
pub(super) fn claims(input: &Input) -> bool {
    match input.method() {
        "" => input.given("code").is_some(),
        method => method != "link",
    }
}

/// Memory: the code that a link in a mail brought along, for the field to show.
const BROUGHT: &str = "code_from_link";

pub(super) fn form(cx: &Cx<'_>, flow: &mut Flow) -> Vec<Node> {
    if flow.state == State::ChooseMethod {
        return vec![address_node(cx), go_on()];
    }
    let mut code = code_node(catalog::verification_code_label());
    if let Some(brought) = flow.memory.text(BROUGHT) {
        code = code.with_value(brought);
    }
    let mut nodes = vec![hidden_method(), code, go_on()];
    nodes.extend(flow.memory.text(ADDRESS).map(|address| resend(proofs::resend_name(flow), address)));
    nodes
}

/// Where short messages can be sent, a phone number is an address, too.
fn address_node(cx: &Cx<'_>) -> Node {
    let has_sms = cx.snapshot.courier.channels.iter().any(|channel| channel.id == ChannelId::Sms);
    let (kind, label) = if has_sms {
        (InputType::Text, catalog::email_or_phone_label())
    } else {
        (InputType::Email, catalog::email_label())
    };
    Node::input(Group::Code, "email", kind).required().with_label(label)
}

impl Code {
    pub(super) async fn verify(&self, cx: &Cx<'_>, flow: &mut Flow, input: &Input) -> Result<Step> {
        if flow.state == State::PassedChallenge {
            return Err(Problem::start_again(catalog::verification_already_completed()));
        }
        if let Some(code) = input.given("code") {
            if cx.request.is_link {
                return self.fill_in(cx, flow, code);
            }
            flow.memory.remove(BROUGHT);
            let confirmed = match proofs::check(cx, flow, self, code)? {
                Some(sent) => proofs::confirm(cx, flow, &sent).await?,
                None => None,
            };
            let wrong = || Ok(Step::wrong(proofs::guess(flow)?, catalog::verification_code_invalid()));
            return confirmed.map_or_else(wrong, Ok);
        }
        let address = input.given("email").or_else(|| input.given("sms")).ok_or_else(|| missing("email"))?;
        flow.memory.remove(BROUGHT);
        proofs::ask(cx, flow, self, mail::channel_of(address), address).await
    }
}

impl Code {
    /// A link in a mail was opened: the code stands in its field, and nothing has happened yet, as links are opened by
    /// machines, too.
    ///
    /// The form then belongs to the browser that opened the link. To take a form over from another browser, the link must
    /// hold the right code; a wrong one changes nothing and counts as an attempt.
    fn fill_in(self, cx: &Cx<'_>, flow: &mut Flow, code: &str) -> Result<Step> {
        let texts = flow.ui.messages.clone();
        if is_strange(cx, flow) && !proofs::is_right(cx, flow, &self, code)? {
            return Ok(Step::Wrong { guess: proofs::guess(flow)?, says: Ok(texts) });
        }
        flow.memory.set(BROUGHT, code.chars().take(16).collect::<String>());
        if super::is_browser(flow) {
            flow.csrf = cx.request.csrf.as_ref().map(csrf::fingerprint);
        }
        Ok(Step::Show { texts, also: zelos_store::Batch::new() })
    }
}
