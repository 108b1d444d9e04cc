//! From sources to compiled templates. If an operator has dropped letters or layouts in, all are compiled when the
//! configuration is loaded. The built-in ones, which a test compiles, are compiled once in the life of the process, each
//! when it is first written: most servers need a handful of them, and together they take as much memory as all the rest.

use super::{
    built_in::{self, WORDS},
    language,
    part::Part,
    sources::{Sources, Text},
};
use crate::remote::{Remote, Remotes};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, LazyLock, OnceLock},
};
use zelos_core::message::TemplateType;
use zelos_script::template::{Set, TemplateError};

/// Of several pieces with one name that of the last source counts, by the order of their names: so a letter's pieces go
/// before those that all letters share, and these before the layout's.
const LAYOUT: &str = "(1) ";
const SHARED: &str = "(2) ";

/// What a template is of.
type Key = (TemplateType, Part);

/// The parts that operators have brought.
pub(super) type Parts = HashMap<Key, Own>;

/// A part that an operator has brought.
#[derive(Debug)]
pub(super) enum Own {
    Compiled(Arc<Set>),
    Remote(Arc<Remote<Set>>),
}

impl Own {
    /// The template; none if it is remote and has not been fetched yet.
    pub(super) fn get(&self) -> Option<Arc<Set>> {
        match self {
            Self::Compiled(set) => Some(Arc::clone(set)),
            Self::Remote(remote) => remote.copy(),
        }
    }
}

/// The letters of one language.
#[derive(Debug)]
pub(super) struct Language {
    pub(super) tag: String,
    parts: HashMap<Key, Template>,
}

/// A template, compiled or about to be.
#[derive(Debug)]
enum Template {
    Compiled(Set),
    /// None once it has been found not to compile.
    BuiltIn(&'static built_in::Language, OnceLock<Option<Set>>),
}

impl Language {
    fn built_in(ours: &'static built_in::Language) -> Self {
        let keys = TemplateType::ALL.into_iter().flat_map(|template| Part::ALL.map(|part| (template, part)));
        let parts = keys.map(|key| (key, Template::BuiltIn(ours, OnceLock::new()))).collect();
        Self { tag: ours.tag.to_owned(), parts }
    }

    /// Whether the language has that part of that message.
    pub(super) fn has(&self, key: Key) -> bool {
        self.parts.contains_key(&key)
    }

    /// The template of that part of that message.
    pub(super) fn get(&self, key: Key) -> Option<&Set> {
        match self.parts.get(&key)? {
            Template::Compiled(set) => Some(set),
            Template::BuiltIn(ours, set) => set.get_or_init(|| compile_built_in(ours, key)).as_ref(),
        }
    }
}

static BUILT_IN: LazyLock<Arc<[Language]>> =
    LazyLock::new(|| built_in::LANGUAGES.iter().map(Language::built_in).collect());

/// The languages there are; the first is for those whose language there is not.
pub(super) fn languages(sources: &Sources) -> Result<Arc<[Language]>, Vec<String>> {
    if sources.languages.is_empty() && sources.layouts.is_empty() { Ok(built_in()) } else { compile(sources) }
}

/// The languages that the program brings along.
pub(super) fn built_in() -> Arc<[Language]> {
    Arc::clone(&BUILT_IN)
}

fn compile_built_in(ours: &'static built_in::Language, (template, part): Key) -> Option<Set> {
    let nothing = BTreeMap::new();
    let pieces = Pieces { tag: ours.tag, ours: Some(ours), brought: &nothing };
    let layout = (part, format!("{LAYOUT}{}", part.layout()), built_in::layout(part));
    match pieces.compile(template, &layout)? {
        Ok(set) => Some(set),
        Err(error) => {
            tracing::error!(%error, "a built-in template cannot be compiled");
            None
        }
    }
}

/// The parts that operators have brought. Those that lie elsewhere are compiled when they are fetched.
pub(super) fn own(sources: &Sources, remotes: &Remotes) -> Result<Parts, Vec<String>> {
    let mut errors = Vec::new();
    let mut parts = Parts::new();
    for (template, part, key, url) in &sources.remote {
        parts.insert((*template, *part), Own::Remote(remotes.template(key, url, part.escape())));
    }
    for source in &sources.parts {
        let partials: Vec<_> = source.partials.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        match Set::compile(source.part.escape(), (&source.name, &source.text), &partials) {
            Ok(set) => {
                parts.insert((source.template, source.part), Own::Compiled(Arc::new(set)));
            }
            Err(error) => errors.push(told(&source.place, &error)),
        }
    }
    if errors.is_empty() { Ok(parts) } else { Err(errors) }
}

fn compile(sources: &Sources) -> Result<Arc<[Language]>, Vec<String>> {
    let nothing = BTreeMap::new();
    let layouts = Part::ALL.map(|part| {
        let own = sources.layouts.get(part.layout());
        let name = own.map_or(part.layout(), |own| own.path.as_str());
        (part, format!("{LAYOUT}{name}"), own.map_or(built_in::layout(part), |own| own.text.as_str()))
    });
    let mut languages = Vec::new();
    let mut errors = Vec::new();
    for ours in &built_in::LANGUAGES {
        let same = sources.languages.iter().find(|(tag, _)| language::is_same(tag, ours.tag));
        let brought = same.map_or(&nothing, |(_, files)| files);
        let pieces = Pieces { tag: ours.tag, ours: Some(ours), brought };
        languages.push(compile_language(&pieces, &layouts, &mut errors));
    }
    for (tag, brought) in &sources.languages {
        if !built_in::LANGUAGES.iter().any(|ours| language::is_same(tag, ours.tag)) {
            languages.push(compile_language(&Pieces { tag, ours: None, brought }, &layouts, &mut errors));
        }
    }
    // What is wrong in words or layouts is wrong in every letter.
    let mut seen = HashSet::new();
    errors.retain(|error| seen.insert(error.clone()));
    if errors.is_empty() { Ok(languages.into()) } else { Err(errors) }
}

/// How the pieces of a letter become a part: the part, the layout's name, its text.
type Layout<'s> = (Part, String, &'s str);

