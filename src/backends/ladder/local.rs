//! The ladder within one process.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use async_trait::async_trait;
use foldhash::fast::RandomState;

use super::{
    Above, BoardId, Ladder, Moved,
    board::{Board, Order},
};
use crate::{
    error::Result,
    game::{
        event::PlayerMove,
        ids::UserId,
        mode::{Home, Scope},
        standing::Place,
    },
};

/// See the module.
#[derive(Default)]
pub struct LocalLadder {
    boards: RwLock<HashMap<BoardId, Board, RandomState>>,
}

impl LocalLadder {
    fn reading(&self) -> RwLockReadGuard<'_, HashMap<BoardId, Board, RandomState>> {
        self.boards.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a question about an order has for an answer; about one of nobody, the answer that is the default.
    fn ask<T: Default>(&self, board: &BoardId, scope: &Scope, of: impl Fn(&Order) -> T) -> T {
        let boards = self.reading();
        boards.get(board).and_then(|board| board.order(scope)).map(of).unwrap_or_default()
    }

    fn writing(&self) -> RwLockWriteGuard<'_, HashMap<BoardId, Board, RandomState>> {
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

    async fn ahead_of(&self, board: &BoardId, scope: &Scope, place: &Place) -> Result<usize> {
        Ok(self.ask(board, scope, |order| order.rank(place)))
    }

    async fn above(&self, board: &BoardId, scope: &Scope, mmr: i32) -> Result<Above> {
        Ok(self.ask(board, scope, |order| order.above(mmr)))
    }

    async fn page(
        &self,
        board: &BoardId,
        scope: &Scope,
        from: usize,
        limit: usize,
    ) -> Result<Vec<Place>> {
        Ok(self.ask(board, scope, |order| order.slice(from, limit)))
    }

    async fn len(&self, board: &BoardId, scope: &Scope) -> Result<usize> {
        Ok(self.ask(board, scope, Order::len))
    }

    async fn set_home(&self, user: UserId, home: Home) -> Result<()> {
        for board in self.writing().values_mut() {
            board.set_home(user, home.clone());
        }
        Ok(())
    }

    async fn rebuild(&self, id: &BoardId, places: Vec<(Place, Home)>) -> Result<()> {
        let board = Board::of(places);
        self.writing().insert(id.clone(), board);
        Ok(())
    }
}
