use super::{Letters, built_in};
use crate::remote::Remotes;
use serde_json::{Map, Value, json};
use time::macros::datetime;
use zelos_core::{
    config::Config,
    id::MessageId,
    message::{Message, MessageChannel, MessageStatus, TemplateType},
};

fn data(template: TemplateType, channel: MessageChannel) -> Map<String, Value> {
    let url = "https://id.example/self-service/x?flow=1&code=123456";
    let name = template.as_str();
    let mut data = json!({
        "to": "ada@example.com",
        "request_url": "https://id.example/",
        "transient_payload": {},
        "user_request_headers": {},
    });
    let mut say = |key: &str, value: Value| data[key] = value;
    if name.ends_with("valid") && !name.ends_with("invalid") {
        say("expires_in_minutes", json!(60));
        say("identity", json!({ "id": "1", "traits": { "email": "ada@example.com" }, "metadata_public": null }));
        match name.split_once("_code") {
            // Short messages call it so on the wire.
            Some(("recovery", _)) if channel == MessageChannel::Sms => say("verification_code", json!("123456")),
            Some((kind, _)) => say(&format!("{kind}_code"), json!("123456")),
            None => say(&format!("{}_url", name.trim_end_matches("_valid")), json!(url)),
        }
        if template == TemplateType::VerificationCodeValid && channel == MessageChannel::Email {
            say("verification_url", json!(url));
        }
    }
    if template == TemplateType::VerifiableAddressChanged {
        say("identity", json!({ "id": "1", "traits": {} }));
        say("changed_at", json!("2026-07-01T10:20:30Z"));
    }
    if channel == MessageChannel::Sms {
        say("request_url_domain", json!("id.example"));
    }
    match data {
        Value::Object(data) => data,
        _ => Map::new(),
    }
}

fn message(template: TemplateType, channel: MessageChannel) -> Message {
    let at = datetime!(2026-07-01 10:00 UTC);
    Message {
        id: MessageId(uuid::Uuid::nil()),
        channel,
        recipient: "ada@example.com".to_owned(),
        subject: String::new(),
        body: String::new(),
        template_type: template,
        template_data: data(template, channel),
        request_headers: Map::new(),
        status: MessageStatus::Queued,
        send_count: 0,
        expires_at: None,
        created_at: at,
        updated_at: at,
    }
}

fn mail(template: TemplateType) -> Message {
    message(template, MessageChannel::Email)
}

fn with(mut message: Message, key: &str, value: Value) -> Message {
    message.template_data.insert(key.to_owned(), value);
    message
}

/// With the header that says which languages a browser wants.
fn asked_in(mut message: Message, languages: &str) -> Message {
    message.request_headers.insert("Accept-Language".to_owned(), json!([languages]));
    message
}

fn written(letters: &Letters, mut message: Message) -> Message {
    letters.write(&mut message).unwrap();
    message
}

#[test]
fn everything_can_be_written_in_every_language() {
    let letters = Letters::built_in();
    assert_eq!(letters.languages.len(), built_in::LANGUAGES.len());
    for language in built_in::LANGUAGES {
        for template in TemplateType::ALL {
            for channel in MessageChannel::ALL {
                let message = written(&letters, asked_in(message(template, channel), language.tag));
                let text = format!("{}\n{}", message.subject, message.body);
                let html = letters.html(&message).unwrap().unwrap_or_default();
                let what = format!("{} {template:?} {channel:?}\n{text}", language.tag);
                let is_mail = channel == MessageChannel::Email;
                assert_eq!((message.subject.is_empty(), html.is_empty()), (!is_mail, !is_mail), "{what}");
                assert!(!text.contains("<no value>") && !text.contains("%!") && !html.contains("ZgotmplZ"), "{what}");
                assert!(!is_mail || html.contains(&format!("<html lang=\"{}\">", language.tag)), "{what}");
            }
        }
    }
}

