//! Accounts.
use axum::extract::State;
use countersign_core::account::store_read;
use countersign_core::account::view::{AccountView, Narrow};

use super::ApiState;
use super::answer::{Answer, Good, Page, Problem};
use super::gate::Caller;
use super::input::{Asked, Named, People, bad_cursor, page_size};
use crate::pages;

pub(super) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    Asked(asked): Asked<People>,
) -> Answer<Page<AccountView>> {
    let limit = page_size(asked.limit)?;
    let after = asked.cursor.as_deref().map(str::parse).transpose().map_err(|_| bad_cursor())?;
    let mut conn = state.pool.acquire().await?;
    let (narrow, most) = (asked.into(), i64::from(limit) + 1);
    let mut items = store_read::accounts(&mut conn, caller.company, &narrow, after, most).await?;
    let next = pages::cut(&mut items, limit).map(|last| last.id.to_string());
    Ok(Good(Page { items, next }))
}

pub(super) async fn show(
    State(state): State<ApiState>,
    caller: Caller,
    Named(name): Named<String>,
) -> Answer<AccountView> {
    let narrow = Narrow { account: Some(name), ..Narrow::default() };
    let mut conn = state.pool.acquire().await?;
    let found = store_read::accounts(&mut conn, caller.company, &narrow, None, 1).await?;
    Ok(Good(found.into_iter().next().ok_or_else(|| Problem::unknown("account"))?))
}
