//! Our configuration against the original's: every key, type, list of values, default and bound.
//!
//! `fixtures/config.reference.json` is the structure of the original's schema without its prose, its patterns and its
//! conditions between keys (the tests of loading hold those). Both
//! schemas are flattened into one line of facts per key; whatever differs must stand in [`DEVIATIONS`] with its reason,
//! and whatever stands there must differ.

use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use zelos_core::config::json_schema;

/// (key or `prefix.*`, what differs, why).
const DEVIATIONS: &[(&str, &str, &str)] = &[
    ("selfservice.ui", "only ours", "our own pages"),
    ("selfservice.ui.enabled", "only ours", "our own pages"),
    ("selfservice.ui.template_path", "only ours", "our own pages"),
    ("serve.public.trusted_proxies", "only ours", "headers about the client are believed from known proxies only"),
    ("serve.public.trusted_proxies.#", "only ours", "as above"),
    ("serve.admin.trusted_proxies", "only ours", "as above"),
    ("serve.admin.trusted_proxies.#", "only ours", "as above"),
    ("serve.public.client_ip_header", "only ours", "which header a trusted proxy reports the client in"),
    ("serve.admin.client_ip_header", "only ours", "which header a trusted proxy reports the client in"),
    ("serve.public.limits", "only ours", "Kratos bounds neither connections nor unread responses"),
    ("serve.admin.limits", "only ours", "Kratos bounds neither connections nor unread responses"),
    ("serve.public.limits.connections", "only ours", "as above"),
    ("serve.admin.limits.connections", "only ours", "as above"),
    ("serve.public.limits.connections_per_address", "only ours", "as above"),
    ("serve.admin.limits.connections_per_address", "only ours", "as above"),
    ("serve.public.limits.streams_per_connection", "only ours", "as above"),
    ("serve.admin.limits.streams_per_connection", "only ours", "as above"),
    ("serve.public.limits.response_bytes", "only ours", "as above"),
    ("serve.admin.limits.response_bytes", "only ours", "as above"),
    ("serve.public.limits.response_bytes_per_connection", "only ours", "as above"),
    ("serve.admin.limits.response_bytes_per_connection", "only ours", "as above"),
    ("serve.public.limits.response_timeout", "only ours", "as above"),
    ("serve.admin.limits.response_timeout", "only ours", "as above"),
    ("serve.admin.auth", "only ours", "who may use the admin API"),
    ("serve.admin.auth.insecure_open", "only ours", "as above"),
    ("serve.admin.auth.tokens", "only ours", "as above"),
    ("serve.admin.auth.tokens.#", "only ours", "as above"),
    ("serve.admin.auth.tokens.#.name", "only ours", "as above"),
    ("serve.admin.auth.tokens.#.sha256", "only ours", "as above"),
    ("serve.admin.auth.tokens.#.scopes", "only ours", "as above"),
    ("serve.admin.auth.tokens.#.scopes.#", "only ours", "as above"),
    ("database.pool", "only ours", "the pool without DSN options"),
    ("database.pool.max_connections", "only ours", "as above"),
    ("database.pool.acquire_timeout", "only ours", "as above"),
    ("database.pool.statement_timeout", "only ours", "as above"),
    ("database.pool.scan_timeout", "only ours", "as above"),
    (
        "selfservice.methods.password.config.common_passwords_check_enabled",
        "only ours",
        "Kratos has no list of its own",
    ),
    ("session.idle_timeout", "only ours", "Kratos ends sessions by their lifespan alone"),
    ("session.rotate_token_on_step_up", "only ours", "stricter than Kratos where that is wanted"),
    ("session.revoke_others_on_credential_change", "only ours", "as above"),
    ("cookies.name_prefix", "only ours", "as above"),
    ("security.preset", "only ours", "a set of defaults"),
    ("security.assurance", "only ours", "stricter than the original where that is wanted"),
    ("security.assurance.distinct_channels", "only ours", "as above"),
    ("security.credentials", "only ours", "Kratos does not encrypt second factors"),
    ("security.credentials.require_encrypted", "only ours", "as above"),
    ("security.refuse_weak_secrets", "only ours", "Kratos takes any secret"),
    ("hashers.renew_weaker", "only ours", "Kratos keeps hashes of other costs"),
    ("selfservice.methods.link.config.confirm", "only ours", "links that programs open are not used up"),
    ("security.cors", "only ours", "stricter than the original where that is wanted"),
    ("security.cors.refuse_wildcard_credentials", "only ours", "as above"),
    ("hashers.pool", "only ours", "bounds of the hashing threads"),
    ("hashers.pool.threads", "only ours", "as above"),
    ("hashers.pool.max_wait", "only ours", "as above"),
    ("audit", "only ours", "Kratos keeps no log of events"),
    ("audit.enabled", "only ours", "as above"),
    ("audit.retention", "only ours", "as above"),
    ("security.attempt_budgets", "only ours", "Kratos knows no bound on guesses"),
    ("security.attempt_budgets.enabled", "only ours", "as above"),
    ("security.attempt_budgets.account", "only ours", "as above"),
    ("security.attempt_budgets.account.password", "only ours", "as above"),
    ("security.attempt_budgets.account.password.limit", "only ours", "as above"),
    ("security.attempt_budgets.account.password.window", "only ours", "as above"),
    ("security.attempt_budgets.account.code", "only ours", "as above"),
    ("security.attempt_budgets.account.code.limit", "only ours", "as above"),
    ("security.attempt_budgets.account.code.window", "only ours", "as above"),
    ("security.attempt_budgets.account.totp", "only ours", "as above"),
    ("security.attempt_budgets.account.totp.limit", "only ours", "as above"),
    ("security.attempt_budgets.account.totp.window", "only ours", "as above"),
    ("security.attempt_budgets.account.lookup_secret", "only ours", "as above"),
    ("security.attempt_budgets.account.lookup_secret.limit", "only ours", "as above"),
    ("security.attempt_budgets.account.lookup_secret.window", "only ours", "as above"),
    ("security.attempt_budgets.account.all", "only ours", "as above"),
    ("security.attempt_budgets.account.all.limit", "only ours", "as above"),
    ("security.attempt_budgets.account.all.window", "only ours", "as above"),
    ("security.attempt_budgets.network", "only ours", "as above"),
    ("security.attempt_budgets.network.limit", "only ours", "as above"),
    ("security.attempt_budgets.network.window", "only ours", "as above"),
    ("security.attempt_budgets.messages", "only ours", "as above"),
    ("security.attempt_budgets.messages.limit", "only ours", "as above"),
    ("security.attempt_budgets.messages.window", "only ours", "as above"),
    ("selfservice.flows.login.ui_url", "default", "without a URL our own page serves"),
    ("selfservice.flows.registration.ui_url", "default", "as above"),
    ("selfservice.flows.settings.ui_url", "default", "as above"),
    ("selfservice.flows.recovery.ui_url", "default", "as above"),
    ("selfservice.flows.verification.ui_url", "default", "as above"),
    ("selfservice.flows.error.ui_url", "default", "as above"),
    ("courier.smtp.username", "only ours", "credentials apart from the URI"),
    ("courier.smtp.password", "only ours", "as above"),
    ("courier.delivery", "only ours", "Kratos mails codes that have expired"),
    ("courier.delivery.skip_expired", "only ours", "as above"),
    ("courier.channels.#.id", "bounds", "the only value there is fits them"),
    ("courier.channels.#.type", "default", "there is only one"),
    ("hashers.bcrypt.cost", "required", "its default fills it in before the original checks"),
    ("organizations.#", "only ours", "any item"),
    (
        "selfservice.methods.webauthn.config.rp.display_name",
        "required",
        "a condition in the original, which always holds",
    ),
    ("selfservice.methods.webauthn.config.rp.id", "required", "as above"),
    ("serve.public.cors.allowed_origins.#", "values", "the format covers *"),
    ("cookies.secure", "type", "a real boolean is accepted beside the text"),
    ("session.cookie.secure", "type", "as above"),
    ("selfservice.methods.oidc.config.providers.#.requested_claims.*", "only theirs", "the two names are keys of ours"),
    ("selfservice.methods.oidc.config.providers.#.requested_claims.*.*", "only theirs", "passed on as they are"),
    ("selfservice.methods.oidc.config.providers.#.requested_claims.*.*.essential", "only theirs", "as above"),
    ("selfservice.methods.oidc.config.providers.#.requested_claims.*.*.value", "only theirs", "as above"),
    ("selfservice.methods.oidc.config.providers.#.requested_claims.*.*.values", "only theirs", "as above"),
    ("selfservice.methods.oidc.config.providers.#.requested_claims.*.*.values.#", "only theirs", "as above"),
    ("selfservice.methods.oidc.config.providers.#.requested_claims.userinfo", "only ours", "as above"),
    ("selfservice.methods.oidc.config.providers.#.requested_claims.id_token", "only ours", "as above"),
];

