//! Each check finds what it is there for, and nothing in a set-up that works.

use super::{Finding, Weight, checks, not_built, tell};
use serde_json::{Value, json};
use zelos_core::config::Config;

fn document() -> Value {
    json!({
        "dsn": "sqlite:///tmp/x.sqlite",
        "identity": { "schemas": [{ "id": "default", "url": "base64://e30=" }] },
        "serve": {
            "public": { "base_url": "https://id.example.org/", "trusted_proxies": ["10.0.0.0/8"] },
            "admin": { "host": "127.0.0.1" },
        },
        "secrets": { "cookie": ["5f1c7a2e9b3d4c6f8a0e"] },
        "selfservice": { "default_browser_return_url": "https://id.example.org/" },
    })
}

/// The configuration that works, with one value changed.
fn with(pointer: &str, value: Value) -> Config {
    let mut document = document();
    let mut place = &mut document;
    for part in pointer.split('.') {
        place = &mut place[part];
    }
    *place = value;
    Config::from_document(document).unwrap_or_else(|errors| panic!("{pointer}: {errors:?}"))
}

type Check = fn(&Config) -> Vec<Finding>;

/// What a check finds: `!` before what is wrong, and the key.
fn found(check: Check, config: &Config) -> Vec<String> {
    let mark = |finding: &Finding| if finding.weight == Weight::Wrong { "!" } else { "" };
    check(config).iter().map(|finding| format!("{}{}", mark(finding), finding.key)).collect()
}

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    let config = with("dsn", json!("sqlite:///tmp/x.sqlite"));
    for check in checks::ALL {
        assert_eq!(check(&config), []);
    }
    assert!(tell(&[Finding::note("a", "b")]).is_ok());
    assert!(tell(&[Finding::wrong("a", "b")]).is_err());
}

#[test]
fn each_check_finds_its_fault() {
    let cases: [(Check, &str, Value, &[&str]); 29] = [
        (checks::base_url, "serve.public.base_url", json!(""), &["serve.public.base_url"]),
        (checks::base_url, "serve.public.base_url", json!("http://id.example.org/"), &["!serve.public.base_url"]),
        (checks::base_url, "serve.public.base_url", json!("http://127.0.0.1:4433/"), &[]),
        (checks::cookie_domains, "cookies", json!({ "domain": "example.com" }), &["!cookies.domain"]),
        (checks::cookie_domains, "cookies", json!({ "domain": "ple.org" }), &["!cookies.domain"]),
        (checks::cookie_domains, "cookies", json!({ "domain": "www.id.example.org" }), &["!cookies.domain"]),
        (checks::cookie_domains, "cookies", json!({ "domain": "Example.org" }), &[]),
        (checks::cookie_domains, "session", json!({ "cookie": { "domain": "x.org" } }), &["!session.cookie.domain"]),
        (checks::cookie_paths, "cookies", json!({ "path": "/auth" }), &["!cookies.path"]),
        (checks::cookie_paths, "session", json!({ "cookie": { "path": "/a" } }), &["!session.cookie.path"]),
        (
            checks::cookie_secure,
            "serve.public.base_url",
            json!("http://id.example.org/"),
            &["!session.cookie.secure", "!cookies.secure"],
        ),
        (checks::cookie_secure, "serve.public.base_url", json!("http://localhost:4433/"), &[]),
        (checks::cookie_secure, "session", json!({ "cookie": { "secure": false } }), &["!session.cookie.secure"]),
        (checks::cookie_same_site, "cookies", json!({ "same_site": "None", "secure": false }), &["!cookies.same_site"]),
        (checks::cookie_same_site, "cookies", json!({ "same_site": "None" }), &[]),
        (
            checks::pages_on_other_sites,
            "selfservice.flows",
            json!({ "login": { "ui_url": "https://www.example.org/in" } }),
            &["selfservice.flows.login.ui_url"],
        ),
        (
            checks::pages_on_other_sites,
            "selfservice.flows",
            json!({ "login": { "ui_url": "https://id.example.org/in" } }),
            &[],
        ),
        (checks::proxies, "serve.public.trusted_proxies", json!([]), &["serve.public.trusted_proxies"]),
        (checks::proxies, "serve.public.trusted_proxies", json!(["0.0.0.0/0"]), &["!serve.public.trusted_proxies"]),
        (checks::proxies, "serve.public.trusted_proxies", json!(["::/0"]), &["!serve.public.trusted_proxies"]),
        (checks::admin_door, "serve.admin.host", json!("0.0.0.0"), &["!serve.admin.host"]),
        (checks::admin_door, "serve.admin.host", json!(""), &["!serve.admin.host"]),
        (checks::admin_door, "serve.admin.host", json!("[::1]"), &[]),
        (checks::admin_door, "serve.admin.host", json!("unix:/run/zelos.sock"), &[]),
        (checks::ports, "serve.admin.port", json!(4433), &["!serve.admin.port"]),
        (checks::secrets, "secrets.cookie", json!(["PLEASE-CHANGE-ME-I-AM-VERY-INSECURE"]), &["!secrets.cookie.0"]),
        (checks::secrets, "secrets.cipher", json!(["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]), &["!secrets.cipher.0"]),
        (checks::development, "dev", json!(true), &["!dev"]),
        (checks::development, "dsn", json!("memory"), &["dsn"]),
    ];
    for (check, key, value, expected) in cases {
        assert_eq!(found(check, &with(key, value.clone())), expected, "{key}: {value}");
    }
}

#[test]
fn an_admin_door_in_reach_of_others_is_locked_or_meant_to_stand_open() {
    let door = |key: &str, value: Value| {
        let mut admin = json!({ "host": "0.0.0.0" });
        admin[key] = value;
        found(checks::admin_door, &with("serve.admin", admin))
    };
    let token = json!({ "name": "panel", "sha256": "0".repeat(64), "scopes": ["read"] });
    assert_eq!(door("auth", json!({ "insecure_open": true })), ["serve.admin.auth.insecure_open"]);
    assert_eq!(door("auth", json!({ "tokens": [token] })), ["serve.admin.tls"], "and nobody listens in");
    let mut document = document();
    document["serve"]["admin"]["host"] = "0.0.0.0".into();
    document["dev"] = true.into();
    assert_eq!(found(checks::admin_door, &Config::from_document(document).unwrap()), ["serve.admin.host"]);
}

#[test]
fn pages_share_cookies_through_a_common_domain() {
    let mut document = document();
    document["selfservice"]["flows"] = json!({ "login": { "ui_url": "https://www.example.org/in" } });
    document["cookies"] = json!({ "domain": "example.org" });
    assert_eq!(checks::pages_on_other_sites(&Config::from_document(document).unwrap()), []);
}

#[test]
fn what_is_not_built_and_guards_something_is_wrong() {
    let hook = json!({ "hook": "web_hook", "config": {
        "url": "https://a.example/", "method": "POST", "response": { "parse": true },
    } });
    let config = with("selfservice.flows", json!({ "login": { "after": { "hooks": [hook] } } }));
    let unbuilt = zelos_core::config::unbuilt(&config);
    assert_eq!(found(not_built, &config).len(), unbuilt.len());
    for (finding, feature) in not_built(&config).iter().zip(unbuilt) {
        assert_eq!(finding.weight == Weight::Wrong, feature.weakens_security);
    }
}