/// Where the pieces of a language's letters are.
struct Pieces<'s> {
    tag: &'s str,
    ours: Option<&'static built_in::Language>,
    brought: &'s BTreeMap<String, Text>,
}

impl<'s> Pieces<'s> {
    fn file(&self, name: &str) -> Option<(String, &'s str)> {
        let own = self.brought.get(name).map(|own| (own.path.clone(), own.text.as_str()));
        let ours = || self.ours?.files.into_iter().find(|(known, _)| *known == name);
        own.or_else(|| ours().map(|(name, text)| (format!("{}/{name}.gotmpl", self.tag), text)))
    }

    /// None if the language has no such letter.
    fn compile(&self, template: TemplateType, layout: &Layout<'_>) -> Option<Result<Set, TemplateError>> {
        let (letter, text) = self.file(built_in::letter(template))?;
        let words = self.file(WORDS).map(|(name, text)| (format!("{SHARED}{name}"), text));
        let mut pieces = vec![(letter.as_str(), text)];
        pieces.extend(words.iter().map(|(name, text)| (name.as_str(), *text)));
        let (part, name, source) = layout;
        Some(Set::compile(part.escape(), (name, source), &pieces))
    }
}

fn compile_language(pieces: &Pieces<'_>, layouts: &[Layout<'_>; 4], errors: &mut Vec<String>) -> Language {
    let mut parts = HashMap::new();
    for template in TemplateType::ALL {
        for layout in layouts {
            match pieces.compile(template, layout) {
                None => {}
                Some(Ok(set)) => {
                    parts.insert((template, layout.0), Template::Compiled(set));
                }
                Some(Err(error)) => {
                    // A layout is mostly right; what it asks for is missing in what was brought.
                    let own = [built_in::letter(template), WORDS].into_iter().find_map(|name| pieces.brought.get(name));
                    let own = own.filter(|_| error.template.starts_with(LAYOUT));
                    errors.push(told(&own.map(|own| format!("{}: ", own.path)).unwrap_or_default(), &error));
                }
            }
        }
    }
    Language { tag: pieces.tag.to_owned(), parts }
}

/// What is wrong, in the line that operators read: key or file, line, reason.
fn told(place: &str, error: &TemplateError) -> String {
    let name = [LAYOUT, SHARED].iter().find_map(|order| error.template.strip_prefix(order)).unwrap_or(&error.template);
    match error.line {
        Some(line) => format!("{place}{name}: line {line}: {}", error.reason),
        None => format!("{place}{name}: {}", error.reason),
    }
}