/// What is said of a key. Branches of a choice are added up.
#[derive(Debug, Default, PartialEq)]
struct Facts {
    types: BTreeSet<String>,
    values: BTreeSet<String>,
    default: Option<Value>,
    bounds: BTreeMap<String, Value>,
    required: bool,
}

const BOUNDS: [&str; 6] = ["minimum", "maximum", "minLength", "maxLength", "minItems", "uniqueItems"];

struct Flattened<'a> {
    root: &'a Value,
    keys: BTreeMap<String, Facts>,
}

fn flatten(root: &Value) -> BTreeMap<String, Facts> {
    let mut out = Flattened { root, keys: BTreeMap::new() };
    out.node(root, "");
    out.keys.remove("");
    out.keys
}

impl Flattened<'_> {
    fn node(&mut self, schema: &Value, key: &str) {
        self.note(schema, key);
        if let Some(pointer) = schema.get("$ref").and_then(Value::as_str) {
            let target = self.root.pointer(pointer.trim_start_matches('#')).expect("a reference inside the schema");
            self.node(&target.clone(), key);
        }
        for choice in ["oneOf", "anyOf", "allOf"] {
            for branch in schema.get(choice).and_then(Value::as_array).into_iter().flatten() {
                self.node(branch, key);
            }
        }
        for (name, inner) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            self.node(inner, &below(key, name));
        }
        if let Some(inner) = schema.get("items") {
            self.node(inner, &below(key, "#"));
        }
        let patterns = schema.get("patternProperties").and_then(Value::as_object);
        let others = schema.get("additionalProperties").filter(|others| others.is_object());
        for inner in patterns.into_iter().flat_map(Map::values).chain(others) {
            self.node(inner, &below(key, "*"));
        }
        for name in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
            self.keys.entry(below(key, name.as_str().expect("a text"))).or_default().required = true;
        }
    }

    fn note(&mut self, schema: &Value, key: &str) {
        let facts = self.keys.entry(key.to_owned()).or_default();
        match schema.get("type") {
            Some(Value::Array(types)) => {
                facts.types.extend(types.iter().map(|t| t.as_str().expect("a text").to_owned()));
            }
            Some(kind) => _ = facts.types.insert(kind.as_str().expect("a text").to_owned()),
            None => {}
        }
        facts
            .values
            .extend(schema.get("enum").and_then(Value::as_array).into_iter().flatten().map(ToString::to_string));
        facts.values.extend(schema.get("const").map(ToString::to_string));
        facts.default = facts.default.take().or_else(|| schema.get("default").cloned());
        for name in BOUNDS {
            if let Some(bound) = schema.get(name) {
                facts.bounds.insert(name.to_owned(), bound.clone());
            }
        }
    }
}

