//! The configuration file that every server under measure is given: one text for all of them, so it holds only keys
//! that Kratos knows as well. It is written as JSON, which every YAML reader reads.

use std::net::SocketAddr;

use serde_json::{Value, json};

/// How the server hashes passwords.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hasher {
    /// bcrypt at this cost.
    Bcrypt(u32),
    /// argon2id with 128 MiB, one iteration, one lane.
    Argon2,
}

/// What differs from one start to the next.
#[derive(Debug)]
pub(crate) struct Places<'a> {
    pub(crate) public: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) dsn: &'a str,
    pub(crate) hasher: Hasher,
    pub(crate) log_level: &'a str,
    /// Where mail is delivered; without it nobody makes any.
    pub(crate) mail: Option<SocketAddr>,
}

/// The whole file.
pub(crate) fn render(places: &Places<'_>) -> String {
    let config = json!({
        "version": "v1.0.0",
        "dsn": places.dsn,
        "log": {"level": places.log_level},
        "serve": {"public": listener(places.public), "admin": listener(places.admin)},
        "identity": {
            "default_schema_id": "default",
            "schemas": [{"id": "default", "url": format!("base64://{}", base64(person().to_string().as_bytes()))}],
        },
        "secrets": {"cookie": ["bench-cookie-secret-0123456789abcdef"], "cipher": ["bench-cipher-secret-0123456789ab"]},
        "ciphers": {"algorithm": "xchacha20-poly1305"},
        "hashers": hashers(places.hasher),
        "courier": courier(places.mail),
        "selfservice": selfservice(places.mail.is_some()),
    });
    format!("{config:#}\n")
}

fn listener(address: SocketAddr) -> Value {
    json!({"base_url": format!("http://{address}/"), "host": address.ip().to_string(), "port": address.port()})
}

fn hashers(hasher: Hasher) -> Value {
    match hasher {
        Hasher::Bcrypt(cost) => json!({"algorithm": "bcrypt", "bcrypt": {"cost": cost}}),
        Hasher::Argon2 => json!({"algorithm": "argon2", "argon2": {
            "memory": "128MB", "iterations": 1, "parallelism": 1, "salt_length": 16, "key_length": 32,
        }}),
    }
}

/// Without mail there is an address all the same, that nobody listens on.
fn courier(mail: Option<SocketAddr>) -> Value {
    let address = mail.map_or_else(|| "127.0.0.1:1".to_owned(), |mail| mail.to_string());
    json!({"smtp": {
        "connection_uri": format!("smtp://{address}/?disable_starttls=true"),
        "from_address": "no-reply@bench.example",
    }})
}

fn selfservice(mails: bool) -> Value {
    // Nothing listens there either: a browser of ours follows no redirect to a page.
    let page = |name: &str| format!("http://127.0.0.1:4455/{name}");
    json!({
        "default_browser_return_url": page("home"),
        "allowed_return_urls": [page("")],
        "methods": {
            "password": {"enabled": true, "config": {"haveibeenpwned_enabled": false}},
            "code": {"enabled": mails},
            "link": {"enabled": false},
        },
        "flows": {
            "error": {"ui_url": page("error")},
            "login": {"ui_url": page("login"), "lifespan": "1h"},
            "registration": {
                "ui_url": page("registration"),
                "lifespan": "1h",
                "style": "unified",
                "after": {"password": {"hooks": [{"hook": "session"}]}},
            },
            "settings": {"ui_url": page("settings")},
            "recovery": {"ui_url": page("recovery"), "enabled": mails, "use": "code"},
            "verification": {"ui_url": page("verification"), "enabled": mails, "use": "code"},
        },
    })
}

fn person() -> Value {
    json!({
        "$id": "https://bench.example.org/person.schema.json",
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Person",
        "type": "object",
        "properties": {"traits": {
            "type": "object",
            "properties": {
                "email": {"type": "string", "format": "email", "title": "E-Mail", "minLength": 3, "ory.sh/kratos": {
                    "credentials": {"password": {"identifier": true}},
                    "verification": {"via": "email"},
                    "recovery": {"via": "email"},
                }},
                "name": {"type": "string", "title": "Name", "maxLength": 40},
            },
            "required": ["email"],
            "additionalProperties": false,
        }},
    })
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group = (0..3).fold(0_usize, |sum, i| sum << 8 | usize::from(chunk.get(i).copied().unwrap_or(0)));
        for i in 0..4 {
            text.push(if i <= chunk.len() { char::from(ALPHABET[group >> (18 - 6 * i) & 63]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_pads_as_the_standard_says() {
        let pairs = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")];
        for (plain, encoded) in pairs {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }

    #[test]
    fn the_file_names_its_ports_and_hasher() {
        let places = Places {
            public: ([127, 0, 0, 1], 4433).into(),
            admin: ([127, 0, 0, 1], 4434).into(),
            dsn: "memory",
            hasher: Hasher::Bcrypt(10),
            log_level: "error",
            mail: None,
        };
        let config: Value = serde_json::from_str(&render(&places)).unwrap();
        assert_eq!(config["serve"]["admin"]["port"], 4434);
        assert_eq!(config["serve"]["public"]["base_url"], "http://127.0.0.1:4433/");
        assert_eq!(config["hashers"]["bcrypt"]["cost"], 10);
        assert_eq!(config["secrets"]["cipher"][0].as_str().unwrap().len(), 32);
    }
}
