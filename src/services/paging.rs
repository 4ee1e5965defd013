//! Pages of lists that grow: how many, from where, in which direction.

use crate::error::{Error, Result};

/// The largest page.
pub const PAGE_MAX: usize = 100;
/// The page where none is asked for.
pub const PAGE_DEFAULT: usize = 20;

/// A page as a client asks for it, with cursors of type `C`.
#[derive(Clone, Debug)]
pub struct Page<C> {
    /// How many items.
    pub limit: usize,
    /// Only items behind this one.
    pub after: Option<C>,
    /// Only items before this one.
    pub before: Option<C>,
    /// Whether the page is taken from the end.
    pub backward: bool,
}

impl<C> Page<C> {
    /// Checks the four arguments of a connection.
    ///
    /// # Errors
    /// BAD_USER_INPUT where a number is out of bounds, or `first` and `last` are both given.
    pub fn new(
        first: Option<i32>,
        after: Option<C>,
        last: Option<i32>,
        before: Option<C>,
    ) -> Result<Self> {
        if first.is_some() && last.is_some() {
            return Err(Error::bad_input("last", "ask for `first` or for `last`, not for both"));
        }
        let backward = last.is_some();
        let field = if backward { "last" } else { "first" };
        let limit = match first.or(last) {
            None => PAGE_DEFAULT,
            Some(n) => usize::try_from(n).ok().filter(|n| *n <= PAGE_MAX).ok_or_else(|| {
                Error::bad_input(field, format!("a page has 0 to {PAGE_MAX} items, not {n}"))
            })?,
        };
        Ok(Self { limit, after, before, backward })
    }

    /// Rows to read: one more than the page, to see whether there is another.
    pub const fn fetch(&self) -> u64 {
        self.limit as u64 + 1
    }

    /// Cuts what was read (from the end where the page is backward) to the page, in the list's own order.
    pub fn cut<T>(&self, mut rows: Vec<T>) -> Slice<T> {
        let more = rows.len() > self.limit;
        rows.truncate(self.limit);
        if self.backward {
            rows.reverse();
        }
        Slice {
            items: rows,
            has_next: if self.backward { self.before.is_some() } else { more },
            has_previous: if self.backward { more } else { self.after.is_some() },
        }
    }
}

/// One page of a list.
#[derive(Clone, Debug)]
pub struct Slice<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// Whether more follow.
    pub has_next: bool,
    /// Whether some stand before.
    pub has_previous: bool,
}

impl<T> Slice<T> {
    /// The same page of other items.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Slice<U> {
        Slice {
            items: self.items.into_iter().map(f).collect(),
            has_next: self.has_next,
            has_previous: self.has_previous,
        }
    }
}
