//! Profiles.

use std::{collections::HashSet, sync::Arc};

use sea_orm::{ActiveModelTrait, IntoActiveModel, Set};

use super::{
    core::Core,
    paging::{Page, Slice},
};
use crate::{
    backends::sql::retrying,
    entities::users,
    error::{Error, Result},
    game::{
        accounts::fold,
        event::Fact,
        ids::UserId,
        mode::{Country, RegionId},
    },
};

/// What a profile is changed to: the outer none leaves it as it is, the inner one takes it away.
#[derive(Clone, Debug, Default)]
pub struct ProfileChange {
    /// Where they play by default.
    pub region: Option<Option<RegionId>>,
    /// ISO 3166-1 alpha-2, in any case.
    pub country: Option<Option<String>>,
    /// An https address of 500 characters at most.
    pub avatar_url: Option<Option<String>>,
    /// 500 characters at most.
    pub bio: Option<Option<String>>,
}

/// See the module.
pub struct Users {
    core: Arc<Core>,
}

impl Users {
    pub(super) const fn new(core: Arc<Core>) -> Self {
        Self { core }
    }

    /// The users of these ids, in no order.
    pub async fn get_many(&self, ids: &[UserId]) -> Result<Vec<users::Model>> {
        users::by_ids(self.core.sql.read(), ids).await
    }

    /// The user of that id.
    pub async fn get(&self, id: UserId) -> Result<Option<users::Model>> {
        users::by_id(self.core.sql.read(), id).await
    }

    /// Every name that is taken, folded.
    pub(super) async fn names(&self) -> Result<HashSet<String>> {
        Ok(users::names(self.core.sql.read()).await?.into_iter().collect())
    }

    /// The user of that name, in any case.
    pub async fn by_name(&self, name: &str) -> Result<Option<users::Model>> {
        users::by_name(self.core.sql.read(), &fold(name)).await
    }

    /// Users whose name begins with `search`, in name order; the cursor is the folded name.
    pub async fn search(&self, search: &str, page: &Page<String>) -> Result<Slice<users::Model>> {
        let prefix = fold(search);
        let after = page.after.as_deref();
        let rows = users::by_prefix(self.core.sql.read(), &prefix, after, page.fetch()).await?;
        Ok(page.cut(rows))
    }

    /// Changes the viewer's profile.
    ///
    /// # Errors
    /// BAD_USER_INPUT, naming the field.
    pub async fn update(&self, id: UserId, change: ProfileChange) -> Result<users::Model> {
        let change = self.checked(change)?;
        retrying(|| self.try_update(id, change.clone())).await
    }

    async fn try_update(&self, id: UserId, change: ProfileChange) -> Result<users::Model> {
        let tx = self.core.sql.begin().await?;
        let user = users::lock(&tx, &[id]).await?.pop().ok_or(Error::NotFound("user"))?;
        let mut facts = Vec::new();
        let mut row = user.clone().into_active_model();
        if let Some(region) = change.region {
            row.region = Set(region);
        }
        if let Some(country) = change.country {
            row.country = Set(country);
        }
        if let Some(url) = change.avatar_url {
            row.avatar_url = Set(url);
        }
        if let Some(bio) = change.bio {
            row.bio = Set(bio);
        }
        let home = user.home();
        let user = if row.is_changed() { row.update(&tx).await? } else { user };
        if user.home() != home {
            facts.push(Fact::HomeChanged { user: id, home: user.home() });
        }
        let written = self.core.commit(tx, &facts).await?;
        if !facts.is_empty() {
            written.settled().await;
        }
        Ok(user)
    }

    fn checked(&self, mut change: ProfileChange) -> Result<ProfileChange> {
        if let Some(Some(region)) = &change.region {
            self.core.region("input.region", region)?;
        }
        if let Some(Some(country)) = &mut change.country {
            *country = checked_country("input.country", country)?.as_str().to_owned();
        }
        if let Some(Some(url)) = &change.avatar_url {
            let plain = url.chars().all(|c| c.is_ascii_graphic() && !"\"<>\\^`{|}".contains(c));
            if !url.starts_with("https://") || url.len() > 500 || url.len() < 12 || !plain {
                return Err(Error::bad_input(
                    "input.avatarUrl",
                    "an avatar is an https address of 500 characters at most",
                ));
            }
        }
        if let Some(Some(bio)) = &change.bio
            && (bio.chars().count() > 500 || bio.chars().any(|c| c.is_control() && c != '\n'))
        {
            return Err(Error::bad_input("input.bio", "a bio has 500 characters at most"));
        }
        Ok(change)
    }
}

/// The country of that code.
pub fn checked_country(field: &str, code: &str) -> Result<Country> {
    let message = "a country is its two letters by ISO 3166-1, such as NO";
    Country::parse(code).ok_or_else(|| Error::bad_input(field, message))
}
