//! Pages of lists. The wire has five schemes for five lists; this file holds what they have in common, so that a list
//! picks one instead of inventing a sixth.
//!
//! * [`Offset`]: schemas and the sessions of a person. `page` and `per_page`, or `page_token` (an offset in disguise)
//!   and `page_size`; anything unreadable counts as not given.
//! * [`Legacy`]: identities by `page` and `per_page`, up to a thousand rows.
//! * [`Keyset`]: identities, sessions and messages; the token is the caller's to read and write (`page_token.rs`).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use url::form_urlencoded;
use zelos_core::problem::{Problem, Result};

const DEFAULT_SIZE: usize = 250;

/// A part of a list by number: the `page`-th run of `size` rows, counted from zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Numbered {
    pub(crate) page: usize,
    pub(crate) size: usize,
    /// Which names the links carry.
    names: Names,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Names {
    /// `page`, `per_page`.
    Legacy,
    /// Both these and `page_token`, `page_size`.
    All,
}

/// Schemas and the sessions of a person.
#[derive(Debug)]
pub(crate) struct Offset;

impl Offset {
    const MAX_SIZE: usize = 1000;

    /// Which part is asked for.
    pub(crate) fn read(query: &[(String, String)]) -> Numbered {
        if find(query, "page_token").is_none() && find(query, "page_size").is_none() {
            return Numbered { names: Names::All, ..numbered(query, Self::MAX_SIZE) };
        }
        let size = size(find(query, "page_size"), Self::MAX_SIZE);
        let offset = find(query, "page_token").and_then(offset_of).unwrap_or_default();
        Numbered { page: offset / size, size, names: Names::All }
    }
}

/// Identities by number.
#[derive(Debug)]
pub(crate) struct Legacy;

impl Legacy {
    const MAX_SIZE: usize = 500;
    /// Numbers lead no further than this: later rows are reached by tokens.
    const MAX_ROW: usize = 1000;

    /// Which part is asked for; none if the query asks by token.
    pub(crate) fn read(query: &[(String, String)]) -> Result<Option<Numbered>> {
        let has = |name| find(query, name).is_some();
        if has("page_token") || has("page_size") || !has("page") {
            return Ok(None);
        }
        let found = numbered(query, Self::MAX_SIZE);
        if found.page.saturating_mul(found.size) > Self::MAX_ROW {
            return Err(Problem::bad(
                "Pages by number end after 1000 items: use page_token and page_size to go further.",
            ));
        }
        Ok(Some(found))
    }
}

impl Numbered {
    /// The first row.
    pub(crate) fn offset(&self) -> usize {
        self.page.saturating_mul(self.size)
    }

    /// The rows of a list that is at hand as a whole.
    pub(crate) fn slice<'a, T>(&self, all: &'a [T]) -> &'a [T] {
        let start = self.offset().min(all.len());
        &all[start..all.len().min(start.saturating_add(self.size))]
    }

    /// `X-Total-Count` and `Link` for an answer to `path?query`.
    pub(crate) fn write(&self, headers: &mut HeaderMap, path: &str, query: &[(String, String)], total: usize) {
        headers.insert(HeaderName::from_static("x-total-count"), HeaderValue::from(total));
        let size = self.size;
        // Where the rest that does not fill a page begins, or else the last full page.
        let last = if total.is_multiple_of(size) { total.saturating_sub(size) } else { total / size * size };
        let page = i128::try_from(self.page).unwrap_or(i128::MAX);
        let wide = i128::try_from(size).unwrap_or(i128::MAX);
        let to = |rel, offset| self.link(path, query, rel, size, offset);
        let at = |offset: usize| i128::try_from(offset).unwrap_or(i128::MAX);
        let (next, prev) = ((page + 1) * wide, (page - 1) * wide);
        let links = if self.offset() >= last {
            // Quirk: an empty list still names a next and a previous page (Kratos oryx/pagination/header.go).
            if total == 0 {
                vec![to("first", 0), to("next", next), to("prev", prev)]
            } else if total <= size {
                vec![self.link(path, query, "first", total, 0)]
            } else {
                vec![to("first", 0), to("prev", at(last) - wide)]
            }
        } else if self.page == 0 {
            vec![to("next", wide), to("last", at(last))]
        } else {
            vec![to("first", 0), to("next", next), to("prev", prev), to("last", at(last))]
        };
        write_links(headers, &links);
    }

    fn link(&self, path: &str, query: &[(String, String)], rel: &str, size: usize, offset: i128) -> String {
        let page = (offset / i128::try_from(size.max(1)).unwrap_or(1)).to_string();
        let size = size.to_string();
        let mut set = vec![("page", page), ("per_page", size.clone())];
        if self.names == Names::All {
            let token = URL_SAFE_NO_PAD.encode(format!(r#"{{"offset":"{offset}","v":2}}"#));
            set.extend([("page_size", size), ("page_token", token)]);
        }
        link(path, query, rel, &set)
    }
}

/// A part of a list behind a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Keyset {
    pub(crate) size: usize,
    /// As sent; none for the beginning.
    pub(crate) token: Option<String>,
}

