//! From sources to compiled templates. The built-in letters are compiled once in the life of the process; if an operator
//! has dropped letters or layouts in, all are compiled with them when the configuration is loaded.

use super::{
    built_in::{self, WORDS},
    language,
    part::Part,
    sources::{Source, Sources, Text},
};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, LazyLock},
};
use zelos_core::message::TemplateType;
use zelos_script::template::{Set, TemplateError};

/// Of several pieces with one name that of the last source counts, by the order of their names: so a letter's pieces go
/// before those that all letters share, and these before the layout's.
const LAYOUT: &str = "(1) ";
const SHARED: &str = "(2) ";

/// Compiled templates by what they are of.
pub(super) type Parts = HashMap<(TemplateType, Part), Set>;

/// The letters of one language.
#[derive(Debug)]
pub(super) struct Language {
    pub(super) tag: String,
    pub(super) parts: Parts,
}

static BUILT_IN: LazyLock<Result<Arc<[Language]>, Vec<String>>> = LazyLock::new(|| compile(&Sources::default()));

/// The languages there are; the first is for those whose language there is not.
pub(super) fn languages(sources: &Sources) -> Result<Arc<[Language]>, Vec<String>> {
    if sources.languages.is_empty() && sources.layouts.is_empty() { BUILT_IN.clone() } else { compile(sources) }
}

/// The parts that operators have brought.
pub(super) fn own(sources: &[Source]) -> Result<Parts, Vec<String>> {
    let mut errors = Vec::new();
    let mut parts = Parts::new();
    for source in sources {
        let partials: Vec<_> = source.partials.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        match Set::compile(source.part.escape(), (&source.name, &source.text), &partials) {
            Ok(set) => {
                parts.insert((source.template, source.part), set);
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
        languages.push(compile_language(ours.tag, Some(ours), brought, &layouts, &mut errors));
    }
    for (tag, brought) in &sources.languages {
        if !built_in::LANGUAGES.iter().any(|ours| language::is_same(tag, ours.tag)) {
            languages.push(compile_language(tag, None, brought, &layouts, &mut errors));
        }
    }
    // What is wrong in words or layouts is wrong in every letter.
    let mut seen = HashSet::new();
    errors.retain(|error| seen.insert(error.clone()));
    if errors.is_empty() { Ok(languages.into()) } else { Err(errors) }
}

type Layouts<'s> = [(Part, String, &'s str); 4];

fn compile_language(
    tag: &str,
    ours: Option<&built_in::Language>,
    brought: &BTreeMap<String, Text>,
    layouts: &Layouts<'_>,
    errors: &mut Vec<String>,
) -> Language {
    let mut parts = Parts::new();
    let file = |name: &str| {
        let own = brought.get(name).map(|own| (own.path.clone(), own.text.as_str()));
        let ours = || ours?.files.into_iter().find(|(known, _)| *known == name);
        own.or_else(|| ours().map(|(name, text)| (format!("{tag}/{name}.gotmpl"), text)))
    };
    let words = file(WORDS).map(|(name, text)| (format!("{SHARED}{name}"), text));
    for template in TemplateType::ALL {
        let Some((letter, text)) = file(built_in::letter(template)) else { continue };
        let mut pieces = vec![(letter.as_str(), text)];
        pieces.extend(words.iter().map(|(name, text)| (name.as_str(), *text)));
        for (part, name, layout) in layouts {
            match Set::compile(part.escape(), (name, layout), &pieces) {
                Ok(set) => {
                    parts.insert((template, *part), set);
                }
                Err(error) => {
                    // A layout is mostly right; what it asks for is missing in what was brought.
                    let own = [built_in::letter(template), WORDS].into_iter().find_map(|name| brought.get(name));
                    let own = own.filter(|_| error.template.starts_with(LAYOUT));
                    errors.push(told(&own.map(|own| format!("{}: ", own.path)).unwrap_or_default(), &error));
                }
            }
        }
    }
    Language { tag: tag.to_owned(), parts }
}

/// What is wrong, in the line that operators read: key or file, line, reason.
fn told(place: &str, error: &TemplateError) -> String {
    let name = [LAYOUT, SHARED].iter().find_map(|order| error.template.strip_prefix(order)).unwrap_or(&error.template);
    match error.line {
        Some(line) => format!("{place}{name}: line {line}: {}", error.reason),
        None => format!("{place}{name}: {}", error.reason),
    }
}
