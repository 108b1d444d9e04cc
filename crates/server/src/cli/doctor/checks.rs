//! What can be told from the configuration alone.

use super::Finding;
use std::net::IpAddr;
use url::{Host, Url};
use zelos_core::{
    config::{Config, CookieSettings, SameSite, admin_auth},
    secret::Weakness,
};

/// All of them.
pub(super) const ALL: &[fn(&Config) -> Vec<Finding>] = &[
    base_url,
    cookie_domains,
    cookie_paths,
    cookie_secure,
    cookie_same_site,
    pages_on_other_sites,
    proxies,
    admin_door,
    ports,
    secrets,
    development,
];

/// Both kinds of cookies, each with the section that sets it.
fn cookies(config: &Config) -> [(&'static str, CookieSettings<'_>); 2] {
    [("session.cookie", config.session_cookie()), ("cookies", config.cookie())]
}

/// Whether a host is this domain or lies below it, as browsers see it.
fn lies_in(host: &str, domain: &str) -> bool {
    let domain = domain.trim_start_matches('.').to_ascii_lowercase();
    host == domain || host.strip_suffix(&domain).is_some_and(|above| above.ends_with('.'))
}

fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => lies_in(name, "localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

pub(super) fn base_url(config: &Config) -> Vec<Finding> {
    let (key, url) = ("serve.public.base_url", config.public_url());
    if config.serve.public.base_url.is_none() {
        return vec![Finding::note(
            key,
            format!("is not set, so links and redirects lead to {url}; set the URL that browsers use"),
        )];
    }
    if !config.dev && url.scheme() == "http" && !is_local(&url) {
        let sentence = "is plain http, so passwords and cookies can be read on their way; serve https and say so here";
        return vec![Finding::wrong(key, sentence)];
    }
    Vec::new()
}

pub(super) fn cookie_domains(config: &Config) -> Vec<Finding> {
    let url = config.public_url();
    let host = url.host_str().unwrap_or_default();
    let check = |(section, cookie): (&str, CookieSettings<'_>)| {
        let domain = cookie.domain.filter(|domain| !lies_in(host, domain))?;
        let sentence = format!(
            "is {domain}, but people come to {host} (serve.public.base_url), so browsers refuse the cookie and nobody \
             stays signed in; set it to {host} or a domain above, or leave it out"
        );
        // What the session's cookie has from the others is to be changed there.
        let own = section == "session.cookie" && config.session.cookie.domain.is_some();
        Some(Finding::wrong(if own { "session.cookie.domain" } else { "cookies.domain" }, sentence))
    };
    let mut found: Vec<_> = cookies(config).into_iter().filter_map(check).collect();
    found.dedup();
    found
}

pub(super) fn cookie_paths(config: &Config) -> Vec<Finding> {
    let url = config.public_url();
    let check = |(section, cookie): (&str, CookieSettings<'_>)| {
        let path = cookie.path.trim_end_matches('/');
        let at = url.path().trim_end_matches('/');
        let covers = at.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let sentence = format!(
            "is {}, which does not cover {} (serve.public.base_url), so browsers do not send the cookie back; set it to /",
            cookie.path,
            url.path(),
        );
        (!covers).then(|| {
            let own = section == "session.cookie" && config.session.cookie.path.is_some();
            Finding::wrong(if own { "session.cookie.path" } else { "cookies.path" }, sentence)
        })
    };
    let mut found: Vec<_> = cookies(config).into_iter().filter_map(check).collect();
    found.dedup();
    found
}

pub(super) fn cookie_secure(config: &Config) -> Vec<Finding> {
    let url = config.public_url();
    let check = |(section, cookie): (&str, CookieSettings<'_>)| {
        let key = format!("{section}.secure");
        if cookie.secure && url.scheme() == "http" && !is_local(&url) {
            let sentence = "is on, but serve.public.base_url is plain http, so browsers refuse the cookie; serve https";
            return Some(Finding::wrong(&key, sentence));
        }
        let open = !cookie.secure && url.scheme() == "https";
        open.then(|| Finding::wrong(&key, "is off although the server is reached by https; leave it out"))
    };
    cookies(config).into_iter().filter_map(check).collect()
}

pub(super) fn cookie_same_site(config: &Config) -> Vec<Finding> {
    let check = |(section, cookie): (&str, CookieSettings<'_>)| {
        let refused = cookie.same_site == SameSite::None && !cookie.secure;
        let sentence = format!("is None, which browsers take only with {section}.secure; use Lax, or https");
        refused.then(|| Finding::wrong(&format!("{section}.same_site"), sentence))
    };
    cookies(config).into_iter().filter_map(check).collect()
}

/// Pages that a browser shows from elsewhere get no cookie of ours unless a common domain is named.
pub(super) fn pages_on_other_sites(config: &Config) -> Vec<Finding> {
    let flows = &config.selfservice.flows;
    let pages = [
        ("login", &flows.login.ui_url),
        ("registration", &flows.registration.ui_url),
        ("settings", &flows.settings.ui_url),
        ("recovery", &flows.recovery.ui_url),
        ("verification", &flows.verification.ui_url),
        ("error", &flows.error.ui_url),
    ];
    let own = config.public_url();
    let (own, domain) = (own.host_str().unwrap_or_default(), config.session_cookie().domain);
    let check = |(name, url): (&str, &Option<Url>)| {
        let host = url.as_ref()?.host_str()?;
        let shares = host == own || domain.is_some_and(|domain| lies_in(host, domain));
        let sentence = format!(
            "shows pages at {host}, which does not get the cookies of {own}: a page that asks for its flow in the browser \
             needs cookies.domain to be a domain that both lie in, and serve.public.cors"
        );
        (!shares).then(|| Finding::note(&format!("selfservice.flows.{name}.ui_url"), sentence))
    };
    pages.into_iter().filter_map(check).collect()
}

pub(super) fn proxies(config: &Config) -> Vec<Finding> {
    let key = "serve.public.trusted_proxies";
    let public = &config.serve.public;
    let anybody = ["8.8.8.8", "2001:4860:4860::8888"].into_iter().filter_map(|address| address.parse::<IpAddr>().ok());
    let trusts_all = anybody.into_iter().any(|address| public.trusted_proxies.iter().any(|net| net.contains(address)));
    if trusts_all {
        let sentence = "holds addresses of the whole internet, so anybody can say which address they come from; name your \
                        proxies";
        return vec![Finding::wrong(key, sentence)];
    }
    let behind = public.base_url.as_ref().is_some_and(|url| url.scheme() == "https") && !public.tls.enabled();
    if behind && public.trusted_proxies.is_empty() {
        let sentence = "is empty, but something in front of the server speaks https for it: everybody seems to come from \
                        the proxy's address; name that";
        return vec![Finding::note(key, sentence)];
    }
    Vec::new()
}

pub(super) fn admin_door(config: &Config) -> Vec<Finding> {
    let admin = &config.serve.admin;
    let host = admin.host.trim_start_matches('[').trim_end_matches(']');
    let loopback = host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback());
    if loopback || host == "localhost" || host.starts_with("unix:") {
        return Vec::new();
    }
    if let Err(error) = admin_auth::judge(config, false) {
        return vec![Finding::wrong(&error.key, error.reason)];
    }
    let at = if host.is_empty() { "every address" } else { host };
    if admin.auth.is_open() {
        let key = if admin.auth.insecure_open { "serve.admin.auth.insecure_open" } else { "serve.admin.host" };
        let sentence = format!(
            "leaves the admin API open at {at}, port {}: whoever gets there can become anybody; see to it that only your \
             own servers do, or set serve.admin.auth.tokens (zelos admin token makes one)",
            admin.port
        );
        return vec![Finding::note(key, sentence)];
    }
    if !admin.tls.enabled() {
        let sentence = format!(
            "is not set, so tokens for the admin API at {at} pass the network in the clear; set it, or see to it that \
             something in front of the server speaks https"
        );
        return vec![Finding::note("serve.admin.tls", sentence)];
    }
    Vec::new()
}

