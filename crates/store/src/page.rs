//! Pages of lists. Keyset pages cost the same however far one has paged; numbered pages are for clients of the old
//! interface, and get slower the further they go.

/// Which part of a list is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page<K> {
    /// At most `size` items after that key, or from the start.
    After { key: Option<K>, size: usize },
    /// The page of that number, counted from 0.
    Number { page: u64, size: usize },
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List<T, K> {
    /// The items, in the order of the list.
    pub items: Vec<T>,
    /// The key to go on after; none at the end of the list and for numbered pages.
    pub next: Option<K>,
}

impl<T, K> List<T, K> {
    /// The list with other items.
    pub(crate) fn map<U>(self, item: impl FnMut(T) -> U) -> List<U, K> {
        List { items: self.items.into_iter().map(item).collect(), next: self.next }
    }
}

impl<K: Clone> Page<K> {
    /// The key to go on after.
    pub(crate) fn key(&self) -> Option<K> {
        match self {
            Self::After { key, .. } => key.clone(),
            Self::Number { .. } => None,
        }
    }

    /// How many rows to read, and how many to skip. A keyset page reads one more: that is how it knows of a next one.
    pub(crate) fn bounds(&self) -> (i64, i64) {
        match *self {
            Self::After { size, .. } => (signed(size).saturating_add(1), 0),
            Self::Number { page, size } => {
                (signed(size), i64::try_from(page).unwrap_or(i64::MAX).saturating_mul(signed(size)))
            }
        }
    }

    /// Makes the list of the rows that were read, where some cannot be shown. The list goes on as long as there are rows.
    pub(crate) fn list<T>(&self, rows: Vec<Option<T>>, key: impl Fn(&T) -> K) -> List<T, K> {
        let mut next = None;
        let more = matches!(*self, Self::After { size, .. } if rows.len() > size);
        let mut items: Vec<T> = rows.into_iter().flatten().collect();
        if let Self::After { size, .. } = *self
            && more
        {
            items.truncate(size);
            next = items.last().map(key);
        }
        List { items, next }
    }
}

fn signed(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

/// `?, ?, …` for an `IN` list of so many values, rounded up so that there are few different texts; [`padded`] gives as
/// many values.
pub(crate) fn marks(count: usize) -> String {
    let mut text = "?".to_owned();
    text.extend(std::iter::repeat_n(", ?", count.next_power_of_two().saturating_sub(1)));
    text
}

/// The values for [`marks`]: the last one is repeated, which changes nothing in an `IN` list.
pub(crate) fn padded<T: Copy>(values: &[T]) -> impl Iterator<Item = T> {
    let filler = values.last().copied();
    let missing = values.len().next_power_of_two() - values.len();
    values.iter().copied().chain(filler.into_iter().cycle().take(missing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keyset_pages_know_their_end() {
        let page = Page::After { key: None, size: 2 };
        assert_eq!(page.bounds(), (3, 0));
        assert_eq!(page.list(vec![Some(1), Some(2), Some(3)], |item| *item), List { items: vec![1, 2], next: Some(2) });
        assert_eq!(page.list(vec![Some(1), Some(2)], |item| *item), List { items: vec![1, 2], next: None });
    }

    #[test]
    fn a_page_goes_on_after_the_last_row_that_can_be_shown() {
        let page = Page::After { key: None, size: 2 };
        let of = |rows: &[Option<i32>]| page.list(rows.to_vec(), |item| *item);
        assert_eq!(of(&[Some(1), None, Some(3)]), List { items: vec![1, 3], next: Some(3) });
        assert_eq!(of(&[Some(1), Some(2), None]), List { items: vec![1, 2], next: Some(2) });
        assert_eq!(of(&[None, Some(2)]), List { items: vec![2], next: None });
    }

    #[test]
    fn numbered_pages_skip() {
        let page = Page::<i32>::Number { page: 3, size: 10 };
        assert_eq!(page.bounds(), (10, 30));
        assert_eq!(Page::<i32>::Number { page: u64::MAX, size: 10 }.bounds().1, i64::MAX);
        assert_eq!(page.list(vec![Some(1)], |item| *item).next, None);
    }

    #[test]
    fn in_lists_are_padded() {
        assert_eq!(marks(3), "?, ?, ?, ?");
        assert_eq!(padded(&[1, 2, 3]).collect::<Vec<_>>(), [1, 2, 3, 3]);
        assert_eq!((marks(1).as_str(), padded(&[1]).count()), ("?", 1));
    }
}
