//! Traits as they come in with a submission: what is sent, what the schema makes of it, and what a change of them
//! makes of an identity. Shared by every method that takes traits.

use crate::{
    ask::TRAITS,
    identities,
    input::Input,
    plug::{Cx, Step},
};
use serde_json::Value;
use zelos_core::{
    flow::Flow,
    id::IdentityId,
    identity::Identity,
    problem::{Problem, Result},
    schema::{Derived, IdentitySchema, type_of},
    storable,
    text::{FieldText, catalog},
};

/// Bytes of the traits that a flow holds: unauthenticated clients can have any number of flows.
pub(crate) const MOST: usize = 64 << 10;

/// What was sent, in the types that the schema declares; `stored` are the traits that the form was drawn of. Texts may
/// have been taken for JSON on the way, so only now can be said whether all of it can be kept.
///
/// Quirk: a text is taken for JSON (Kratos oryx/decoderx).
pub fn typed(schema: &IdentitySchema, input: &Input, stored: Option<&Value>) -> Result<Value> {
    let traits = schema.read(input.traits(), stored);
    storable::document(&traits)
        .map_err(|why| Problem::field("traits", catalog::invalid(format!("This cannot be taken: {why}."))))?;
    Ok(traits)
}

/// What the schema derives from what was sent for a registration, or the texts to show. What an earlier step has told
/// counts where the form of this one cannot name it.
pub fn judge(schema: &IdentitySchema, flow: &Flow, input: &Input) -> Result<Derived> {
    check(schema, &typed(schema, input, flow.memory.get(TRAITS))?)
}

/// The same for an identity whose traits are to change.
///
/// What a form cannot name stays as it is stored, as far as the schema still allows it: what only an administrator
/// can change must not keep the owner from changing the rest.
pub fn judge_change(schema: &IdentitySchema, of: &Identity, input: &Input) -> Result<Derived> {
    let with_stored = typed(schema, input, Some(&of.traits))?;
    check(schema, &with_stored).or_else(|refused| {
        let sent = typed(schema, input, None)?;
        if sent == with_stored { Err(refused) } else { check(schema, &sent) }
    })
}

fn check(schema: &IdentitySchema, traits: &Value) -> Result<Derived> {
    if !traits.is_object() {
        let text = catalog::wrong_type(&["object"], type_of(traits));
        return Err(Problem::Form(vec![FieldText::node("traits", text)]));
    }
    schema.check(traits).map_err(|wrong| Problem::Form(wrong.texts()))
}

/// Keeps traits between the steps of a registration.
pub fn keep(flow: &mut Flow, traits: Value) -> Result<()> {
    if traits.to_string().len() > MOST {
        let told = "Together these fields are too long: 64 KiB are the most.";
        return Err(Problem::field("traits", catalog::invalid(told)));
    }
    flow.memory.set(TRAITS, traits);
    Ok(())
}

/// The identity with other traits, judged by the schema that the identity follows now: it may not be the one that the
/// flow began with.
pub async fn change(cx: &Cx<'_>, identity: IdentityId, input: &Input) -> Result<Step> {
    let from = identities::get(cx, identity).await?;
    let unknown = || Problem::bad(format!("There is no identity schema {:?}.", from.schema_id));
    let schema = cx.snapshot.schemas.find(&from.schema_id).ok_or_else(unknown)?;
    let derived = judge_change(schema, &from, input)?;
    let mut to = from.clone();
    identities::apply(cx.clock, cx.rng, &mut to, derived);
    Ok(Step::Change { from: Box::new(from), to: Box::new(to), by: None })
}
