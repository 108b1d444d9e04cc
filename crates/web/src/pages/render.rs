//! The pages themselves: what each needs to know, and the drawing of it.

use super::{
    form, mailbox,
    parts::plain,
    site::{Site, template_error},
    start,
};
use anyhow::{Context, Result};
use bytes::Bytes;
use minijinja::value::Serde;
use serde::Serialize;
use serde_json::{Value, json};
use std::path::Path;
use url::form_urlencoded;
use zelos_core::{flow::Kind, message::Message};

/// All pages and static files. Made once; cheap to share.
#[derive(Debug)]
pub struct Pages {
    site: Site,
}

/// Which ways the configuration opens: a closed one is not linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Offers {
    pub registration: bool,
    pub recovery: bool,
    pub verification: bool,
    pub settings: bool,
    /// The mailbox of development, if this very visitor may see it.
    pub mailbox: bool,
}

/// The page of a flow of any kind.
#[derive(Debug, Clone, Copy)]
pub struct FlowPage<'a> {
    pub kind: Kind,
    /// The flow as any client gets it.
    pub flow: &'a Value,
    /// The public base address with its path; all links start with it.
    pub base: &'a str,
    pub offers: Offers,
    /// Where the signed-in person can sign out, if there is one (`logout_url` of the wire).
    pub logout_url: Option<&'a str>,
}

/// The page of a link whose button uses it up.
#[derive(Debug, Clone, Copy)]
pub struct ConfirmPage<'a> {
    pub kind: Kind,
    /// Where the form is sent.
    pub action: &'a str,
    pub token: &'a str,
    pub base: &'a str,
}

/// The page of a failure.
#[derive(Debug, Clone, Copy)]
pub struct ErrorPage<'a> {
    /// The error container: `{"id": …, "error": {"code": …, "message": …, …}}`.
    pub error: &'a Value,
    pub base: &'a str,
}

/// The start page, signed in or not.
#[derive(Debug, Clone, Copy)]
pub struct StartPage<'a> {
    /// The session as `whoami` tells it.
    pub session: Option<&'a Value>,
    pub logout_url: Option<&'a str>,
    pub base: &'a str,
    pub offers: Offers,
}

/// The page of one message in the mailbox of development.
#[derive(Debug, Clone, Copy)]
pub struct MailPage<'a> {
    pub message: &'a Message,
    /// What the mail says of where it comes from.
    pub sender: &'a str,
    /// Whether there is an HTML part beside the plain text.
    pub has_html: bool,
    pub base: &'a str,
}

impl Pages {
    /// Loads the built-in pages, with those of the folder (`selfservice.ui.template_path`) over them, and tries each once.
    ///
    /// # Errors
    /// An unreadable folder or file, or a template that cannot be parsed or drawn; the text names file and line.
    pub fn new(template_path: Option<&Path>) -> Result<Self> {
        let pages = Self { site: Site::load(template_path)? };
        if let Some(folder) = template_path {
            pages.rehearse().with_context(|| format!("template folder {}", folder.display()))?;
        }
        Ok(pages)
    }

    /// The static file of that name under `ui/assets/`: its content type and its bytes.
    pub fn asset(&self, name: &str) -> Option<(&'static str, Bytes)> {
        self.site.assets.get(name).cloned()
    }

    /// Draws a flow.
    ///
    /// # Errors
    /// A template that fails, which can only be an operator's.
    pub fn flow(&self, page: &FlowPage<'_>) -> Result<String> {
        let base = folder_of(page.base);
        let view = json!({
            "base": base,
            "version": self.site.version,
            "kind": page.kind.as_str(),
            "screen": form::arrange(page.kind, page.flow),
            "flow": page.flow,
            "offers": page.offers,
            "links": Links::new(&base, page.flow),
            "logout_url": page.logout_url,
        });
        self.draw("flow.jinja", &view)
    }

    /// Draws the page of a link.
    ///
    /// # Errors
    /// A template that fails, which can only be an operator's.
    pub fn confirm(&self, page: &ConfirmPage<'_>) -> Result<String> {
        let base = folder_of(page.base);
        let view = json!({
            "base": base,
            "version": self.site.version,
            "kind": page.kind.as_str(),
            "action": page.action,
            "token": page.token,
            "links": Links::new(&base, &Value::Null),
        });
        self.draw("confirm.jinja", &view)
    }

    /// Draws a failure.
    ///
    /// # Errors
    /// A template that fails, which can only be an operator's.
    pub fn error(&self, page: &ErrorPage<'_>) -> Result<String> {
        let base = folder_of(page.base);
        let view = json!({
            "base": base,
            "version": self.site.version,
            "id": page.error["id"],
            "error": page.error.get("error").unwrap_or(page.error),
            "links": Links::new(&base, &Value::Null),
        });
        self.draw("error.jinja", &view)
    }

    /// Draws the start page.
    ///
    /// # Errors
    /// A template that fails, which can only be an operator's.
    pub fn start(&self, page: &StartPage<'_>) -> Result<String> {
        let base = folder_of(page.base);
        let view = json!({
            "base": base,
            "version": self.site.version,
            "who": page.session.map(start::who),
            "session": page.session,
            "offers": page.offers,
            "links": Links::new(&base, &Value::Null),
            "logout_url": page.logout_url,
        });
        self.draw("start.jinja", &view)
    }

