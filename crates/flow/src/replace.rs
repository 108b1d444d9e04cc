//! A flow that leads nowhere any more – too old, too often tried, overtaken – has a successor, which says why.

use crate::{ask, begin, draw, engine::Engine, plug::Cx};
use zelos_core::{
    continue_with::{ContinueWith, NextFlow},
    flow::{Channel, Flow, Kind},
    id::FlowId,
    problem::{Expired, Problem, Replaced, Result},
    text::{Text, catalog},
};
use zelos_store::{Batch, flows};

impl Engine {
    /// A new flow in place of one that is too old, with a word about why.
    pub(crate) async fn replace_expired(&self, cx: &Cx<'_>, old: &Flow, mut expired: Expired) -> Result<Problem> {
        let text = match old.kind() {
            Kind::Login => catalog::login_flow_expired(old.expires_at),
            Kind::Registration => catalog::registration_flow_expired(old.expires_at),
            Kind::Settings => catalog::settings_flow_expired(old.expires_at),
            Kind::Recovery => catalog::recovery_flow_expired(old.expires_at),
            Kind::Verification => catalog::verification_flow_expired(old.expires_at),
        };
        let by = self.replace(cx, old, text, Batch::new()).await?;
        expired.replacement = Some(by);
        if old.channel == Channel::Api {
            expired.continue_with = told(cx, old.kind(), by);
        }
        Ok(Problem::Expired(Box::new(expired)))
    }

    /// A new flow in place of one that leads nowhere any more.
    pub(crate) async fn start_again(
        &self,
        cx: &Cx<'_>,
        old: &Flow,
        text: Text,
        is_shown: bool,
        also: Batch,
    ) -> Result<Problem> {
        let reason = text.text.clone().into_owned();
        let by = self.replace(cx, old, text, also).await?;
        Ok(Problem::Replaced(Box::new(Replaced { by, is_shown, reason, continue_with: told(cx, old.kind(), by) })))
    }

    async fn replace(&self, cx: &Cx<'_>, old: &Flow, text: Text, mut batch: Batch) -> Result<FlowId> {
        let mut flow = begin::successor(cx, old);
        let question = ask::question(cx, &flow).await?;
        draw::draw(cx, &self.methods, &mut flow, &question).await?;
        flow.ui.messages.push(text);
        flows::insert(&mut batch, &flow);
        self.store.commit(batch).await?;
        Ok(flow.id)
    }
}

/// What programs are told of the new flow, where they go on by it.
fn told(cx: &Cx<'_>, kind: Kind, id: FlowId) -> Vec<ContinueWith> {
    let goes_on = kind == Kind::Recovery && cx.snapshot.feature_flags.use_continue_with_transitions;
    let flow = NextFlow { id, verifiable_address: None, url: None };
    if goes_on { vec![ContinueWith::ShowRecoveryUi { flow }] } else { Vec::new() }
}
