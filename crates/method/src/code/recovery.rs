//! Getting back in by a code: the address is asked for, the code, and that is all – or, where people may choose among
//! their addresses (`feature_flags.choose_recovery_address`), any of them is asked for first, and where to send it.

use super::{Code, DIGITS, code_node, go_on, hidden_method, missing, resend};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use zelos_core::{
    flow::{Detail, Flow, State},
    identity::{Via, normalize},
    problem::{Problem, Result},
    session::{Aal, MethodName},
    text::{Text, catalog},
    ui::{Group, InputType, Node},
};
use zelos_flow::{
    Cx, Input, Step,
    mail::{self, masked},
    proofs::{self, ADDRESS},
};
use zelos_store::identities;

/// Memory: the address told first, in the choice among addresses.
const FIRST: &str = "first_address";
/// Memory: which of the masked addresses was chosen, as it was sent.
const CHOSEN: &str = "chosen_address";
/// What the marks of masked addresses are for.
const PURPOSE: &str = "masked recovery address";
/// The value of `screen` that leads back.
const BACK: &str = "previous";

/// Whether people may choose among their addresses in that flow.
fn has_choice(flow: &Flow) -> bool {
    matches!(
        flow.state,
        State::RecoveryAwaitingAddress
            | State::RecoveryAwaitingAddressChoice
            | State::RecoveryConfirmingAddress
            | State::RecoveryAwaitingCode
    )
}

/// Once a code is on its way, whatever has no address is taken for a code.
pub(super) fn claims(flow: &Flow, input: &Input) -> bool {
    has_choice(flow)
        || (flow.state != State::ChooseMethod && input.given("email").is_none())
        || input.method() == "code"
}

pub(super) fn sent(flow: &Flow, to: &str) -> Text {
    if has_choice(flow) { catalog::recovery_code_sent_to(&masked(to)) } else { catalog::recovery_code_sent() }
}

pub(super) async fn form(cx: &Cx<'_>, flow: &mut Flow) -> Result<Vec<Node>> {
    let address = flow.memory.text(ADDRESS).unwrap_or_default().to_owned();
    let first = flow.memory.text(FIRST).unwrap_or_default().to_owned();
    Ok(match flow.state {
        State::RecoveryAwaitingAddress => {
            let address = Node::input(Group::Code, "recovery_address", InputType::Text).required();
            vec![address.with_label(catalog::recovery_address_label()), go_on()]
        }
        State::RecoveryAwaitingAddressChoice => {
            let addresses = addresses(cx, &first).await?;
            let choice = |address: &String| Ok(choice(&mark(cx, flow, address)?, address));
            let mut nodes = addresses.iter().map(choice).collect::<Result<Vec<_>>>()?;
            nodes.extend([hidden_method(), hidden_first(&first)]);
            nodes
        }
        State::RecoveryConfirmingAddress => {
            let chosen = flow.memory.text(CHOSEN).unwrap_or_default();
            let addresses = addresses(cx, &first).await?;
            let via = find(cx, flow, &addresses, chosen).map_or(Via::Email, |address| mail::channel_of(address));
            vec![whole_address(via), hidden_first(&first), go_on(), hidden_method(), back()]
        }
        State::RecoveryAwaitingCode => vec![
            code(),
            go_on(),
            hidden_method(),
            resend("recovery_confirm_address", &address),
            hidden_first(&first),
            back(),
        ],
        State::ChooseMethod => {
            let address = Node::input(Group::Code, "email", InputType::Email).required();
            vec![address.with_label(catalog::email_label()), go_on()]
        }
        _ if matches!(flow.detail, Detail::Recovery { by_admin: true, .. }) => vec![code(), go_on()],
        _ => vec![code(), hidden_method(), go_on(), resend("email", &address)],
    })
}

fn code() -> Node {
    let mut node = code_node(catalog::recovery_code_label());
    if let Some(input) = node.as_input_mut() {
        input.pattern = Some("[0-9]+".to_owned());
        input.maxlength = Some(DIGITS);
    }
    node
}

fn choice(mark: &str, address: &str) -> Node {
    Node::input(Group::Code, "recovery_select_address", InputType::Submit)
        .with_value(mark)
        .with_label(catalog::label(masked(address)))
}

fn hidden_first(first: &str) -> Node {
    Node::input(Group::Code, "recovery_address", InputType::Hidden).with_value(first)
}

fn whole_address(via: Via) -> Node {
    let (kind, label) = match via {
        Via::Email => (InputType::Email, catalog::email_label()),
        Via::Sms => (InputType::Tel, catalog::phone_label()),
    };
    Node::input(Group::Code, "recovery_confirm_address", kind).required().with_label(label)
}

fn back() -> Node {
    Node::submit(Group::Code, "screen", BACK, catalog::recovery_back())
}

/// By what a masked address is known again in this flow without being told. Under a key: a bare hash of what is masked
/// gives it away to whoever tries all that it could be, which is soon done for a phone number.
fn mark(cx: &Cx<'_>, flow: &Flow, address: &str) -> Result<String> {
    let tag = cx.snapshot.keys.mac(PURPOSE, &marked(flow, address));
    tag.map(|tag| STANDARD.encode(tag)).ok_or_else(|| Problem::bug("there is no key for marks"))
}

