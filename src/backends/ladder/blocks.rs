//! An ordered list that knows positions: sorted blocks of a few hundred items. Finding, inserting and removing cost a
//! search among the blocks and one within; a position is the lengths of the blocks before, added up.

/// Items in a block before it is cut in two.
const BLOCK: usize = 512;

/// See the module.
#[derive(Debug)]
pub struct Blocks<T> {
    blocks: Vec<Vec<T>>,
    len: usize,
}

impl<T> Default for Blocks<T> {
    fn default() -> Self {
        Self { blocks: Vec::new(), len: 0 }
    }
}

impl<T> Blocks<T> {
    /// How many items there are.
    pub const fn len(&self) -> usize {
        self.len
    }
}

impl<T: Ord + Clone> Blocks<T> {
    /// How many items are less than this one.
    pub fn rank(&self, item: &T) -> usize {
        let block = self.block_of(item);
        let before: usize = self.blocks.iter().take(block).map(Vec::len).sum();
        let within =
            self.blocks.get(block).map_or(0, |items| items.partition_point(|other| other < item));
        before + within
    }

    /// Puts an item in its place; false when an equal one is there.
    pub fn insert(&mut self, item: T) -> bool {
        if self.blocks.is_empty() {
            self.blocks.push(Vec::new());
        }
        let block = self.block_of(&item).min(self.blocks.len() - 1);
        let items = &mut self.blocks[block];
        let Err(at) = items.binary_search(&item) else { return false };
        items.insert(at, item);
        self.len += 1;
        if items.len() > BLOCK {
            let upper = items.split_off(BLOCK / 2);
            self.blocks.insert(block + 1, upper);
        }
        true
    }

    /// Takes an item out; false when it is not there.
    pub fn remove(&mut self, item: &T) -> bool {
        let block = self.block_of(item);
        let Some(items) = self.blocks.get_mut(block) else { return false };
        let Ok(at) = items.binary_search(item) else { return false };
        items.remove(at);
        self.len -= 1;
        if items.is_empty() {
            self.blocks.remove(block);
        }
        true
    }

    /// The items from the `from`-th on, `limit` at most.
    pub fn slice(&self, mut from: usize, limit: usize) -> Vec<T> {
        let mut taken = Vec::with_capacity(limit.min(self.len.saturating_sub(from)));
        for items in &self.blocks {
            if from >= items.len() {
                from -= items.len();
                continue;
            }
            taken.extend(items[from..].iter().take(limit - taken.len()).cloned());
            from = 0;
            if taken.len() == limit {
                break;
            }
        }
        taken
    }

    /// The first block whose last item is not less than this one.
    fn block_of(&self, item: &T) -> usize {
        self.blocks.partition_point(|items| items.last().is_some_and(|last| last < item))
    }
}
