//! Files, flags and environment into one configuration, and what is said when it does not work.

use serde_json::json;
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use zelos_core::{
    config::{Config, Flags, GoDuration, Hook, Loaded, Origin, SameSite, Source, keep_until_restart, load, unbuilt},
    secret::Secret,
};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures/config").join(name)
}

fn source(files: &[&str], environment: &[(&str, &str)]) -> Source {
    Source {
        files: files.iter().map(|name| fixture(name)).collect(),
        environment: environment.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect(),
        ..Source::default()
    }
}

fn loaded(files: &[&str], environment: &[(&str, &str)]) -> Loaded {
    load(&source(files, environment)).unwrap_or_else(|errors| panic!("{}", lines(&errors).join("\n")))
}

/// Errors as lines, with the directory of the fixtures cut off.
fn lines(errors: &[zelos_core::config::ConfigError]) -> Vec<String> {
    let directory = format!("{}/", fixture("").display().to_string().trim_end_matches('/'));
    errors.iter().map(|error| error.to_string().replace(&directory, "")).collect()
}

fn complaints(files: &[&str], environment: &[(&str, &str)]) -> Vec<String> {
    lines(&load(&source(files, environment)).expect_err("the configuration should be refused"))
}

#[test]
fn files_in_use_load() {
    for name in ["small.yml", "full.yml", "small.json", "small.toml"] {
        loaded(&[name], &[]);
    }
}

#[test]
fn the_same_document_reads_the_same_in_every_format() {
    let yaml = loaded(&["small.yml"], &[]).config;
    assert_eq!(yaml, loaded(&["small.json"], &[]).config);
    assert_eq!(yaml, loaded(&["small.toml"], &[]).config);
}

#[test]
fn a_full_file_fills_every_section() {
    let config = loaded(&["full.yml"], &[]).config;
    let flows = &config.selfservice.flows;
    assert_eq!(flows.login.ui_url.as_ref().unwrap().as_str(), "https://example.org/sign-in");
    assert_eq!(flows.settings.ui_url.as_ref().unwrap().as_str(), "https://id.example.org/account", "relative");
    assert_eq!(flows.login.lifespan, GoDuration::from_secs(600));
    let (url, hooks) = flows.registration.after.for_method("password");
    assert_eq!(url.unwrap().as_str(), "https://example.org/welcome");
    assert_eq!(hooks.iter().map(Hook::name).collect::<Vec<_>>(), ["web_hook", "session"]);
    let after = &flows.registration.after;
    assert_eq!(config.selfservice.return_url(after, "oidc").as_str(), "https://example.org/");
    assert_eq!(config.selfservice.methods.oidc.config.providers[0].id, "work");
    assert_eq!(config.serve.public.socket.mode, 0o750);
    assert!(config.serve.public.trusted_proxies[0].contains("10.1.2.3".parse().unwrap()));
    let cookie = config.session_cookie();
    assert_eq!((cookie.domain, cookie.path, cookie.secure), (Some("example.org"), "/id", true));
    assert_eq!((cookie.same_site, cookie.max_age), (SameSite::Strict, None));
    assert_eq!(config.cookie().same_site, SameSite::Lax);
    assert_eq!(config.session.whoami.tokenizer.templates["short"].ttl, GoDuration::from_secs(60));
    assert_eq!(config.courier.channels.len(), 1);
}

#[test]
fn defaults_are_the_originals() {
    let config = loaded(&["small.yml"], &[]).config;
    assert_eq!(config.session.lifespan.to_string(), "24h");
    assert_eq!(config.session.cookie.name, "ory_kratos_session");
    assert_eq!((config.hashers.bcrypt.cost, config.bcrypt_cost()), (12, 12));
    assert!(config.selfservice.methods.password.enabled && config.selfservice.methods.code.is_enabled());
    assert!(!config.selfservice.methods.totp.enabled && !config.feature_flags.cacheable_sessions);
    assert_eq!(config.public_url().as_str(), "https://localhost:4433/");
}

