//! The ladder within one process.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use async_trait::async_trait;

use super::{BoardId, Ladder, Moved, board::Board};
use crate::{
    error::Result,
    game::{event::PlayerMove, ids::UserId, mode::RegionId, standing::Place},
};

/// See the module.
#[derive(Default)]
pub struct LocalLadder {
    boards: RwLock<HashMap<BoardId, Board>>,
}

impl LocalLadder {
    fn reading(&self) -> RwLockReadGuard<'_, HashMap<BoardId, Board>> {
        self.boards.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn writing(&self) -> RwLockWriteGuard<'_, HashMap<BoardId, Board>> {
        self.boards.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Ladder for LocalLadder {
    async fn submit(&self, board: &BoardId, moves: &[PlayerMove]) -> Result<Moved> {
        Ok(self.writing().entry(board.clone()).or_default().submit(moves))
    }

    async fn rank(&self, board: &BoardId, user: UserId) -> Result<Option<i32>> {
        Ok(self.reading().get(board).and_then(|board| board.rank(user)))
    }

    async fn place(&self, board: &BoardId, user: UserId) -> Result<Option<Place>> {
        Ok(self.reading().get(board).and_then(|board| board.place(user)))
    }

    async fn ahead_of(
        &self,
        board: &BoardId,
        region: Option<&RegionId>,
        place: &Place,
    ) -> Result<usize> {
        let boards = self.reading();
        let order = boards.get(board).and_then(|board| board.order(region));
        Ok(order.map_or(0, |order| order.rank(place)))
    }

    async fn page(
        &self,
        board: &BoardId,
        region: Option<&RegionId>,
        from: usize,
        limit: usize,
    ) -> Result<Vec<Place>> {
        let boards = self.reading();
        let order = boards.get(board).and_then(|board| board.order(region));
        Ok(order.map_or_else(Vec::new, |order| order.slice(from, limit)))
    }

    async fn len(&self, board: &BoardId, region: Option<&RegionId>) -> Result<usize> {
        let boards = self.reading();
        let order = boards.get(board).and_then(|board| board.order(region));
        Ok(order.map_or(0, super::blocks::Blocks::len))
    }

    async fn set_region(&self, user: UserId, region: Option<RegionId>) -> Result<()> {
        for board in self.writing().values_mut() {
            board.set_region(user, region.clone());
        }
        Ok(())
    }

    async fn rebuild(&self, id: &BoardId, places: Vec<(Place, Option<RegionId>)>) -> Result<()> {
        let mut board = Board::default();
        for (place, region) in places {
            board.put(place, region);
        }
        self.writing().insert(id.clone(), board);
        Ok(())
    }
}
