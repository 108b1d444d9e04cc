//! Where an operator's templates come from: for each part the configuration (`courier.templates`), else a file under
//! `courier.template_override_path`, as Kratos has them; and letters in further languages below `lang`.

use super::{
    built_in::{LANGUAGES, WORDS},
    language,
    part::{Part, folder},
};
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};
use url::Url;
use zelos_core::{
    config::{
        ContentUri, Contents,
        courier::{Courier, EmailTemplate, MailedTemplate, SmsTemplate, TemplatePair},
    },
    message::TemplateType,
};

const ENDING: &str = ".gotmpl";

/// A part that an operator has brought.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) template: TemplateType,
    pub(super) part: Part,
    /// For errors: what stands before the name of a file, with its slash; empty for a key.
    pub(super) place: String,
    /// The key, or the name of the file.
    pub(super) name: String,
    pub(super) text: String,
    /// Files beside it that it may include.
    pub(super) partials: Vec<(String, String)>,
}

/// A text and the path of its file.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) path: String,
    pub(super) text: String,
}

/// What an operator has brought.
#[derive(Debug, Default)]
pub(super) struct Sources {
    pub(super) parts: Vec<Source>,
    /// Parts that are fetched when they are needed: their keys and URLs.
    pub(super) remote: Vec<(TemplateType, Part, String, Url)>,
    /// By language tag and by the names of the files.
    pub(super) languages: BTreeMap<String, BTreeMap<String, Text>>,
    /// In place of ours, by the names of the files.
    pub(super) layouts: BTreeMap<String, Text>,
}

/// Reads everything that lies here; all that cannot be read is told at once.
pub(super) fn gather(courier: &Courier) -> Result<Sources, Vec<String>> {
    let mut sources = Sources::default();
    let mut errors = Vec::new();
    let root = courier.template_override_path.as_deref().filter(|path| !path.is_empty()).map(Path::new);
    let root = root.filter(|root| {
        let there = root.is_dir();
        if !there {
            tracing::warn!(path = %root.display(), "courier.template_override_path is no folder: nothing is taken from it");
        }
        there
    });
    for template in TemplateType::ALL {
        for part in Part::ALL {
            let source = match configured(courier, template, part) {
                Some((key, uri)) => configured_source((template, part), key, uri, &mut sources.remote),
                None => root.map_or(Ok(None), |root| file(root, template, part)),
            };
            match source {
                Ok(source) => sources.parts.extend(source),
                Err(error) => errors.push(error),
            }
        }
    }
    if let Some(folder) = root.map(|root| root.join("lang")).filter(|folder| folder.is_dir())
        && let Err(error) = languages(&folder, &mut sources)
    {
        errors.push(error);
    }
    if errors.is_empty() { Ok(sources) } else { Err(errors) }
}

/// The key of a part and the place that it names.
fn configured(courier: &Courier, template: TemplateType, part: Part) -> Option<(String, &ContentUri)> {
    let templates = &courier.templates;
    let (email, sms) = match template {
        TemplateType::RecoveryValid => valid_of(&templates.recovery),
        TemplateType::RecoveryInvalid => invalid_of(&templates.recovery),
        TemplateType::RecoveryCodeValid => valid_of(&templates.recovery_code),
        TemplateType::RecoveryCodeInvalid => invalid_of(&templates.recovery_code),
        TemplateType::VerificationValid => valid_of(&templates.verification),
        TemplateType::VerificationInvalid => invalid_of(&templates.verification),
        TemplateType::VerificationCodeValid => valid_of(&templates.verification_code),
        TemplateType::VerificationCodeInvalid => invalid_of(&templates.verification_code),
        TemplateType::LoginCodeValid => templates.login_code.valid.as_ref().map(both),
        TemplateType::RegistrationCodeValid => templates.registration_code.valid.as_ref().map(both),
        TemplateType::VerifiableAddressChanged => {
            let changed = &templates.verifiable_address_changed;
            Some((&changed.email, Some(&changed.sms)))
        }
    }?;
    let uri = match part {
        Part::Subject => email.subject.as_ref(),
        Part::Plain => email.body.plaintext.as_ref(),
        Part::Html => email.body.html.as_ref(),
        Part::Sms => sms.and_then(|sms| sms.body.plaintext.as_ref()),
    };
    uri.map(|uri| (format!("courier.templates.{}.{}", folder(template).replace('/', "."), part.key()), uri))
}