#[test]
fn budgets_of_attempts_are_filled_in_key_by_key() {
    let budgets =
        loaded(&["full.yml"], &[("SECURITY_ATTEMPT_BUDGETS_NETWORK_LIMIT", "7")]).config.security.attempt_budgets;
    let bound = |bound: zelos_core::config::Bound| (bound.limit, bound.window.to_string());
    let account = &budgets.account;
    assert_eq!((bound(account.password()), bound(account.totp())), ((5, "10m".into()), (3, "15m".into())));
    assert_eq!((bound(account.all()), bound(budgets.network())), ((100, "24h".into()), (7, "1h".into())));
    assert_eq!((budgets.enabled, bound(budgets.messages())), (true, (20, "30m".into())));
    let variables =
        [("SECURITY_ATTEMPT_BUDGETS_MESSAGES_LIMIT", "0"), ("SECURITY_ATTEMPT_BUDGETS_ACCOUNT_ALL_WINDOW", "1d")];
    let found = complaints(&["small.yml"], &variables).join("\n");
    assert!(found.contains("security.attempt_budgets.messages.limit: must be at least 1"), "{found}");
    assert!(found.contains("security.attempt_budgets.account.all.window: expected a duration"), "{found}");
    let found = complaints(&["small.yml"], &[("SECURITY_ATTEMPT_BUDGETS_NETWORK_WINDOW", "999ms")]).join("\n");
    assert!(found.contains("security.attempt_budgets.network.window: must be at least 1s"), "{found}");
}

#[test]
fn later_files_win_and_lists_are_replaced() {
    let config = loaded(&["small.yml", "over.yml"], &[]).config;
    assert_eq!(config.session.cookie.name, "over");
    assert_eq!(config.secrets.cookie, [Secret::new("a-third-cookie-secret")]);
    assert_eq!(config.identity.schemas.len(), 1, "what the second file does not speak of stays");
}

#[test]
fn the_environment_wins_leaf_by_leaf() {
    let variables = [
        ("SESSION_COOKIE_NAME", "from_environment"),
        ("SECRETS_COOKIE", "the-environments-secret"),
        ("SELFSERVICE_METHODS_PASSWORD_CONFIG_MIN_PASSWORD_LENGTH", "10"),
        ("IDENTITY_SCHEMAS_0_SELFSERVICE_SELECTABLE", "true"),
        ("PATH", "/bin"),
    ];
    let config = loaded(&["small.yml", "over.yml"], &variables).config;
    assert_eq!(config.session.cookie.name, "from_environment");
    assert_eq!(config.secrets.cookie, [Secret::new("the-environments-secret")]);
    assert_eq!(config.selfservice.methods.password.config.min_password_length, 10);
    assert!(config.identity.schemas[0].selfservice_selectable);
    let config = loaded(&["small.yml"], &[("SECRETS_COOKIE", "the-environments-secret")]).config;
    assert_eq!(config.secrets.cookie.len(), 2, "the file's second entry stays");
}

#[test]
fn dev_counts_as_flag_and_variable_but_not_in_a_file() {
    let from_file = loaded(&["small.yml", "dev.yml"], &[]);
    assert!(!from_file.config.dev && !from_file.config.watch_courier);
    assert!(
        lines(&from_file.warnings).contains(&"dev.yml: dev: has no effect in a file; use the flag --dev".to_owned())
    );
    assert!(loaded(&["small.yml"], &[("DEV", "true")]).config.dev);
    let flags = Flags { dev: true, watch_courier: true, other: vec![("database.cleanup.batch_size".into(), json!(7))] };
    let config = load(&Source { flags, ..source(&["small.yml"], &[]) }).unwrap().config;
    assert!(config.dev && config.watch_courier);
    assert_eq!(config.database.cleanup.batch_size, 7);
    assert!(!config.session_cookie().secure);
}

#[test]
fn every_complaint_names_who_set_the_key() {
    let variables = [("SERVE_ADMIN_PORT", "99999"), ("SELFSERVICE_FLOWS_LOGIN_STYLE", "fancy")];
    assert_eq!(
        complaints(&["small.yml", "wrong.yml"], &variables),
        [
            "wrong.yml: selfservice.flows.login.lifspan: there is no such key; did you mean lifespan?",
            "environment variable SELFSERVICE_FLOWS_LOGIN_STYLE: selfservice.flows.login.style: expected one of unified, identifier_first",
            "wrong.yml: courier: expected a map, found nothing",
            "wrong.yml: session.lifespan: expected a duration such as 1h30m or 500ms (units h, m, s, ms, us, ns)",
            "environment variable SERVE_ADMIN_PORT: serve.admin.port: must be at most 65535",
        ]
    );
}