impl Keyset {
    /// Which part is asked for. `default` holds where no size, or none above zero, is given; `max` bounds it.
    pub(crate) fn read(query: &[(String, String)], default: usize, max: usize) -> Result<Self> {
        let token = find(query, "page_token").filter(|token| !token.is_empty()).map(ToOwned::to_owned);
        let size = match find(query, "page_size").filter(|size| !size.is_empty()) {
            None => default,
            Some(size) => match size.parse::<i64>() {
                Ok(size) if size > 0 => usize::try_from(size).unwrap_or(max),
                Ok(_) => default,
                Err(_) => return Err(Problem::bad("The query parameter page_size is not a number.")),
            },
        };
        Ok(Self { size: size.min(max), token })
    }

    /// `Link` for an answer to `path?query`: to the first page, and to the next if there is one.
    pub(crate) fn write(
        &self,
        headers: &mut HeaderMap,
        path: &str,
        query: &[(String, String)],
        first: &str,
        next: Option<&str>,
    ) {
        let to = |rel, token: &str| {
            link(path, query, rel, &[("page_size", self.size.to_string()), ("page_token", token.to_owned())])
        };
        let links: Vec<String> =
            std::iter::once(to("first", first)).chain(next.map(|token| to("next", token))).collect();
        write_links(headers, &links);
    }
}

fn find<'a>(query: &'a [(String, String)], name: &str) -> Option<&'a str> {
    query.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
}

fn numbered(query: &[(String, String)], max: usize) -> Numbered {
    let page = find(query, "page").and_then(|page| page.parse().ok()).unwrap_or_default();
    Numbered { page, size: size(find(query, "per_page"), max), names: Names::Legacy }
}

fn size(text: Option<&str>, max: usize) -> usize {
    let size = text.and_then(|text| text.parse::<i64>().ok());
    size.map_or(DEFAULT_SIZE, |size| usize::try_from(size.max(1)).unwrap_or(max)).min(max)
}

fn offset_of(token: &str) -> Option<usize> {
    let value: serde_json::Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    let offset = &value["offset"];
    offset.as_str().map_or_else(|| offset.as_u64()?.try_into().ok(), |text| text.parse().ok())
}

/// The address with `set` in its query, all members sorted by name.
fn link(path: &str, query: &[(String, String)], rel: &str, set: &[(&str, String)]) -> String {
    let kept = query.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let kept = kept.filter(|(name, _)| !set.iter().any(|(other, _)| other == name));
    let mut all: Vec<(&str, &str)> = kept.chain(set.iter().map(|(name, value)| (*name, value.as_str()))).collect();
    all.sort_by_key(|(name, _)| *name);
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(all).finish();
    format!("<{path}?{query}>; rel=\"{rel}\"")
}

fn write_links(headers: &mut HeaderMap, links: &[String]) {
    if let Ok(value) = HeaderValue::try_from(links.join(",")) {
        headers.insert(header::LINK, value);
    }
}

#[cfg(test)]
#[path = "paging_tests.rs"]
mod tests;
