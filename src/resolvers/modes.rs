//! Modes, regions and seasons.

use async_graphql::{ComplexObject, Context, Object};

use super::context::{Result, services};
use crate::schema::{
    modes::{Mode, Region, Season},
    rankings::Tier,
};

/// See the module.
#[derive(Default)]
pub struct ModeQuery;

#[Object]
impl ModeQuery {
    /// What can be played.
    async fn modes(&self, ctx: &Context<'_>) -> Vec<Mode> {
        services(ctx).catalog.modes().iter().map(|mode| (&**mode).into()).collect()
    }

    /// Where it can be played.
    async fn regions(&self, ctx: &Context<'_>) -> Vec<Region> {
        services(ctx).catalog.regions().iter().map(|region| (&**region).into()).collect()
    }

    /// Every season, newest first.
    async fn seasons(&self, ctx: &Context<'_>) -> Result<Vec<Season>> {
        Ok(services(ctx).seasons.all().await?.into_iter().map(Into::into).collect())
    }

    /// The season that matches count for now.
    async fn current_season(&self, ctx: &Context<'_>) -> Result<Season> {
        Ok(services(ctx).seasons.current()?.into())
    }
}

#[ComplexObject]
impl Season {
    /// The tiers and divisions of that season, lowest first: a season keeps those that it was begun with.
    async fn tiers(&self, ctx: &Context<'_>) -> Vec<Tier> {
        services(ctx).rules(self.key).tiers().iter().map(Into::into).collect()
    }
}

/// A mode as the catalogue has it; one that was taken out of the configuration keeps its id.
pub fn mode_of(ctx: &Context<'_>, id: &crate::game::mode::ModeId) -> Mode {
    services(ctx).catalog.mode(id.as_str()).map_or_else(
        || Mode {
            id: id.clone(),
            name: id.to_string(),
            team_size: 0,
            team_count: 0,
            ready_check_seconds: 0,
        },
        |mode| (&**mode).into(),
    )
}

/// A region as the catalogue has it; one that was taken out of the configuration keeps its id.
pub fn region_of(ctx: &Context<'_>, id: &crate::game::mode::RegionId) -> Region {
    services(ctx).catalog.region(id.as_str()).map_or_else(
        || Region { id: id.clone(), name: id.to_string() },
        |region| (&**region).into(),
    )
}