#[test]
fn conditions_between_keys_are_checked() {
    assert_eq!(
        complaints(&["small.yml", "conditions.yml"], &[]),
        [
            "conditions.yml: identity.default_schema_id: no schema in identity.schemas has the id person",
            "small.yml: secrets.cipher: is required when ciphers.algorithm is not noop",
            "conditions.yml: selfservice.methods.code.mfa_enabled: cannot be true together with passwordless_enabled",
            "conditions.yml: selfservice.methods.webauthn.config: is required when webauthn is enabled",
            "conditions.yml: selfservice.methods.passkey.config.timeouts.login: must be longer than nothing",
            "conditions.yml: selfservice.flows.login.after.hooks.0.config.response.parse: cannot be true together with response.ignore",
            "conditions.yml: selfservice.methods.oidc.config.providers.0.client_secret: is required",
            "conditions.yml: selfservice.methods.oidc.config.providers.0.apple_team_id: belongs to the provider apple",
            "conditions.yml: selfservice.methods.oidc.config.providers.1.microsoft_tenant: is required for the provider microsoft",
            "conditions.yml: selfservice.methods.oidc.config.providers.2.client_secret: must not be set for the provider apple, which signs its own",
            "conditions.yml: selfservice.methods.oidc.config.providers.2.apple_private_key_id: is required for the provider apple",
            "conditions.yml: selfservice.methods.oidc.config.providers.2.apple_private_key: is required for the provider apple",
        ]
    );
}

#[test]
fn what_cannot_work_is_switched_off_with_a_warning_as_kratos_starts_with_it() {
    let loaded = load(&Source {
        built_in: Some(json!({
            "dsn": "memory",
            "identity": { "default_schema_id": "person", "schemas": [{ "id": "people", "url": "base64://e30=" }] },
            "selfservice": { "default_browser_return_url": "", "methods": {
                "webauthn": { "enabled": true, "config": {} },
                "passkey": { "enabled": true, "config": {} },
                "password": { "config": { "migrate_hook": { "enabled": true } } },
            } },
            "secrets": { "cookie": ["dHqFvLx0TbCm2c5W"] },
            "courier": { "worker": { "pull_count": -100_000_000, "pull_wait": "0s" } },
            "hashers": { "algorithm": "argon2", "argon2": { "memory": "0B", "parallelism": 2, "iterations": 1000 } },
        })),
        ..Source::default()
    })
    .unwrap();
    let methods = &loaded.config.selfservice.methods;
    assert!(!methods.webauthn.enabled && !methods.passkey.enabled && !methods.password.config.migrate_hook.enabled);
    assert_eq!(loaded.config.identity.default_schema_id, "people");
    assert_eq!(loaded.config.selfservice.default_browser_return_url.as_str(), "https://localhost:4433/");
    assert_eq!(loaded.config.courier.worker.pull_count, 10);
    assert_eq!(loaded.config.pull_wait(), Duration::from_millis(10));
    let mut keys: Vec<_> = loaded.warnings.iter().map(|warning| warning.key.as_str()).collect();
    keys.sort_unstable();
    let expected = [
        "courier.worker.pull_count",
        "courier.worker.pull_wait",
        "hashers.argon2.iterations",
        "hashers.argon2.memory",
        "identity.default_schema_id",
        "selfservice.default_browser_return_url",
        "selfservice.methods.passkey.config.rp",
        "selfservice.methods.password.config.migrate_hook.config.url",
        "selfservice.methods.webauthn.config.rp",
    ];
    assert_eq!(keys, expected);
}

#[test]
fn files_that_cannot_be_read_are_named() {
    assert_eq!(
        complaints(&["missing.yml", "broken.yml", "list.json", "broken.toml", "kratos.conf"], &[]),
        [
            "missing.yml: cannot be read: No such file or directory (os error 2)",
            "broken.yml: line 2 column 10: unclosed bracket '['",
            "list.json: expected a map at the top",
            "broken.toml: line 2: invalid basic string, expected `\"`",
            "kratos.conf: the name must end in .yaml, .yml, .json or .toml",
        ]
    );
}