/// A folder of templates, gone with the test.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(test: &str, files: &[(&str, &str)]) -> Self {
        let path = std::env::temp_dir().join(format!("zelos-letters-{test}-{}", std::process::id()));
        for (name, text) in files {
            let file = path.join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The letters of a configuration with that `courier`; errors name files without the folder.
fn compiled(folder: Option<&Folder>, courier: &Value) -> Result<Letters, String> {
    let mut document = json!({
        "dsn": "memory",
        "identity": { "schemas": [{ "id": "default", "url": "base64://e30=" }] },
        "selfservice": { "default_browser_return_url": "https://id.example/" },
        "serve": { "public": { "base_url": "https://id.example/" } },
        "courier": courier,
    });
    let root = folder.map_or("none".to_owned(), |folder| folder.0.display().to_string());
    document["courier"]["template_override_path"] = json!(root);
    let letters = Letters::compile(&Config::from_document(document).unwrap(), &Remotes::default());
    letters.map_err(|errors| errors.join("\n").replace(&format!("{root}/"), ""))
}

#[test]
fn links_and_codes_can_be_found() {
    let letters = Letters::built_in();
    for language in ["en", "de"] {
        for template in TemplateType::ALL {
            let message = written(&letters, asked_in(mail(template), language));
            let says =
                |key: &str| message.template_data.keys().any(|name| name.ends_with(key) && name != "request_url");
            let url = message.body.lines().find(|line| line.contains("http"));
            let link = "https://id.example/self-service/x?flow=1&code=123456";
            assert_eq!(url, says("_url").then_some(link), "{}", message.body);
            let alone = message.body.lines().filter(|line| *line == "123456").count();
            assert_eq!(alone, usize::from(says("_code")), "{}", message.body);
            let html = letters.html(&message).unwrap().unwrap();
            let href = "href=\"https://id.example/self-service/x?flow=1&amp;code=123456\"";
            assert_eq!(html.matches(href).count(), if says("_url") { 2 } else { 0 }, "{html}");

            let mut message = message;
            message.channel = MessageChannel::Sms;
            message.template_data = data(template, MessageChannel::Sms);
            let message = written(&letters, message);
            let is_code = template.as_str().ends_with("code_valid");
            assert_eq!(message.body.ends_with("\n\n@id.example #123456\n"), is_code, "{}", message.body);
        }
    }
}

#[test]
fn everybody_is_written_to_in_their_language() {
    let letters = Letters::built_in();
    let speaks = |traits: Value, metadata: Value, header: &str| {
        let identity = json!({ "traits": traits, "metadata_public": metadata });
        let message = asked_in(with(mail(TemplateType::LoginCodeValid), "identity", identity), header);
        written(&letters, message).subject
    };
    let (english, german) = ("Your code to sign in", "Ihr Code zum Anmelden");
    for (traits, metadata, header, expected) in [
        (json!({}), json!(null), "", english),
        (json!({}), json!(null), "fr-FR, de-AT;q=0.5, en;q=0.3", german),
        (json!({}), json!(null), "en;q=0.3, de;q=0.2", english),
        (json!({}), json!(null), "fr", english),
        (json!({ "locale": "de_AT.UTF-8" }), json!(null), "en", german),
        (json!({ "language": "de" }), json!(null), "en", german),
        (json!({ "lang": "DE" }), json!(null), "en", german),
        (json!({ "lang": "de" }), json!({ "locale": "en-GB" }), "de", english),
        (json!({ "lang": "fr" }), json!({ "locale": { "a": [1] } }), "de", german),
        (json!("de"), json!([]), "de;q=-1, en;q=x", english),
    ] {
        assert_eq!(speaks(traits.clone(), metadata.clone(), header), expected, "{traits} {metadata} {header}");
    }
    let unborn = asked_in(mail(TemplateType::RegistrationCodeValid), "en");
    let mut unborn = with(unborn, "traits", json!({ "locale": "de" }));
    unborn.template_data.remove("identity");
    assert_eq!(written(&letters, unborn).subject, "Ihr Code für ein neues Konto");
}

#[test]
fn an_operator_brings_any_part_in_the_order_of_kratos() {
    let folder = Folder::new(
        "order",
        &[
            ("recovery_code/valid/email.subject.gotmpl", "from a file"),
            ("recovery_code/valid/email.body.plaintext.gotmpl", r#"{{template "email.body.plaintext.sig.gotmpl" .}}"#),
            (
                "recovery_code/valid/email.body.plaintext.sig.gotmpl",
                "{{.RecoveryCode}}, {{.ExpiresInMinutes}}, {{.Identity.traits.email}}",
            ),
            (
                "recovery_code/valid/sms.body.gotmpl",
                "SMS {{.RecoveryCode}} {{.RequestURLDomain}} {{.VerificationCode}}",
            ),
            (
                "verifiable_address_changed/email.body.gotmpl",
                r#"<b title="{{.ChangedAt}}">{{index .Identity "ID"}}</b>"#,
            ),
        ],
    );
    let encoded = zelos_core::config::ContentUri::inline("<p>{{.RecoveryCode}}</p>");
    let templates = json!({ "recovery_code": { "valid": { "email": {
        "subject": zelos_core::config::ContentUri::inline("Configured, {{.To}}"),
        "body": { "html": encoded },
    } } } });
    let letters = compiled(Some(&folder), &json!({ "templates": templates })).unwrap();
    let message = written(&letters, mail(TemplateType::RecoveryCodeValid));
    assert_eq!((&*message.subject, &*message.body), ("Configured, ada@example.com", "123456, 60, ada@example.com"));
    assert_eq!(letters.html(&message).unwrap().as_deref(), Some("<p>123456</p>"));
    let sms = written(&letters, self::message(TemplateType::RecoveryCodeValid, MessageChannel::Sms));
    assert_eq!((&*sms.subject, &*sms.body), ("", "SMS 123456 id.example <no value>"));
    let changed = written(&letters, mail(TemplateType::VerifiableAddressChanged));
    assert_eq!(changed.subject, "The addresses of your account have changed");
    assert_eq!(letters.html(&changed).unwrap().as_deref(), Some(r#"<b title="2026-07-01T10:20:30Z"></b>"#));
    // Whatever was not brought is ours.
    assert_eq!(written(&letters, mail(TemplateType::LoginCodeValid)).subject, "Your code to sign in");
}

#[test]
fn languages_and_layouts_are_dropped_into_a_folder() {
    let words: String =
        ["expiry", "or", "fallback", "footer"].map(|name| format!("{{{{define {name:?}}}}}{name}{{{{end}}}}")).concat();
    let letter = r#"{{define "subject"}}Connexion{{end}}{{define "lead"}}Voici{{end}}{{define "after"}}Fin{{end}}"#;
    let folder = Folder::new(
        "languages",
        &[
            ("lang/fr/words.gotmpl", &words),
            ("lang/fr/login_code_valid.gotmpl", letter),
            ("lang/de/recovery_invalid.gotmpl", &letter.replace("Connexion", "Nein")),
            ("lang/html.gotmpl", r#"<h1 lang="{{.Language}}">{{.Site}}</h1>{{template "lead" .}}"#),
            ("lang/README.md", "not a template"),
        ],
    );
    let letters = compiled(Some(&folder), &json!({ "smtp": { "from_name": "A & B" } })).unwrap();
    let french = written(&letters, asked_in(mail(TemplateType::LoginCodeValid), "fr-CA, de"));
    assert_eq!((&*french.subject, &*french.body), ("Connexion", "Voici\n\n123456\n\nexpiry Fin\n\n-- \nfooter\n"));
    assert_eq!(letters.html(&french).unwrap().unwrap(), "<h1 lang=\"fr\">A &amp; B</h1>Voici\n".trim_end());
    // A letter that the language has not is written in the next one.
    let german = written(&letters, asked_in(mail(TemplateType::RecoveryCodeValid), "fr-CA, de"));
    assert_eq!(german.subject, "Ihr Code zurück in Ihr Konto");
    assert!(letters.html(&german).unwrap().unwrap().starts_with("<h1 lang=\"de\">A &amp; B</h1>Sie"));
    let changed = written(&letters, asked_in(mail(TemplateType::RecoveryCodeInvalid), "de"));
    assert_eq!(changed.subject, "Nein");
}

#[test]
fn whatever_is_broken_is_told_with_its_place() {
    let encoded = |text: &str| json!(zelos_core::config::ContentUri::inline(text.to_owned()));
    let templates = json!({
        "recovery": { "invalid": { "email": { "subject": encoded("\n{{.To"), "body": { "html": encoded("<a href='{{.To}}") } } } },
        "login_code": { "valid": { "email": { "subject": "file:///no/such/file" } } },
    });
    let errors = compiled(None, &json!({ "templates": templates })).unwrap_err();
    assert_eq!(errors.lines().count(), 1, "what cannot be had is told first: {errors}");
    assert!(
        errors.starts_with("courier.templates.login_code.valid.email.subject: /no/such/file cannot be read"),
        "{errors}"
    );

    let templates = json!({ "recovery": { "invalid": { "email": {
        "subject": encoded("\n{{.To"), "body": { "html": encoded("<a href='{{.To}}"), "plaintext": "base64:///w==" } } } } });
    let errors = compiled(None, &json!({ "templates": templates })).unwrap_err();
    assert_eq!(errors, "courier.templates.recovery.invalid.email.body.plaintext: is not UTF-8");

    for (file, text, expected) in [
        ("login_code/valid/email.subject.gotmpl", "\n{{.To", "login_code/valid/email.subject.gotmpl: line 2: "),
        (
            "login_code/valid/email.body.gotmpl",
            "{{if .To}}<a href='{{end}}",
            "login_code/valid/email.body.gotmpl: line 1: ",
        ),
        ("login_code/valid/sms.body.gotmpl", "{{env \"HOME\"}}", "login_code/valid/sms.body.gotmpl: line 1: "),
        (
            "login_code/valid/sms.body.gotmpl",
            "{{template \"x\"}}",
            "login_code/valid/sms.body.gotmpl: line 1: there is no template \"x\"",
        ),
        (
            "lang/de/login.gotmpl",
            "",
            "lang/de/login.gotmpl: there is no letter of that name, only words, recovery_valid,",
        ),
        (
            "lang/de/login_code_valid.gotmpl",
            "{{define \"subject\"}}{{end}}",
            "lang/de/login_code_valid.gotmpl: plain.gotmpl: line 1: there is no template \"lead\"",
        ),
        ("lang/fr/login_code_valid.gotmpl", "", "lang/fr: the file words.gotmpl is missing"),
        ("lang/mail.gotmpl", "", "lang/mail.gotmpl: there is no layout of that name, only subject.gotmpl,"),
        (
            "lang/plain.gotmpl",
            "\n\n{{template \"nothing\"}}",
            "lang/plain.gotmpl: line 3: there is no template \"nothing\"",
        ),
        ("lang/de/words.gotmpl", "{{end}}", "lang/de/words.gotmpl: there is an {{end}} or {{else}} too many"),
        ("lang/de/words.gotmpl", "", "lang/de/words.gotmpl: plain.gotmpl: line 18: there is no template \"footer\""),
    ] {
        let folder = Folder::new("broken", &[(file, text)]);
        let errors = compiled(Some(&folder), &json!({})).unwrap_err();
        assert!(errors.contains(expected), "{file}: {errors}");
    }
}

#[test]
fn nothing_is_compiled_or_read_again() {
    assert!(std::sync::Arc::ptr_eq(&Letters::built_in().languages, &Letters::built_in().languages));
    let files = [
        ("login_code/valid/email.subject.gotmpl", "{{.LoginCode}}"),
        ("login_code/valid/email.body.gotmpl", "<i>{{.To}}"),
    ];
    let folder = Folder::new("once", &files);
    let letters = compiled(Some(&folder), &json!({})).unwrap();
    // A compiled template holds no source, and where it came from is gone.
    drop(folder);
    for number in 0..100 {
        let code = format!("{number:06}");
        let message = written(&letters, with(mail(TemplateType::LoginCodeValid), "login_code", json!(code)));
        assert_eq!(message.subject, code);
        assert_eq!(letters.html(&message).unwrap().as_deref(), Some("<i>ada@example.com"));
    }
}

/// What somebody can put into traits and payloads, and what must not come of it.
const HOSTILE: [&str; 8] = [
    "x\r\nBcc: victim@example.com\r\n\r\n<script>alert(1)</script>",
    "</title></style></script><script>alert(1)</script>",
    "\" onmouseover=alert(1) x=\"",
    "' onmouseover=alert(1) x='",
    "` onmouseover=alert(1) x=`",
    "javascript:alert(1)",
    "{{.RecoveryCode}}{{template \"x\"}}",
    "\u{202e}\u{2066}gnp.exe\u{2028}\u{2029}\u{0}\u{7}\u{85}]]><!--",
];

#[test]
fn hostile_values_do_no_harm() {
    let html = r#"<!doctype html><title>{{.Identity.traits.name}}</title><p title="{{.Identity.traits.name}}">
        {{.TransientPayload.word}}<a href="{{.TransientPayload.word}}" data-x={{.TransientPayload.word}}>x</a>
        <style>p { color: {{.TransientPayload.word}} }</style><b style="color: {{.Identity.traits.name}}">y</b>
        <script>let x = {{.TransientPayload}}; let y = '{{.Identity.traits.name}}';</script>"#;
    let folder = Folder::new(
        "hostile",
        &[
            ("login_code/valid/email.subject.gotmpl", " {{.Identity.traits.name}}\n{{.TransientPayload.word}} "),
            ("login_code/valid/email.body.plaintext.gotmpl", "{{.Identity.traits.name}} {{.LoginCode}}"),
            ("login_code/valid/email.body.gotmpl", html),
        ],
    );
    let own = compiled(Some(&folder), &json!({})).unwrap();
    for letters in [own, Letters::built_in()] {
        let calm = filled(&letters, "harmless");
        let shape = shape(&letters.html(&calm).unwrap().unwrap());
        for hostile in HOSTILE {
            let message = filled(&letters, hostile);
            let subject = &message.subject;
            assert!(
                !subject.contains(|letter: char| letter.is_control() || "\u{2028}\u{202e}".contains(letter)),
                "{subject:?}"
            );
            assert!(subject.chars().count() <= 250 && subject.trim() == subject, "{subject:?}");
            assert!(!message.body.contains(['\0', '\r', '\u{7}']), "{:?}", message.body);
            let html = letters.html(&message).unwrap().unwrap();
            assert_eq!(self::shape(&html), shape, "{html}");
            assert!(!html.contains("href=\"javascript:"), "{html}");
        }
    }
}

fn filled(letters: &Letters, word: &str) -> Message {
    let identity = json!({ "traits": { "name": word, "lang": word, "locale": [word] }, "metadata_public": word });
    let mut message = with(mail(TemplateType::LoginCodeValid), "identity", identity);
    message.template_data.insert("transient_payload".to_owned(), json!({ "word": word, word: word }));
    message.template_data.insert("to".to_owned(), json!(word));
    written(letters, asked_in(message, word))
}

/// The tags of a document and the names of their attributes: what a value must not change.
fn shape(html: &str) -> Vec<String> {
    let tags = html.split('<').skip(1).map(|tag| tag.split_once('>').map_or(tag, |(tag, _)| tag));
    let names = |tag: &str| {
        let mut outside = String::new();
        let mut quote = None;
        for letter in tag.chars() {
            match (quote, letter) {
                (None, '"' | '\'') => quote = Some(letter),
                (None, _) => outside.push(letter),
                (Some(open), _) if open == letter => quote = None,
                (Some(_), _) => {}
            }
        }
        outside
            .split_ascii_whitespace()
            .map(|word| word.split('=').next().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
            .join(" ")
    };
    tags.map(names).collect()
}

#[test]
fn a_template_that_fails_keeps_no_code_from_whoever_waits_for_it() {
    let folder = Folder::new(
        "failing",
        &[
            (
                "login_code/valid/email.subject.gotmpl",
                "{{range .TransientPayload.times}}{{repeat 100000 \"x\"}}{{end}}",
            ),
            (
                "login_code/valid/email.body.plaintext.gotmpl",
                "{{define \"x\"}}{{template \"x\"}}{{end}}{{template \"x\"}}",
            ),
            ("login_code/valid/email.body.gotmpl", "{{index .TransientPayload.times 5}}"),
        ],
    );
    let letters = compiled(Some(&folder), &json!({})).unwrap();
    let payload = json!({ "times": vec![1; 1000] });
    let message = written(&letters, with(mail(TemplateType::LoginCodeValid), "transient_payload", payload));
    assert_eq!(message.subject, "Your code to sign in");
    assert!(message.body.contains("\n123456\n"));
    assert!(letters.html(&message).unwrap().is_some());
    let message = with(message, "transient_payload", json!({ "times": 1 }));
    assert!(letters.html(&message).unwrap_err().to_string().contains("email.body.gotmpl"));
}
