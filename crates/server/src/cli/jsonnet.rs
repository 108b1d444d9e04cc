//! `format jsonnet` and `lint jsonnet`: for whoever writes bodies of requests and mappings of claims.

use super::Failure;
use crate::out;
use clap::Args;
use std::{
    collections::BTreeSet,
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};
use zelos_script::jsonnet::{Problem, layout, lint as problems};

/// What to lay out.
#[derive(Debug, Args)]
pub(super) struct Format {
    /// Files; patterns with *, ?, [a-z], {one,other} and **; - for standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// Write into the files instead of printing.
    #[arg(short, long)]
    write: bool,
    /// Name each file.
    #[arg(short, long, hide = true)]
    verbose: bool,
}

/// What to look through.
#[derive(Debug, Args)]
pub(super) struct Lint {
    /// Files; patterns with *, ?, [a-z], {one,other} and **; - for standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// Name each file.
    #[arg(short, long, hide = true)]
    verbose: bool,
}

/// Lays files out.
pub(super) fn format(flags: &Format) -> Result<(), Failure> {
    let mut failed = Vec::new();
    for (name, file) in sources(&flags.files) {
        if flags.verbose {
            out::line(format_args!("Processing file: {name}"));
        }
        let source = read(&name, file.as_deref())?;
        match (layout(&source), file) {
            (Err(problem), _) => failed.push(at(&name, &problem)),
            (Ok(text), Some(file)) if flags.write => {
                if text != source {
                    fs::write(&file, text)
                        .map_err(|error| Failure::new(format!("{name}: cannot be written: {error}")))?;
                }
            }
            (Ok(text), _) => out::text(text),
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(Failure(failed)) }
}

/// Tells what is wrong with files.
pub(super) fn lint(flags: &Lint) -> Result<(), Failure> {
    let mut failed = Vec::new();
    for (name, file) in sources(&flags.files) {
        if flags.verbose {
            out::line(format_args!("Processing file: {name}"));
        }
        let source = read(&name, file.as_deref())?;
        failed.extend(problems(&source).iter().map(|problem| at(&name, problem)));
    }
    if failed.is_empty() { Ok(()) } else { Err(Failure(failed)) }
}

fn at(name: &str, Problem { line, column, reason }: &Problem) -> String {
    format!("{name}:{line}:{column}: {reason}")
}

fn read(name: &str, file: Option<&Path>) -> Result<String, Failure> {
    let read = if let Some(file) = file {
        fs::read_to_string(file)
    } else {
        let mut text = String::new();
        std::io::stdin().lock().read_to_string(&mut text).map(|_| text)
    };
    read.map_err(|error| Failure::new(format!("{name}: cannot be read: {error}")))
}

/// Files by name; the nameless one is standard input.
type Source = (String, Option<PathBuf>);

/// What the patterns match. A name without any pattern must be there; a pattern may match nothing.
fn sources(patterns: &[String]) -> Vec<Source> {
    let mut found = Vec::new();
    for pattern in patterns {
        if pattern == "-" {
            found.push(("STD_IN".to_owned(), None));
        } else if Path::new(pattern).is_file() || !pattern.contains(['*', '?', '[', '{']) {
            found.push((pattern.clone(), Some(PathBuf::from(pattern))));
        } else {
            let files = matching(pattern).into_iter();
            found.extend(files.map(|file| (file.display().to_string(), Some(file))));
        }
    }
    found
}

/// Files that a pattern matches, in the order of their names.
fn matching(pattern: &str) -> BTreeSet<PathBuf> {
    let parts: Vec<Vec<char>> = alternatives(pattern).iter().map(|alternative| alternative.chars().collect()).collect();
    parts.iter().flat_map(|pattern| walk(pattern)).collect()
}

/// The texts that braces stand for.
fn alternatives(pattern: &str) -> Vec<String> {
    let mut depth = 0_usize;
    let (mut open, mut cuts) = (None, Vec::new());
    for (at, letter) in pattern.char_indices() {
        match letter {
            '{' => {
                open = open.or(Some(at));
                depth += 1;
            }
            ',' if depth == 1 => cuts.push(at),
            '}' if depth == 1 => {
                let Some(start) = open else { break };
                let ends: Vec<usize> = std::iter::once(start).chain(cuts).chain([at]).collect();
                let inner = ends.windows(2).map(|pair| &pattern[pair[0] + 1..pair[1]]);
                let rest = &pattern[at + 1..];
                return inner.flat_map(|inner| alternatives(&format!("{}{inner}{rest}", &pattern[..start]))).collect();
            }
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    vec![pattern.to_owned()]
}

/// Goes through folders, as deep as the pattern reaches.
fn walk(pattern: &[char]) -> Vec<PathBuf> {
    let text: String = pattern.iter().collect();
    let parts: Vec<&str> = text.split('/').collect();
    let fixed = parts.iter().take_while(|part| !part.contains(['*', '?', '['])).count().min(parts.len() - 1);
    let mut root = parts[..fixed].join("/");
    if text.starts_with('/') {
        root.push('/');
    }
    let base = if root.is_empty() { PathBuf::from(".") } else { PathBuf::from(&root) };
    let mut found = Vec::new();
    descend(&base, Path::new(&root), &parts[fixed..], &mut found);
    found
}

fn descend(folder: &Path, shown: &Path, parts: &[&str], found: &mut Vec<PathBuf>) {
    let Some((part, rest)) = parts.split_first() else { return };
    if *part == "**" {
        descend(folder, shown, rest, found);
    }
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let (path, shown) = (entry.path(), shown.join(&name));
        // Links to folders are not followed: they may lead in circles.
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if *part == "**" {
            if is_folder {
                descend(&path, &shown, parts, found);
            } else if rest.is_empty() {
                found.push(shown);
            }
        } else if fits(&part.chars().collect::<Vec<_>>(), &name.chars().collect::<Vec<_>>()) {
            if rest.is_empty() && path.is_file() {
                found.push(shown);
            } else if is_folder {
                descend(&path, &shown, rest, found);
            }
        }
    }
}

/// `*` for any letters, `?` for one, `[a-z]` and `[!a-z]` for one of many, `\` before one that stands for itself.
fn fits(pattern: &[char], name: &[char]) -> bool {
    match pattern {
        [] => name.is_empty(),
        ['*', rest @ ..] => (0..=name.len()).any(|taken| fits(rest, &name[taken..])),
        ['?', rest @ ..] => name.split_first().is_some_and(|(_, name)| fits(rest, name)),
        ['[', rest @ ..] => {
            let Some(end) = rest.iter().position(|letter| *letter == ']') else { return false };
            let (class, rest) = (&rest[..end], &rest[end + 1..]);
            name.split_first().is_some_and(|(letter, name)| one_of(class, *letter) && fits(rest, name))
        }
        ['\\', letter, rest @ ..] | [letter, rest @ ..] => {
            name.split_first().is_some_and(|(found, name)| found == letter && fits(rest, name))
        }
    }
}

fn one_of(class: &[char], letter: char) -> bool {
    let (negated, mut class) = match class {
        ['!' | '^', rest @ ..] => (true, rest),
        _ => (false, class),
    };
    let mut found = false;
    while let [first, rest @ ..] = class {
        if let ['-', last, rest @ ..] = rest {
            found |= (*first..=*last).contains(&letter);
            class = rest;
        } else {
            found |= *first == letter;
            class = rest;
        }
    }
    found != negated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_shells_match() {
        let matches =
            |pattern: &str, name: &str| fits(&pattern.chars().collect::<Vec<_>>(), &name.chars().collect::<Vec<_>>());
        for (pattern, name, expected) in [
            ("*.jsonnet", "a.jsonnet", true),
            ("*.jsonnet", "a.json", false),
            ("a?c", "abc", true),
            ("[a-cx]y", "by", true),
            ("[a-cx]y", "xy", true),
            ("[!a-c]y", "by", false),
            ("[a", "a", false),
            ("\\*", "*", true),
            ("\\*", "a", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
        assert_eq!(alternatives("a/{b,c{d,e}}.x"), ["a/b.x", "a/cd.x", "a/ce.x"]);
        assert_eq!(alternatives("a{b"), ["a{b"]);
    }

    #[test]
    fn folders_are_gone_through() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["one.jsonnet", "two.txt", "deep/three.jsonnet", "deep/er/four.jsonnet"] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "1").unwrap();
        }
        let root = folder.path().display().to_string();
        let found = |pattern: &str| -> Vec<String> {
            let files = matching(&format!("{root}/{pattern}")).into_iter();
            files.map(|file| file.display().to_string()[root.len() + 1..].to_owned()).collect()
        };
        assert_eq!(found("*.jsonnet"), ["one.jsonnet"]);
        assert_eq!(found("**/*.jsonnet"), ["deep/er/four.jsonnet", "deep/three.jsonnet", "one.jsonnet"]);
        assert_eq!(found("deep/{three,four}.*"), ["deep/three.jsonnet"]);
        assert_eq!(found("*/*/f*"), ["deep/er/four.jsonnet"]);
        assert_eq!(found("nothing*"), Vec::<String>::new());
    }
}