#[test]
fn nothing_secret_is_quoted() {
    let hidden = "hidden-hidden-hidden";
    let variables = [("SECRETS_CIPHER", hidden), ("COURIER_SMTP_CONNECTION_URI", hidden), ("DSN", hidden)];
    let text = complaints(&["small.yml"], &variables).join("\n");
    assert!(!text.contains(hidden) && text.contains("SECRETS_CIPHER"), "{text}");
    let debug = format!("{:?}", loaded(&["full.yml"], &[]).config);
    assert!(!debug.contains("hidden"), "every secret in the fixture says so");
}

#[test]
fn odd_variables_are_read_as_the_original_reads_them_and_reported() {
    let loaded = loaded(&["small.yml"], &[("DEV", "yes")]);
    assert!(!loaded.config.dev);
    let expected = "environment variable DEV: dev: is not true or false; it counts as false";
    assert!(lines(&loaded.warnings).iter().any(|line| line == expected));
    assert_eq!(
        complaints(&["small.yml"], &[("SECRETS_COOKIE", "1234567890123456")]),
        ["environment variable SECRETS_COOKIE: secrets.cookie: the text is JSON but no list; write a list as [\"…\"]"]
    );
}

#[test]
fn a_reload_keeps_what_only_a_restart_changes_and_names_it() {
    let old = loaded(&["small.yml"], &[]).config;
    let reloaded = |variables: &[(&str, &str)]| {
        let mut new = loaded(&["small.yml"], variables).config;
        let kept = keep_until_restart(&old, &mut new);
        (kept, new)
    };
    for (name, text) in [
        ("SERVE_PUBLIC_CORS_ALLOWED_ORIGINS", "https://a.example"),
        ("SESSION_LIFESPAN", "1h"),
        ("SELFSERVICE_FLOWS_LOGIN_UI_URL", "https://a.example/login"),
        ("LOG_LEVEL", "trace"),
    ] {
        let (kept, new) = reloaded(&[(name, text)]);
        assert_eq!((kept, new == old), (vec![], false), "{name}");
    }
    for (name, text, key) in [
        ("SERVE_PUBLIC_PORT", "1", "serve.public.port"),
        ("SERVE_PUBLIC_CORS_ENABLED", "true", "serve.public.cors.enabled"),
        ("SERVE_PUBLIC_BASE_URL", "https://other.example", "serve.public.base_url"),
        ("SERVE_PUBLIC_TRUSTED_PROXIES", "10.0.0.0/8", "serve.public.trusted_proxies"),
        ("LOG_FORMAT", "json", "log.format"),
        ("DSN", "memory://other", "dsn"),
        ("DATABASE_POOL_MAX_CONNECTIONS", "3", "database.pool.max_connections"),
        ("HASHERS_POOL_THREADS", "3", "hashers.pool.threads"),
        ("TRACING_PROVIDER", "otel", "tracing.provider"),
        ("SELFSERVICE_UI_TEMPLATE_PATH", "/elsewhere", "selfservice.ui.template_path"),
        ("EXPOSE-METRICS-PORT", "9", "expose-metrics-port"),
    ] {
        let (kept, new) = reloaded(&[(name, text), ("SESSION_LIFESPAN", "1h")]);
        assert_eq!(kept, [key], "{name}");
        let taken = Config { session: new.session.clone(), ..old.clone() };
        assert_eq!(new, taken, "{name}: the rest is taken");
    }
    let (kept, _) = reloaded(&[("SERVE_PUBLIC_PORT", "1"), ("SERVE_ADMIN_PORT", "2"), ("LOG_FORMAT", "json")]);
    assert_eq!(kept, ["log.format", "serve.admin.port", "serve.public.port"]);
}