/// The templates of e-mails and of short messages.
type Given<'c> = (&'c EmailTemplate, Option<&'c SmsTemplate>);

fn both(valid: &MailedTemplate) -> Given<'_> {
    (&valid.email, Some(&valid.sms))
}

fn valid_of(pair: &TemplatePair) -> Option<Given<'_>> {
    pair.valid.as_ref().map(both)
}

fn invalid_of(pair: &TemplatePair) -> Option<Given<'_>> {
    pair.invalid.as_ref().map(|invalid| (&invalid.email, None))
}

/// The source of a part that the configuration names; none if it is added to those that are fetched later.
fn configured_source(
    (template, part): (TemplateType, Part),
    key: String,
    uri: &ContentUri,
    remote: &mut Vec<(TemplateType, Part, String, Url)>,
) -> Result<Option<Source>, String> {
    match uri.local().map_err(|error| format!("{key}: {error}"))? {
        Contents::Here(contents) => {
            let text = String::from_utf8(contents.to_vec()).map_err(|_| format!("{key}: is not UTF-8"))?;
            Ok(Some(Source { template, part, place: String::new(), name: key, text, partials: Vec::new() }))
        }
        Contents::At(url) => {
            remote.push((template, part, key, url.clone()));
            Ok(None)
        }
    }
}

/// The file of a part, if there is one, with those whose names begin like it.
fn file(root: &Path, template: TemplateType, part: Part) -> Result<Option<Source>, String> {
    let folder = root.join(folder(template));
    let name = format!("{}{ENDING}", part.file());
    let path = folder.join(&name);
    if !path.is_file() {
        return Ok(None);
    }
    let text = read(&path)?.text;
    let mut partials = Vec::new();
    for (other, beside) in entries(&folder)? {
        if other != name && other.starts_with(part.file()) && beside.is_file() {
            partials.push((other, read(&beside)?.text));
        }
    }
    let place = format!("{}/", folder.display());
    Ok(Some(Source { template, part, place, name, text, partials }))
}

/// Layouts, and for each language a folder with letters.
fn languages(folder: &Path, sources: &mut Sources) -> Result<(), String> {
    let layouts = Part::ALL.map(Part::layout);
    for (name, path) in entries(folder)? {
        if path.is_dir() {
            let letters = letters(&path)?;
            let is_ours = LANGUAGES.iter().any(|ours| language::is_same(ours.tag, &name));
            if !is_ours && !letters.is_empty() && !letters.contains_key(WORDS) {
                return Err(format!("{}: the file {WORDS}{ENDING} is missing", path.display()));
            }
            sources.languages.insert(name, letters);
        } else if layouts.contains(&name.as_str()) {
            sources.layouts.insert(name, read(&path)?);
        } else if name.ends_with(ENDING) {
            return Err(format!("{}: there is no layout of that name, only {}", path.display(), layouts.join(", ")));
        }
    }
    Ok(())
}

/// The letters of one language.
fn letters(folder: &Path) -> Result<BTreeMap<String, Text>, String> {
    let known = LANGUAGES[0].files.map(|(name, _)| name);
    let mut letters = BTreeMap::new();
    for (name, path) in entries(folder)? {
        let Some(stem) = name.strip_suffix(ENDING) else { continue };
        if !known.contains(&stem) {
            return Err(format!("{}: there is no letter of that name, only {}", path.display(), known.join(", ")));
        }
        letters.insert(stem.to_owned(), read(&path)?);
    }
    Ok(letters)
}

fn read(path: &Path) -> Result<Text, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(Text { path: path.display().to_string(), text })
}

/// What a folder holds, in order; names that are not text mean nothing to us.
fn entries(folder: &Path) -> Result<Vec<(String, PathBuf)>, String> {
    let list = || -> io::Result<Vec<(String, PathBuf)>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            entries.extend(entry.file_name().into_string().ok().map(|name| (name, entry.path())));
        }
        entries.sort();
        Ok(entries)
    };
    list().map_err(|error| format!("{}: {error}", folder.display()))
}
