//! A template with the partials it may include: compiled once, rendered many times by any number of threads.

use super::{
    functions, includes,
    instrument::{self, Problem, Used},
    meter, value,
};
use gotmpl::{
    FuncMap, Template, TemplateError as EngineError, html,
    parse::{ListNode, Parser},
};
use serde_json::Value;
use std::fmt;

/// The most bytes the source of one template may have.
const SOURCE: usize = 1 << 20;

/// The template that calls the main one; its name is none that a file can have.
const ENTRY: &str = "\u{0}";

/// A template defined behind the source; its name is none that a source can use.
const LAST: &str = "\u{b7}last";

/// How values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escape {
    /// As they are.
    Text,
    /// Escaped for the place in the HTML where they stand.
    Html,
}

/// What one rendering may use up.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Work: one unit for each byte that is read or made, twenty for each action. Bounds time and memory.
    pub fuel: u64,
    /// Bytes of the result.
    pub output: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { fuel: 10_000_000, output: 1 << 20 }
    }
}

/// Why a template cannot be compiled or rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct TemplateError {
    /// Its name, or that of the partial.
    pub template: String,
    /// Counted from one; none where only the whole is wrong.
    pub line: Option<usize>,
    pub reason: String,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "template {}", self.template)?;
        if let Some(line) = self.line {
            write!(to, ", line {line}")?;
        }
        write!(to, ": {}", self.reason)
    }
}

/// A compiled template.
pub struct Set {
    /// Names of the sources; the meters speak of them by their index.
    names: Vec<String>,
    main: usize,
    engine: Engine,
}

enum Engine {
    Text(Template),
    Html(html::Template),
}

impl fmt::Debug for Set {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("Set").field("names", &self.names).finish_non_exhaustive()
    }
}

impl Set {
    /// Compiles `main`; it may include the partials by their names, and what they define.
    pub fn compile(escape: Escape, main: (&str, &str), partials: &[(&str, &str)]) -> Result<Self, TemplateError> {
        // Of several definitions the last counts, in the order in which Go reads a folder.
        let mut sources: Vec<_> = partials.iter().copied().filter(|(name, _)| *name != main.0).collect();
        sources.push(main);
        sources.sort_unstable_by_key(|(name, _)| *name);
        let names: Vec<_> = sources.iter().map(|(name, _)| (*name).to_owned()).collect();
        let position = names.iter().position(|name| name == main.0).unwrap_or_default();
        let (mut trees, mut used) = (Vec::new(), Used::new());
        for (index, (name, source)) in sources.iter().enumerate() {
            let found = parsed(index, name, source, &mut used)?;
            trees.extend(found.into_iter().map(|(name, tree)| (index, name, tree)));
        }
        if escape == Escape::Text {
            includes::check(main.0, &trees).map_err(|missing| TemplateError {
                template: names[missing.source].clone(),
                line: Some(missing.line),
                reason: format!("there is no template {:?}", missing.name),
            })?;
        }
        let trees = trees.into_iter().map(|(_, name, tree)| (name, tree));
        let functions = functions::only(&used);
        let engine = match escape {
            Escape::Text => {
                let entry = entry(Template::new(ENTRY).funcs(functions), main.0)?;
                Engine::Text(trees.fold(entry, |set, (name, tree)| set.add_parse_tree(&name, tree)))
            }
            Escape::Html => Engine::Html(escaped(main.0, trees, functions)?),
        };
        Ok(Self { names, main: position, engine })
    }

    /// Fills the template in.
    ///
    /// A whole number directly in `data` is an integer, as a field of Kratos' models; deeper ones are what Go makes of
    /// numbers in JSON: floating point.
    pub fn render(&self, data: &Value, limits: &Limits) -> Result<String, TemplateError> {
        let mut page = Page { text: String::new(), most: limits.output, full: false };
        let data = value::root(data);
        let budget = meter::Budget::begin(limits.fuel, self.main);
        let outcome = match &self.engine {
            Engine::Text(template) => template.execute_fmt(&mut page, &data),
            Engine::Html(template) => template.execute_fmt(&mut page, &data),
        };
        drop(budget);
        let place = meter::place();
        match outcome {
            Ok(()) => Ok(page.text),
            Err(_) if page.full => Err(self.error(place, "the result is too long".to_owned())),
            Err(error) => Err(self.error(place, reason(&error))),
        }
    }

