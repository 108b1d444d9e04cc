//! Traits as they come in with a submission: what is typed, what the schema makes of it, and what a change of them
//! makes of a person. Shared by every method that takes traits.

use crate::{
    identities,
    input::Input,
    plug::{Cx, Step},
};
use serde_json::{Value, json};
use zelos_core::{
    id::IdentityId,
    problem::{Problem, Result},
    schema::{Derived, IdentitySchema, type_of},
    storable,
    text::{FieldText, catalog},
};

/// What was typed, in the types that the schema wants. Nothing typed is an empty object. Texts may have been taken for
/// JSON on the way, so only now can be said whether all of it can be kept.
pub fn typed(schema: &IdentitySchema, input: &Input) -> Result<Value> {
    let mut traits = match input.get("traits") {
        None | Some(Value::Null) => json!({}),
        // Quirk: a text is taken for JSON (Kratos oryx/decoderx).
        Some(Value::String(text)) => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
        Some(traits) => traits.clone(),
    };
    schema.coerce(&mut traits);
    storable::document(&traits)
        .map_err(|why| Problem::field("traits", catalog::invalid(format!("This cannot be taken: {why}."))))?;
    Ok(traits)
}

/// What the schema derives from what was typed, or the texts to show.
pub fn judge(schema: &IdentitySchema, input: &Input) -> Result<Derived> {
    let traits = typed(schema, input)?;
    if !traits.is_object() {
        let text = catalog::wrong_type(&["object"], type_of(&traits));
        return Err(Problem::Form(vec![FieldText::node("traits", text)]));
    }
    schema.check(&traits).map_err(|wrong| Problem::Form(wrong.texts()))
}

/// The person with other traits, judged by the schema that the person follows now: it may not be the one that the flow
/// began with.
pub async fn change(cx: &Cx<'_>, identity: IdentityId, input: &Input) -> Result<Step> {
    let from = identities::get(cx, identity).await?;
    let unknown = || Problem::bad(format!("There is no identity schema {:?}.", from.schema_id));
    let schema = cx.snapshot.schemas.find(&from.schema_id).ok_or_else(unknown)?;
    let derived = judge(schema, input)?;
    let mut to = from.clone();
    identities::apply(cx.clock, cx.rng, &mut to, derived);
    Ok(Step::Change { from: Box::new(from), to: Box::new(to), by: None })
}