    /// Draws the list of messages in the mailbox of development, in the order given.
    ///
    /// # Errors
    /// A template that fails, which can only be an operator's.
    pub fn mailbox(&self, messages: &[Message], base: &str) -> Result<String> {
        let mails: Vec<mailbox::Mail<'_>> = messages.iter().map(mailbox::mail).collect();
        self.draw_mailbox(&mails, base)
    }

    /// Draws one of them.
    ///
    /// # Errors
    /// A template that fails, which can only be an operator's.
    pub fn mail(&self, page: &MailPage<'_>) -> Result<String> {
        self.draw_mail(&mailbox::mail(page.message), page.sender, page.has_html, page.base)
    }

    fn draw_mailbox(&self, mails: &[mailbox::Mail<'_>], base: &str) -> Result<String> {
        let base = folder_of(base);
        self.draw("mailbox.jinja", &json!({ "base": base, "version": self.site.version, "mails": mails }))
    }

    fn draw_mail(&self, mail: &mailbox::Mail<'_>, sender: &str, has_html: bool, base: &str) -> Result<String> {
        let base = folder_of(base);
        let version = &self.site.version;
        let view = json!({ "base": base, "version": version, "mail": mail, "sender": sender, "has_html": has_html });
        self.draw("mail.jinja", &view)
    }

    fn draw(&self, name: &str, view: &Value) -> Result<String> {
        let template = self.site.templates.get_template(name).map_err(|error| template_error(&name, &error))?;
        let page =
            template.render(Serde(view)).map_err(|error| template_error(&error.name().unwrap_or(name), &error))?;
        // The engine escapes slashes too, which no quoted attribute needs; what a stranger wrote has its `&` escaped.
        Ok(page.replace("&#x2f;", "/"))
    }

    /// Draws each page once with a little of everything, so that an unknown filter or variable is found at start.
    fn rehearse(&self) -> Result<()> {
        let sample: Value = serde_json::from_str(include_str!("sample.json"))?;
        let offers = Offers { registration: true, recovery: true, verification: true, settings: true, mailbox: true };
        for kind in Kind::ALL {
            self.flow(&FlowPage { kind, flow: &sample["flow"], base: "/", offers, logout_url: Some("/") })?;
        }
        for kind in [Kind::Recovery, Kind::Verification] {
            self.confirm(&ConfirmPage { kind, action: "/", token: "token", base: "/" })?;
        }
        self.error(&ErrorPage { error: &sample["error"], base: "/" })?;
        for session in [None, Some(&sample["session"])] {
            self.start(&StartPage { session, logout_url: Some("/"), base: "/", offers })?;
        }
        let mails = [mailbox::sample(false), mailbox::sample(true)];
        self.draw_mailbox(&mails, "/")?;
        for mail in &mails {
            self.draw_mail(mail, "sender@example.com", true, "/")?;
        }
        Ok(())
    }
}

/// Where the pages lead: each starts a flow. The way back and the OAuth2 challenge are carried along.
#[derive(Debug, Serialize)]
struct Links {
    /// A login or registration like this one, from its beginning.
    again: String,
    login: String,
    registration: String,
    recovery: String,
    verification: String,
    settings: String,
}

impl Links {
    fn new(base: &str, flow: &Value) -> Self {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (key, value) in [("return_to", &flow["return_to"]), ("login_challenge", &flow["oauth2_login_challenge"])] {
            if let Some(value) = value.as_str().filter(|value| !value.is_empty()) {
                query.append_pair(key, value);
            }
        }
        let query = query.finish();
        let mark = if query.is_empty() { "" } else { "?" };
        let link = |kind: Kind| format!("{base}self-service/{}/browser{mark}{query}", kind.as_str());
        // Only logins ask for a level.
        let again = match flow["requested_aal"].as_str() {
            None => link(Kind::Registration),
            Some(level) => {
                let mut query = form_urlencoded::Serializer::new(query.clone());
                query.append_pair("aal", level).append_pair("refresh", &plain(&flow["refresh"]));
                format!("{base}self-service/login/browser?{}", query.finish())
            }
        };
        Self {
            again,
            login: link(Kind::Login),
            registration: link(Kind::Registration),
            recovery: link(Kind::Recovery),
            verification: format!("{base}self-service/verification/browser"),
            settings: format!("{base}self-service/settings/browser"),
        }
    }
}

fn folder_of(base: &str) -> String {
    format!("{}/", base.trim_end_matches('/'))
}

/// The value of `Content-Security-Policy` for every page. Forms may end at further origins (`https://app.example`,
/// `https://*.example`): browsers apply the policy's `form-action` to the redirect that follows a form as well, so the
/// places to return to belong in it.
pub(crate) fn csp(form_targets: &[String]) -> String {
    // A source expression holds no blank, comma or semicolon: whatever does would change the policy.
    let is_source = |origin: &&String| !origin.is_empty() && !origin.contains([' ', ',', ';', '\n', '\r', '\t']);
    let targets = form_targets.iter().filter(is_source).fold(String::new(), |list, origin| list + " " + origin);
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
         connect-src 'self'; form-action 'self'{targets}; base-uri 'none'; frame-ancestors 'none'"
    )
}

#[cfg(test)]
#[path = "render_tests.rs"]
mod tests;