    fn error(&self, place: meter::Place, reason: String) -> TemplateError {
        let template = self.names.get(place.template).cloned().unwrap_or_default();
        TemplateError { template, line: (place.line > 0).then_some(place.line), reason }
    }
}

/// The trees of one source, with meters: its own, and those that it defines.
fn parsed(index: usize, name: &str, source: &str, used: &mut Used) -> Result<Vec<(String, ListNode)>, TemplateError> {
    let failed = |line, reason| TemplateError { template: name.to_owned(), line, reason };
    if source.len() > SOURCE {
        return Err(failed(None, "the source is too long".to_owned()));
    }
    let parse = |source: &str| {
        let parsed = Parser::with_name(Some(name), source, "{{", "}}").and_then(Parser::parse);
        parsed.map_err(|error| located(name, &error))
    };
    let (tree, defined) = parse(source)?;
    // The engine takes an `{{end}}` too many for the end of all: what stands behind it must be seen.
    let (_, seen) = parse(&format!("{source}{{{{define {LAST:?}}}}}{{{{end}}}}"))?;
    if !seen.iter().any(|define| define.name == LAST) {
        return Err(failed(None, "there is an {{end}} or {{else}} too many".to_owned()));
    }
    let mut trees = Vec::with_capacity(1 + defined.len());
    let whole = tree.is_empty_tree() && defined.iter().any(|define| define.name == name);
    if !whole {
        trees.push((name.to_owned(), tree));
    }
    trees.extend(defined.into_iter().map(|define| (define.name.to_string(), define.body)));
    for (_, tree) in &mut trees {
        instrument::list(index, tree, used).map_err(|Problem { line, reason }| failed(Some(line), reason))?;
    }
    Ok(trees)
}

fn entry(template: Template, main: &str) -> Result<Template, TemplateError> {
    template.parse(&call(main)).map_err(|error| located(main, &error))
}

/// The escaping is worked out here rather than at the first rendering, so that a broken template is found at once.
fn escaped(
    main: &str,
    trees: impl Iterator<Item = (String, ListNode)>,
    functions: FuncMap,
) -> Result<html::Template, TemplateError> {
    let lift = |error: EngineError| located(main, &error);
    let mut template = html::Template::new(ENTRY).funcs(functions).parse(&call(main)).map_err(lift)?;
    for (name, tree) in trees {
        template = template.add_parse_tree(&name, tree).map_err(lift)?;
    }
    match template.execute_template_fmt(&mut String::new(), "\u{0}none", &gotmpl::Value::Nil) {
        Ok(()) | Err(EngineError::UndefinedTemplate(_)) => Ok(template),
        Err(error) => Err(located(main, &error)),
    }
}

fn call(main: &str) -> String {
    format!("{{{{template {main:?} .}}}}")
}

/// What the engine says of a template that it cannot take.
fn located(main: &str, error: &EngineError) -> TemplateError {
    let (name, line, reason) = match error {
        EngineError::Parse { name, line, message, .. } | EngineError::Lex { name, line, message, .. } => {
            (name.as_deref(), *line, message.clone())
        }
        EngineError::Escape { name, line, description, .. } => (name.as_deref(), *line, description.clone()),
        other => (None, 0, reason(other)),
    };
    let template = name.filter(|name| *name != ENTRY).unwrap_or(main).to_owned();
    TemplateError { template, line: (line > 0).then_some(line), reason }
}

fn reason(error: &EngineError) -> String {
    match error {
        EngineError::Exec(message) => message.clone(),
        other => other.to_string(),
    }
}

/// The result, as long as it is short enough.
struct Page {
    text: String,
    most: usize,
    full: bool,
}

impl fmt::Write for Page {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.text.len() + text.len() > self.most {
            self.full = true;
            return Err(fmt::Error);
        }
        self.text.push_str(text);
        Ok(())
    }
}
