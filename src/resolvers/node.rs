//! Anything, by its id.

use async_graphql::{Context, ID, Object};

use super::{
    context::{Result, finds, loaders, parse_id, services, viewer},
    queue::holds,
};
use crate::{
    error::Error,
    game::ids::{MatchId, NotificationId, PartyId, SeasonId, TicketId, UserId},
    schema::Node,
};

/// Ids in one `nodes`.
const NODES_MAX: usize = 100;

/// See the module.
#[derive(Default)]
pub struct NodeQuery;

#[Object]
impl NodeQuery {
    /// Anything, by its id; null where there is no such thing or the viewer may not see it.
    async fn node(&self, ctx: &Context<'_>, id: ID) -> Option<Result<Node>> {
        find(ctx, "id", &id).await.transpose()
    }

    /// Several things by their ids, in the order of the ids.
    async fn nodes(&self, ctx: &Context<'_>, ids: Vec<ID>) -> Result<Vec<Option<Node>>> {
        if ids.len() > NODES_MAX {
            let message = format!("ask for {NODES_MAX} ids at most");
            return Err(Error::bad_input("ids", message).into());
        }
        let found = ids
            .iter()
            .enumerate()
            .map(|(index, id)| async move { find(ctx, &format!("ids[{index}]"), id).await });
        futures_util::future::try_join_all(found).await
    }
}

async fn find(ctx: &Context<'_>, field: &str, id: &ID) -> Result<Option<Node>> {
    let (services, viewer) = (services(ctx), viewer(ctx));
    let (prefix, _) = id.split_once('_').unwrap_or_default();
    Ok(match prefix {
        UserId::PREFIX => {
            let user = loaders(ctx).user(parse_id(field, id)?).await?;
            user.map(|row| Node::User(row.into()))
        }
        MatchId::PREFIX => {
            let found = loaders(ctx).match_(parse_id(field, id)?).await?;
            found.map(|row| Node::Match(row.into()))
        }
        SeasonId::PREFIX => {
            let season = services.seasons.get(parse_id(field, id)?).await?;
            season.map(|row| Node::Season(row.into()))
        }
        TicketId::PREFIX => {
            let id = parse_id(field, id)?;
            let found = finds(ctx, "QueueTicket", holds(ctx, id).await?);
            let ticket = if found { loaders(ctx).ticket(id).await? } else { None };
            ticket.map(|row| Node::QueueTicket(row.into()))
        }
        PartyId::PREFIX => {
            let party = services.parties.get(parse_id(field, id)?).await?;
            party.map(|party| Node::Party(party.into()))
        }
        NotificationId::PREFIX => {
            let id = parse_id(field, id)?;
            match viewer.user_id() {
                Some(user) => services
                    .feed
                    .notification(user, id)
                    .await?
                    .map(|message| Node::Notification(message.into())),
                None => None,
            }
        }
        _ => return Err(Error::bad_input(field, "this is not an id of anything here").into()),
    })
}