fn below(key: &str, name: &str) -> String {
    if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") }
}

/// Ours may say more where the original says nothing: a type beside a list of values, a bound that follows from a
/// number having no sign, a default that is the type's nothing.
fn differences(theirs: &Facts, ours: &Facts) -> Vec<&'static str> {
    let mut out = Vec::new();
    if !theirs.types.is_empty() && theirs.types != ours.types {
        out.push("type");
    }
    if theirs.values != ours.values {
        out.push("values");
    }
    let nothing = |value: &Value| matches!(value, Value::Bool(false)) || *value == "" || *value == Value::Array(vec![]);
    if theirs.default != ours.default && !(theirs.default.is_none() && ours.default.as_ref().is_some_and(nothing)) {
        out.push("default");
    }
    if theirs.bounds.iter().any(|(name, bound)| ours.bounds.get(name) != Some(bound)) {
        out.push("bounds");
    }
    if theirs.required != ours.required {
        out.push("required");
    }
    out
}

#[test]
fn every_key_is_the_originals_or_a_known_deviation() {
    let reference = serde_json::from_str(include_str!("fixtures/config.reference.json")).unwrap();
    let theirs = flatten(&reference);
    let ours = flatten(&json_schema());
    let mut found = BTreeSet::new();
    for (key, facts) in &theirs {
        match ours.get(key) {
            None => _ = found.insert((key.as_str(), "only theirs")),
            Some(own) => found.extend(differences(facts, own).into_iter().map(|what| (key.as_str(), what))),
        }
    }
    found.extend(ours.keys().filter(|key| !theirs.contains_key(*key)).map(|key| (key.as_str(), "only ours")));
    let known: BTreeSet<(&str, &str)> = DEVIATIONS.iter().map(|(key, what, _)| (*key, *what)).collect();
    let unexplained: Vec<_> = found.difference(&known).collect();
    let gone: Vec<_> = known.difference(&found).collect();
    assert!(unexplained.is_empty() && gone.is_empty(), "unexplained: {unexplained:#?}\nno longer there: {gone:#?}");
    assert!(theirs.len() > 700, "the reference was not read: {} keys", theirs.len());
}