fn is_mark(cx: &Cx<'_>, flow: &Flow, address: &str, chosen: &str) -> bool {
    STANDARD.decode(chosen).is_ok_and(|tag| cx.snapshot.keys.verify_mac(PURPOSE, &marked(flow, address), &tag))
}

fn marked(flow: &Flow, address: &str) -> Vec<u8> {
    [flow.id.0.as_bytes(), address.as_bytes()].concat()
}

/// The address with that mark.
fn find<'a>(cx: &Cx<'_>, flow: &Flow, addresses: &'a [String], chosen: &str) -> Option<&'a String> {
    addresses.iter().find(|address| is_mark(cx, flow, address, chosen))
}

/// All recovery addresses of whoever has this one, sorted. An address that nobody has stands for itself.
async fn addresses(cx: &Cx<'_>, first: &str) -> Result<Vec<String>> {
    let value = normalize::identifier(first);
    let found = identities::find_by_recovery_address(cx.store, mail::channel_of(&value), &value).await?;
    let Some(identity) = found else { return Ok(vec![first.to_owned()]) };
    let mut addresses: Vec<String> = identity.recovery_addresses.into_iter().map(|address| address.value).collect();
    addresses.sort_unstable();
    Ok(addresses)
}

impl Code {
    pub(super) async fn recover(&self, cx: &Cx<'_>, flow: &mut Flow, input: &Input) -> Result<Step> {
        if has_choice(flow) {
            return self.choose(cx, flow, input).await;
        }
        let email = input.given("email");
        match (flow.state, email) {
            (State::PassedChallenge, Some(_)) => Err(Problem::start_again(catalog::recovery_already_completed())),
            (State::PassedChallenge, None) => Err(proofs::start_again("This code has been used: ask for another one.")),
            (State::ChooseMethod, None) => Err(missing("email")),
            (_, None) => self.bring(cx, flow, input).await,
            (_, Some(email)) => proofs::ask(cx, flow, self, Via::Email, email).await,
        }
    }

    /// A code was brought.
    async fn bring(&self, cx: &Cx<'_>, flow: &mut Flow, input: &Input) -> Result<Step> {
        let code = input.text("code").unwrap_or_default();
        self.redeem(cx, flow, code, (MethodName::CodeRecovery, Aal::Aal1)).await
    }

    /// The way with a choice among addresses.
    async fn choose(&self, cx: &Cx<'_>, flow: &mut Flow, input: &Input) -> Result<Step> {
        if flow.state == State::RecoveryAwaitingCode && input.given("code").is_some() {
            return self.bring(cx, flow, input).await;
        }
        if input.given("screen") == Some(BACK) {
            return go_back(cx, flow).await;
        }
        match flow.state {
            State::RecoveryAwaitingAddress => {
                let first = input.given("recovery_address").ok_or_else(|| missing("recovery_address"))?;
                flow.memory.set(FIRST, first);
                if only(&addresses(cx, first).await?, first) {
                    return self.send_to(cx, flow, first).await;
                }
                flow.state = State::RecoveryAwaitingAddressChoice;
                Ok(Step::say(catalog::choose_recovery_address()))
            }
            State::RecoveryAwaitingAddressChoice => {
                let chosen =
                    input.given("recovery_select_address").ok_or_else(|| missing("recovery_select_address"))?;
                let first = flow.memory.text(FIRST).unwrap_or_default().to_owned();
                if is_mark(cx, flow, &first, chosen) {
                    return self.send_to(cx, flow, &first).await;
                }
                if find(cx, flow, &addresses(cx, &first).await?, chosen).is_none() {
                    return Err(Problem::bad("The address that was chosen is none of those that were shown."));
                }
                flow.memory.set(CHOSEN, chosen);
                flow.state = State::RecoveryConfirmingAddress;
                Ok(Step::say(catalog::type_full_address()))
            }
            _ => {
                let name = "recovery_confirm_address";
                let address = input.given(name).ok_or_else(|| missing(name))?;
                self.send_to(cx, flow, address).await
            }
        }
    }

    /// To whatever was typed: the code comes only if it is somebody's, and the answer is the same.
    async fn send_to(&self, cx: &Cx<'_>, flow: &mut Flow, address: &str) -> Result<Step> {
        flow.state = State::RecoveryAwaitingCode;
        proofs::ask(cx, flow, self, mail::channel_of(address), address).await
    }
}

/// Back to the choice, or to the beginning if there is nothing to choose.
async fn go_back(cx: &Cx<'_>, flow: &mut Flow) -> Result<Step> {
    let first = flow.memory.text(FIRST).unwrap_or_default().to_owned();
    if addresses(cx, &first).await?.len() > 1 {
        flow.state = State::RecoveryAwaitingAddressChoice;
        return Ok(Step::say(catalog::choose_recovery_address()));
    }
    flow.state = State::RecoveryAwaitingAddress;
    Ok(Step::show())
}

/// Whether there is no other address than the one that was told.
fn only(addresses: &[String], first: &str) -> bool {
    matches!(addresses, [one] if one == first || *one == normalize::identifier(first))
}
