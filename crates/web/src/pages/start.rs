//! What the start page says about a session: who somebody is, how they have shown it, and until when.

use super::{
    moment::Moment,
    parts::{humanise, plain},
};
use serde::Serialize;
use serde_json::Value;

/// A session, ready to be drawn.
#[derive(Debug, Serialize)]
pub(super) struct Who {
    /// The shortest thing that tells people apart: an email address, else the first trait, else the id.
    name: String,
    traits: Vec<Fact>,
    aal: String,
    /// The methods by the wire's names, each once, in the order of use.
    methods: Vec<String>,
    since: Option<Moment>,
    expires: Option<Moment>,
}

/// A trait under the path that it has.
#[derive(Debug, Serialize)]
struct Fact {
    label: String,
    value: String,
}

/// Reads the wire's JSON of a session.
pub(super) fn who(session: &Value) -> Who {
    let identity = &session["identity"];
    let mut traits = Vec::new();
    collect(&identity["traits"], "", &mut traits);
    let email = identity["traits"]["email"].as_str().map(str::to_owned);
    let name = email.or_else(|| traits.first().map(|fact| fact.value.clone()));
    let mut methods: Vec<String> = Vec::new();
    for entry in session["authentication_methods"].as_array().into_iter().flatten() {
        let method = plain(&entry["method"]);
        if !methods.contains(&method) {
            methods.push(method);
        }
    }
    Who {
        name: name.unwrap_or_else(|| plain(&identity["id"])),
        traits,
        aal: plain(&session["authenticator_assurance_level"]),
        methods,
        since: moment(&session["authenticated_at"]),
        expires: moment(&session["expires_at"]),
    }
}

fn moment(value: &Value) -> Option<Moment> {
    Moment::read(value.as_str()?)
}

/// Flattens traits to their leaves; empty ones are left out.
fn collect(value: &Value, path: &str, facts: &mut Vec<Fact>) {
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        Value::Object(entries) => entries.iter().for_each(|(key, value)| collect(value, &below(key), facts)),
        Value::Array(items) => {
            let value = items.iter().map(plain).collect::<Vec<_>>().join(", ");
            collect(&Value::String(value), path, facts);
        }
        leaf if plain(leaf).is_empty() => {}
        leaf => facts.push(Fact { label: humanise(path), value: plain(leaf) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_person_is_called_by_their_address() {
        let session = json!({"identity": {"id": "1", "traits": {"name": {"first": "Ada", "last": ""}, "email": "ada@example.com"}},
            "authentication_methods": [{"method": "password"}, {"method": "totp"}, {"method": "password"}],
            "authenticated_at": "2026-07-01T12:30:00.5+02:00", "expires_at": "nonsense"});
        let who = who(&session);
        assert_eq!(who.name, "ada@example.com");
        assert_eq!(who.methods, ["password", "totp"]);
        assert_eq!(who.since.map(|moment| moment.text).as_deref(), Some("1 July 2026, 10:30 UTC"));
        assert!(who.expires.is_none());
        assert_eq!(who.traits.iter().map(|fact| fact.label.as_str()).collect::<Vec<_>>(), ["Name first", "Email"]);
    }

    #[test]
    fn without_traits_the_id_has_to_do() {
        assert_eq!(who(&json!({"identity": {"id": "42", "traits": {"tags": []}}})).name, "42");
    }
}