#[test]
fn a_reload_does_not_open_the_admin_api() {
    let token = |name: &str| {
        let sha256 = zelos_core::config::admin_auth::hash(name);
        let tokens = serde_json::json!([{ "name": name, "sha256": sha256.expose(), "scopes": ["read"] }]).to_string();
        loaded(&["small.yml"], &[("SERVE_ADMIN_AUTH_TOKENS", &tokens)]).config
    };
    let without = loaded(&["small.yml"], &[]).config;
    let is_taken_over = |old: &Config, new: &Config| {
        let mut reloaded = new.clone();
        assert_eq!(keep_until_restart(old, &mut reloaded), Vec::<String>::new());
        assert_eq!(&reloaded, new);
    };
    is_taken_over(&token("one"), &token("other"));
    is_taken_over(&without, &token("one"));
    let (old, mut new) = (token("one"), without);
    assert_eq!(keep_until_restart(&old, &mut new), ["serve.admin.auth.tokens"]);
    assert_eq!(new, old, "the tokens stay");
}

#[test]
fn the_development_document_stands_below_flags_and_environment() {
    let cookie = Secret::new("cookie-secret-of-tests");
    let cipher = Secret::new("f3a91c07be52d84ea6601d7b9c2f45d8");
    let built_in = Some(zelos_core::config::development_document(Path::new("./zelos-data"), &cookie, &cipher));
    let flags = Flags { dev: true, ..Flags::default() };
    let environment = vec![("DSN".to_owned(), "memory".to_owned())];
    let loaded = load(&Source { expand_env: false, built_in, flags, environment, files: vec![] }).unwrap();
    assert_eq!(lines(&loaded.warnings), [""; 0], "mail stays in the mailbox, as it should");
    let config = loaded.config;
    assert_eq!(config.dsn.expose(), "memory");
    assert_eq!(unbuilt(&config), []);
    let short = Config::for_development(Path::new("."), &Secret::new("short"), &cipher).unwrap_err();
    assert_eq!(short[0].origin, Some(Origin::BuiltIn));
}

#[test]
fn cookies_for_every_site_are_warned_about() {
    let warned = |variables: &[(&str, &str)]| {
        lines(&loaded(&["small.yml"], variables).warnings)
            .iter()
            .any(|line| line.contains("DANGEROUS") && line.contains("lets every web site"))
    };
    assert!(warned(&[("SERVE_PUBLIC_CORS_ENABLED", "true")]), "`*` is the default");
    assert!(!warned(&[("SERVE_PUBLIC_CORS_ENABLED", "true"), ("SERVE_PUBLIC_CORS_ALLOW_CREDENTIALS", "false")]));
    assert!(!warned(&[]));
}

#[test]
fn cookies_for_every_site_are_refused_where_that_is_wanted() {
    let on = ("SERVE_PUBLIC_CORS_ENABLED", "true");
    for key in [("SECURITY_CORS_REFUSE_WILDCARD_CREDENTIALS", "true"), ("SECURITY_PRESET", "hardened")] {
        let refused = |variables: &[(&str, &str)]| {
            let all = [&[on, key], variables].concat();
            load(&source(&["small.yml"], &all)).is_err_and(|errors| {
                lines(&errors)
                    .iter()
                    .any(|line| line.contains("serve.public.cors.allowed_origins: would let every web site"))
            })
        };
        assert!(refused(&[]), "{key:?}");
        assert!(!refused(&[("SERVE_PUBLIC_CORS_ALLOW_CREDENTIALS", "false")]), "{key:?}");
        assert!(!refused(&[("SERVE_PUBLIC_CORS_ALLOWED_ORIGINS", r#"["https://a.example"]"#)]), "{key:?}");
    }
}

#[test]
fn origins_that_match_nothing_are_named() {
    let lines_for = |origins: &str| {
        let variables = [("SERVE_PUBLIC_CORS_ENABLED", "true"), ("SERVE_PUBLIC_CORS_ALLOWED_ORIGINS", origins)];
        let warnings = lines(&loaded(&["small.yml"], &variables).warnings);
        warnings.into_iter().filter(|line| line.contains("matches nothing")).collect::<Vec<_>>()
    };
    assert_eq!(lines_for(r#"["http://localhost:*", "https://*.example.org"]"#), [""; 0]);
    assert_eq!(lines_for(r#"["https://a.example.org/"]"#).len(), 1);
    assert_eq!(lines_for(r#"["https://*.com"]"#).len(), 1);
}