pub(super) fn ports(config: &Config) -> Vec<Finding> {
    let (public, admin) = (&config.serve.public, &config.serve.admin);
    let socket = |host: &str| host.starts_with("unix:");
    let same = if socket(&public.host) || socket(&admin.host) {
        public.host == admin.host
    } else {
        public.port == admin.port
            && (public.host == admin.host
                || [&public.host, &admin.host].iter().any(|host| ["", "0.0.0.0", "::"].contains(&host.as_str())))
    };
    let sentence = "is that of serve.public as well; two servers cannot listen at one place";
    if same { vec![Finding::wrong("serve.admin.port", sentence)] } else { Vec::new() }
}

pub(super) fn secrets(config: &Config) -> Vec<Finding> {
    let finding = |(key, weakness): (String, Weakness)| {
        let sentence = format!("{weakness}; make one with: openssl rand -hex 16");
        if config.dev { Finding::note(&key, sentence) } else { Finding::wrong(&key, sentence) }
    };
    config.secrets.weak().map(finding).collect()
}

pub(super) fn development(config: &Config) -> Vec<Finding> {
    if !config.dev && config.dsn.expose() == "memory" {
        return vec![Finding::note("dsn", "is memory: everybody is forgotten when the server stops")];
    }
    if config.dev && !is_local(&config.public_url()) {
        let sentence =
            "development mode turns protection off, and serve.public.base_url is not this machine's; leave it out";
        return vec![Finding::wrong("dev", sentence)];
    }
    Vec::new()
}
