//! S25: nothing of one company is reached from another, by path or by id.
use countersign_core::ids::CompanyId;
use serde_json::json;

use super::Served;
use super::requests::{Prepared, one_of_many, prepare};
use crate::api::matrix::MATRIX;

/// S25: ids of another company are ids of nothing, in every route that takes one, and no row is touched.
#[tokio::test]
async fn ids_of_another_company_are_unknown() {
    let served = Served::new().await;
    let world = &served.world;
    let log = format!("SELECT count(*) FROM crm_audit_log WHERE company_id = '{}'", world.company);
    for route in MATRIX.iter().filter(|route| route.path.contains("{id}")) {
        let Prepared { path, body, .. } = prepare(world, route, &world.second).await;
        let before = world.count(&log).await;
        let (token, method) = (&served.stranger, route.method.as_str());
        let reply = served.ask_in(served.elsewhere, token, method, &path, body).await;
        let is_lookup = route.path.ends_with("/lookup");
        assert!(reply.status == 404, "{method} {}: {} {is_lookup}", route.path, reply.body);
        assert_eq!(world.count(&log).await, before, "{method} {}", route.path);
    }
}

/// S25: among many items those of another company are missing.
#[tokio::test]
async fn bulk_approval_reaches_no_other_company() {
    let served = Served::new().await;
    let [item] = served.world.file_email(1).await[..] else { panic!("one item") };
    let (path, body) = ("/approvals/bulk-approve", json!({ "items": [one_of_many(item)] }));
    let reply = served.ask_in(served.elsewhere, &served.stranger, "POST", path, Some(body)).await.good();
    assert_eq!(reply["items"][0]["result"], "missing");
    assert_eq!(served.world.count("SELECT count(*) FROM crm_decisions").await, 0);
}

/// S25: a company that is not one's own looks like one that does not exist.
#[tokio::test]
async fn another_company_looks_like_none() {
    let served = Served::new().await;
    let ask = async |company| served.ask_in(company, &served.admin, "GET", "/queue", None).await;
    let (other, none) = (ask(served.elsewhere).await, ask(CompanyId::new()).await);
    other.is(404, "not-found");
    assert_eq!(other.body, none.body);
    assert_eq!(served.eve.name(), "eve");
}
