//! Which question a form puts, in which order its answers stand. A pure choice from (flow, configuration); the person
//! it speaks of is loaded here too, so that drawing knows no store.

use crate::plug::{Ask, Cx};
use serde_json::Value;
use zelos_core::{
    config::flows::{LoginStyle, Proof, RegistrationStyle},
    flow::{Detail, Flow, Kind, State},
    identity::{Identity, normalize},
    problem::{Problem, Result},
    session::Aal,
    snapshot::Snapshot,
};
use zelos_store::identities;

/// Memory: the identifier told in the first step of a login.
pub const IDENTIFIER: &str = "identifier";
/// Memory: the traits told in the first step of a registration.
pub const TRAITS: &str = "traits";
/// Memory: the trait whose address a second proof is wished by (`via`), as a dotted path.
pub const VIA: &str = "via";
/// Memory: set while the second step of a registration shows.
pub const CHOOSING: &str = "choosing_credential";

/// Memory: the one method that goes on with a flow. The others are not asked for nodes until it is done.
pub const ALONE: &str = "goes_on_alone";

/// A question with what it needs, owned.
#[derive(Debug)]
pub enum Question {
    FirstFactor,
    Identify,
    /// No hint while account enumeration is mitigated.
    Known {
        hint: Option<Box<Identity>>,
        identifier: String,
    },
    Reauth {
        of: Box<Identity>,
    },
    SecondFactor {
        of: Box<Identity>,
        refresh: bool,
    },
    Register,
    RegisterTraits {
        traits: Option<Value>,
    },
    RegisterCredential {
        traits: Value,
    },
    Change {
        of: Box<Identity>,
    },
    Sent {
        traits: Option<Value>,
    },
    Recover,
    Verify,
}

impl Question {
    /// The question as methods are asked it.
    pub fn ask(&self) -> Ask<'_> {
        match self {
            Self::FirstFactor => Ask::FirstFactor,
            Self::Identify => Ask::Identify,
            Self::Known { hint, identifier } => Ask::Known { hint: hint.as_deref(), identifier },
            Self::Reauth { of } => Ask::Reauth { of },
            Self::SecondFactor { of, refresh } => Ask::SecondFactor { of, refresh: *refresh },
            Self::Register => Ask::Register,
            Self::RegisterTraits { traits } => Ask::RegisterTraits { traits: traits.as_ref() },
            Self::RegisterCredential { traits } => Ask::RegisterCredential { traits },
            Self::Change { of } => Ask::Change { of },
            Self::Sent { traits } => Ask::Sent { traits: traits.as_ref() },
            Self::Recover => Ask::Recover,
            Self::Verify => Ask::Verify,
        }
    }
}

/// The question that the flow puts now.
pub async fn question(cx: &Cx<'_>, flow: &Flow) -> Result<Question> {
    let flows = &cx.snapshot.selfservice.flows;
    match flow.detail {
        Detail::Login { .. } | Detail::Registration if flow.state == State::SentEmail => {
            Ok(Question::Sent { traits: flow.memory.get(TRAITS).cloned() })
        }
        Detail::Login { refresh, requested_aal: Aal::Aal2 } => {
            Ok(Question::SecondFactor { of: signed_in(cx).await?, refresh })
        }
        Detail::Login { refresh: true, .. } if cx.session.is_some() => {
            Ok(Question::Reauth { of: signed_in(cx).await? })
        }
        // The session has ended since the flow began: it asks what any login asks.
        Detail::Login { refresh: true, .. } => Ok(Question::FirstFactor),
        Detail::Login { .. } if flows.login.style == LoginStyle::IdentifierFirst => identify(cx, flow).await,
        Detail::Login { .. } => Ok(Question::FirstFactor),
        Detail::Registration if flows.registration.effective_style() == RegistrationStyle::Unified => {
            Ok(Question::Register)
        }
        Detail::Registration => {
            let traits = flow.memory.get(TRAITS).cloned();
            match traits {
                Some(traits) if flow.memory.get(CHOOSING).is_some() => Ok(Question::RegisterCredential { traits }),
                traits => Ok(Question::RegisterTraits { traits }),
            }
        }
        Detail::Settings { identity } => {
            Ok(Question::Change { of: Box::new(crate::identities::get(cx, identity).await?) })
        }
        Detail::Recovery { .. } => Ok(Question::Recover),
        Detail::Verification => Ok(Question::Verify),
    }
}

/// How a flow of that kind begins.
pub fn first_state(snapshot: &Snapshot, kind: Kind) -> State {
    let by_code = snapshot.selfservice.flows.recovery.r#use == Proof::Code;
    State::first(kind, by_code && snapshot.feature_flags.choose_recovery_address)
}

/// The method that a flow of that kind is for from its beginning on, if it is for one.
pub fn first_active(snapshot: &Snapshot, kind: Kind) -> Option<String> {
    let flows = &snapshot.selfservice.flows;
    match kind {
        Kind::Recovery => Some(flows.recovery.r#use.as_str().to_owned()),
        Kind::Verification => Some(flows.verification.r#use.as_str().to_owned()),
        _ => None,
    }
}

/// The person called so, by any credential; what they could prove themselves with is loaded.
pub async fn find_person(cx: &Cx<'_>, identifier: &str) -> Result<Option<Identity>> {
    let identifier = normalize::identifier(identifier);
    Ok(identities::find_by_any_identifier(cx.store, &identifier).await?)
}

async fn identify(cx: &Cx<'_>, flow: &Flow) -> Result<Question> {
    let Some(identifier) = flow.memory.text(IDENTIFIER) else { return Ok(Question::Identify) };
    let hint = if cx.snapshot.security.account_enumeration.mitigate {
        None
    } else {
        find_person(cx, identifier).await?.map(Box::new)
    };
    Ok(Question::Known { hint, identifier: identifier.to_owned() })
}

async fn signed_in(cx: &Cx<'_>) -> Result<Box<Identity>> {
    let current = cx.session.ok_or_else(|| Problem::bug("a flow that needs a session was drawn without one"))?;
    Ok(Box::new(crate::identities::get(cx, current.session.identity_id).await?))
}
