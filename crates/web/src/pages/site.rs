//! The files behind the pages: built in, or replaced one by one from an operator's folder.
//!
//! The folder is read once, at start: a page never waits for a disk, and a template that cannot work is an error then,
//! not on the day when somebody first sees it. `<folder>/<name>.jinja` replaces a template (further ones may be added
//! for `include`), `<folder>/assets/<name>` replaces or adds a static file.

use anyhow::{Context, Result, bail};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, syntax::SyntaxConfig};
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, fs, path::Path};

const TEMPLATES: [(&str, &str); 7] = [
    ("layout.jinja", include_str!("templates/layout.jinja")),
    ("flow.jinja", include_str!("templates/flow.jinja")),
    ("confirm.jinja", include_str!("templates/confirm.jinja")),
    ("start.jinja", include_str!("templates/start.jinja")),
    ("error.jinja", include_str!("templates/error.jinja")),
    ("mailbox.jinja", include_str!("templates/mailbox.jinja")),
    ("mail.jinja", include_str!("templates/mail.jinja")),
];

const ASSETS: [(&str, &[u8]); 6] = [
    ("app.css", include_bytes!("assets/app.css")),
    ("app.js", include_bytes!("assets/app.js")),
    ("mailbox.css", include_bytes!("assets/mailbox.css")),
    ("mailbox.js", include_bytes!("assets/mailbox.js")),
    ("logo.svg", include_bytes!("assets/logo.svg")),
    ("webauthn.js", include_bytes!("assets/webauthn.js")),
];

/// Templates and static files, ready for use.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) templates: Environment<'static>,
    pub(super) assets: BTreeMap<String, (&'static str, Bytes)>,
    /// Changes when any asset does: part of their addresses, so that browsers may keep them.
    pub(super) version: String,
}

impl Site {
    /// The built-in files, with those of the folder over them.
    ///
    /// # Errors
    /// A folder or file that cannot be read, a template that cannot be parsed, a static file of an unknown type.
    pub(super) fn load(folder: Option<&Path>) -> Result<Self> {
        let mut templates = Environment::new();
        templates.set_auto_escape_callback(|_| AutoEscape::Html);
        // What a flow may lack (`return_to`, …) is simply empty in an operator's template.
        templates.set_undefined_behavior(UndefinedBehavior::Chainable);
        templates.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
        for (name, source) in TEMPLATES {
            templates.add_template(name, source).with_context(|| format!("built-in template {name}"))?;
        }
        let mut assets: BTreeMap<String, (&'static str, Bytes)> = ASSETS
            .into_iter()
            .map(|(name, bytes)| Ok((name.to_owned(), (content_type(name)?, Bytes::from_static(bytes)))))
            .collect::<Result<_>>()?;
        if let Some(folder) = folder {
            override_templates(&mut templates, folder)?;
            override_assets(&mut assets, &folder.join("assets"))?;
        }
        let mut hash = Sha256::new();
        for (name, (_, bytes)) in &assets {
            hash.update(name);
            hash.update(bytes);
        }
        let version = URL_SAFE_NO_PAD.encode(&hash.finalize()[..6]);
        Ok(Self { templates, assets, version })
    }
}

fn override_templates(templates: &mut Environment<'static>, folder: &Path) -> Result<()> {
    for (name, path) in files(folder).with_context(|| format!("template folder {}", folder.display()))? {
        if path.extension().is_some_and(|extension| extension == "jinja") {
            let source = fs::read_to_string(&path).with_context(|| format!("template {}", path.display()))?;
            templates.add_template_owned(name, source).map_err(|error| template_error(&path.display(), &error))?;
        }
    }
    Ok(())
}

fn override_assets(assets: &mut BTreeMap<String, (&'static str, Bytes)>, folder: &Path) -> Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    for (name, path) in files(folder).with_context(|| format!("asset folder {}", folder.display()))? {
        let bytes = fs::read(&path).with_context(|| format!("asset {}", path.display()))?;
        assets.insert(name.clone(), (content_type(&name)?, bytes.into()));
    }
    Ok(())
}

/// The plain files of a folder by name; hidden ones are left out.
fn files(folder: &Path) -> Result<Vec<(String, std::path::PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if let Some(name) = path.file_name().and_then(|name| name.to_str())
            && path.is_file()
            && !name.starts_with('.')
        {
            found.push((name.to_owned(), path));
        }
    }
    Ok(found)
}

/// One line that names the file, the line in it and what is wrong there.
pub(super) fn template_error(name: &dyn std::fmt::Display, error: &minijinja::Error) -> anyhow::Error {
    let mut text = format!("template {name}");
    if let Some(line) = error.line() {
        text = format!("{text}, line {line}");
    }
    let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
    anyhow::anyhow!("{text}: {}{detail}", error.kind())
}

fn content_type(name: &str) -> Result<&'static str> {
    Ok(match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("webp") => "image/webp",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        _ => bail!("asset {name}: only css, js, svg, png, jpg, webp, ico and woff2 files are served"),
    })
}
