//! An ordered list that knows positions: sorted blocks of a hundred items or two.
//!
//! What is looked through is small and lies together, for at a million items every step to somewhere else in memory costs more
//! than all the comparing: the key of each block's last item, the keys within one block, and the blocks' lengths in a Fenwick
//! tree (P. Fenwick, "A new data structure for cumulative frequency tables", 1994). Finding, inserting and removing cost a
//! search among the blocks and one within.

/// Items in a block before it is cut in two.
const BLOCK: usize = 256;

/// What a [`Blocks`] can hold.
pub trait Keyed: Ord + Clone {
    /// A number that is never greater for a lesser item; equal numbers are told apart by the order itself.
    fn key(&self) -> u64;
}

/// See the module.
#[derive(Debug)]
pub struct Blocks<T> {
    blocks: Vec<Block<T>>,
    /// The key of each block's last item.
    lasts: Vec<u64>,
    lengths: Lengths,
    len: usize,
}

#[derive(Debug)]
struct Block<T> {
    keys: Vec<u64>,
    items: Vec<T>,
}

impl<T> Default for Blocks<T> {
    fn default() -> Self {
        Self { blocks: Vec::new(), lasts: Vec::new(), lengths: Lengths::default(), len: 0 }
    }
}

impl<T> Blocks<T> {
    /// How many items there are.
    pub const fn len(&self) -> usize {
        self.len
    }
}

impl<T: Keyed> Block<T> {
    /// How many of its items are less than this one.
    fn rank(&self, key: u64, item: &T) -> usize {
        let from = self.keys.partition_point(|other| *other < key);
        let equal = self.keys[from..].partition_point(|other| *other == key);
        from + self.items[from..from + equal].partition_point(|other| other < item)
    }
}

impl<T: Keyed> Blocks<T> {
    /// A list of these items, which are in order and all different. Blocks are left half empty, for what is inserted later.
    pub fn from_sorted(sorted: &[T]) -> Self {
        let blocks: Vec<_> = sorted
            .chunks(BLOCK / 2)
            .map(|items| Block {
                keys: items.iter().map(Keyed::key).collect(),
                items: items.to_vec(),
            })
            .collect();
        let lasts = blocks.iter().map(|block| block.keys.last().copied().unwrap_or(0)).collect();
        let lengths = Lengths::of(&blocks);
        Self { blocks, lasts, lengths, len: sorted.len() }
    }

    /// How many items are less than this one, which is there: as [`rank`](Self::rank), but an item alone with its key is not
    /// even looked at.
    pub fn position(&self, item: &T) -> usize {
        let (key, block) = (item.key(), self.block_of(item));
        let within = self.blocks.get(block).map_or(0, |block| {
            let from = block.keys.partition_point(|other| *other < key);
            let alone = block.keys.get(from + 1).is_none_or(|next| *next != key);
            if alone { from } else { block.rank(key, item) }
        });
        self.lengths.before(block) + within
    }

    /// How many items are less than this one.
    pub fn rank(&self, item: &T) -> usize {
        let (key, block) = (item.key(), self.block_of(item));
        let within = self.blocks.get(block).map_or(0, |block| block.rank(key, item));
        self.lengths.before(block) + within
    }

    /// Puts an item in its place; false when an equal one is there.
    pub fn insert(&mut self, item: T) -> bool {
        if self.blocks.is_empty() {
            self.blocks.push(Block { keys: Vec::new(), items: Vec::new() });
            self.lasts.push(0);
            self.lengths = Lengths::of(&self.blocks);
        }
        let key = item.key();
        let at_block = self.block_of(&item).min(self.blocks.len() - 1);
        let block = &mut self.blocks[at_block];
        let at = block.rank(key, &item);
        if block.items.get(at) == Some(&item) {
            return false;
        }
        block.keys.insert(at, key);
        block.items.insert(at, item);
        self.len += 1;
        self.lasts[at_block] = self.lasts[at_block].max(key);
        if block.items.len() > BLOCK {
            let (keys, items) = (block.keys.split_off(BLOCK / 2), block.items.split_off(BLOCK / 2));
            let last = block.keys.last().copied().unwrap_or(0);
            self.lasts.insert(at_block, last);
            self.blocks.insert(at_block + 1, Block { keys, items });
            self.lengths = Lengths::of(&self.blocks);
        } else {
            self.lengths.add(at_block, 1);
        }
        true
    }

    /// Takes an item out; false when it is not there.
    pub fn remove(&mut self, item: &T) -> bool {
        let at_block = self.block_of(item);
        let Some(block) = self.blocks.get_mut(at_block) else { return false };
        let at = block.rank(item.key(), item);
        if block.items.get(at) != Some(item) {
            return false;
        }
        block.keys.remove(at);
        block.items.remove(at);
        self.len -= 1;
        if let Some(last) = block.keys.last() {
            self.lasts[at_block] = *last;
            self.lengths.add(at_block, -1);
        } else {
            self.blocks.remove(at_block);
            self.lasts.remove(at_block);
            self.lengths = Lengths::of(&self.blocks);
        }
        true
    }

    /// The items from the `from`-th on, `limit` at most.
    pub fn slice(&self, from: usize, limit: usize) -> Vec<T> {
        let mut taken = Vec::with_capacity(limit.min(self.len.saturating_sub(from)));
        let (block, mut skip) = self.lengths.find(from);
        for block in self.blocks.iter().skip(block) {
            let left = limit - taken.len();
            taken.extend(block.items.iter().skip(skip).take(left).cloned());
            skip = 0;
            if taken.len() == limit {
                break;
            }
        }
        taken
    }

    /// The first block whose last item is not less than this one.
    fn block_of(&self, item: &T) -> usize {
        let key = item.key();
        let from = self.lasts.partition_point(|last| *last < key);
        // Blocks that end with this very key: their last items decide.
        let equal = self.lasts[from..].partition_point(|last| *last == key);
        let less = |block: &Block<T>| block.items.last().is_some_and(|last| last < item);
        from + self.blocks[from..from + equal].partition_point(less)
    }
}

/// The lengths of the blocks, added up: a Fenwick tree.
#[derive(Debug, Default)]
struct Lengths(Vec<u32>);

impl Lengths {
    fn of<T>(blocks: &[Block<T>]) -> Self {
        let mut sums = vec![0; blocks.len() + 1];
        for (at, block) in (1..).zip(blocks) {
            sums[at] += u32::try_from(block.items.len()).unwrap_or(u32::MAX);
            let parent = at + (at & at.wrapping_neg());
            if parent < sums.len() {
                sums[parent] += sums[at];
            }
        }
        Self(sums)
    }

    fn add(&mut self, block: usize, change: i32) {
        let mut at = block + 1;
        while let Some(sum) = self.0.get_mut(at) {
            *sum = sum.wrapping_add_signed(change);
            at += at & at.wrapping_neg();
        }
    }

    /// How many items are in the blocks before this one.
    fn before(&self, block: usize) -> usize {
        let (mut at, mut sum) = (block, 0);
        while at > 0 {
            sum += self.0[at] as usize;
            at &= at - 1;
        }
        sum
    }

    /// The block of the `position`-th item, and the item's place in it; behind the last item, no block.
    fn find(&self, position: usize) -> (usize, usize) {
        let (mut at, mut left) = (0, position);
        let mut step = self.0.len().next_power_of_two() / 2;
        while step > 0 {
            if let Some(sum) = self.0.get(at + step)
                && *sum as usize <= left
            {
                at += step;
                left -= *sum as usize;
            }
            step /= 2;
        }
        (at, left)
    }
}
