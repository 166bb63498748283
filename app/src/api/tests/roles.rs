//! Every route × everybody: let in, or refused in the right way; and what the audit log says about it.
use countersign_core::actor::{Actor, Role};
use countersign_core::bearer::{self, Bearer};
use countersign_core::operator;
use countersign_core::secret::SecretText;
use serde_json::{Value, json};

use super::requests::{Prepared, file, own_line, prepare};
use super::{DAY, Served};
use crate::api::matrix::{Least, MATRIX, Method, Route};

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Who {
    Nobody,
    Unknown,
    Revoked,
    Agent,
    Viewer,
    Approver,
    Admin,
    AdminElsewhere,
}

const ALL: [Who; 8] = [
    Who::Nobody,
    Who::Unknown,
    Who::Revoked,
    Who::Agent,
    Who::Viewer,
    Who::Approver,
    Who::Admin,
    Who::AdminElsewhere,
];

/// What a refused caller is told; `None` for one who may.
fn refusal(who: Who, least: Least) -> Option<(u16, &'static str)> {
    let forbidden = Some((403, "forbidden"));
    match (who, least) {
        (Who::Nobody | Who::Unknown | Who::Revoked, _) => Some((401, "unauthorized")),
        (Who::AdminElsewhere, _) => Some((404, "not-found")),
        (Who::Admin, _) => None,
        (Who::Approver, Least::Role(Role::Admin)) => forbidden,
        (Who::Approver, _) => None,
        (Who::Viewer, Least::Role(Role::Viewer)) => None,
        (Who::Viewer, _) => forbidden,
        (Who::Agent, Least::Own) => None,
        (Who::Agent, _) => forbidden,
    }
}

impl Served {
    async fn whose(&self, token: &str) -> Actor {
        let text = SecretText::new(token.to_owned());
        match bearer::authenticate(&self.world.pool, &text, "a test").await {
            Ok(Bearer::LetIn(_, actor)) => actor,
            other => panic!("not let in: {other:?}"),
        }
    }

    /// The newest entry of the company's log: kind, id and action; what the door itself notes aside.
    async fn newest(&self) -> String {
        let query = format!(
            "SELECT concat_ws(' ', actor_kind, actor_id, action, detail ->> 'asked') FROM crm_audit_log
             WHERE company_id = '{}' AND action NOT LIKE '%.token_%' ORDER BY id DESC LIMIT 1",
            self.world.company
        );
        self.world.text(&query).await
    }
}

/// I10, S13, S25, S42, S43: the table of roles holds for every route, and the log says who did or tried what.
#[tokio::test]
async fn every_route_lets_in_whom_the_matrix_names() {
    let served = Served::new().await;
    let world = &served.world;
    let made = operator::token::make(&world.pool, &world.admin, world.company, "ada", "old", DAY).await;
    let made = made.expect("a token");
    let revoked = made.text.expose().to_owned();
    operator::token::revoke(&world.pool, &world.admin, world.company, made.id).await.expect("revokes");
    let unknown = format!("cst_{}", "0".repeat(64));
    let agent = served.whose(&served.agent).await;
    for route in MATRIX {
        for who in ALL {
            let token = match who {
                Who::Nobody => "",
                Who::Unknown => &unknown,
                Who::Revoked => &revoked,
                Who::Agent => &served.agent,
                Who::Viewer => &served.viewer,
                Who::Approver => &served.approver,
                Who::Admin => &served.admin,
                Who::AdminElsewhere => &served.stranger,
            };
            let drafter = if who == Who::Agent { &agent } else { &world.second };
            let prepared = prepare(world, route, drafter).await;
            ask(&served, route, who, token, prepared).await;
        }
    }
}

async fn ask(served: &Served, route: &Route, who: Who, token: &str, prepared: Prepared) {
    let Prepared { path, body, status } = prepared;
    let method = route.method.as_str();
    let label = format!("{who:?} {method} {}", route.path);
    let (before, newest) = (rows(served).await, served.newest().await);
    let reply = served.ask(token, method, &path, body).await;
    let after = served.newest().await;
    match refusal(who, route.least) {
        Some((status, code)) => {
            assert_eq!((reply.status, reply.body["code"].as_str()), (status, Some(code)), "{label}");
            assert_eq!(reply.headers.contains_key("www-authenticate"), status == 401, "{label}");
            assert_eq!(rows(served).await, before, "{label} changed something");
            let expected = match status {
                403 => {
                    let actor = served.whose(token).await;
                    let id = actor.id().expect("an id");
                    format!("{} {id} api.refused {method} {}", actor.kind(), route.path)
                }
                _ => newest,
            };
            assert_eq!(after, expected, "{label}");
        }
        None => {
            assert_eq!(reply.status, status, "{label}: {}", reply.body);
            let is_change = route.method != Method::Get && status == 200;
            assert_eq!(after != newest, is_change, "{label}: {after}");
            if is_change {
                let actor = served.whose(token).await;
                let begin = format!("{} {} ", actor.kind(), actor.id().expect("an id"));
                assert!(after.starts_with(&begin), "{label}: {after}");
            }
        }
    }
}

/// Everything of the company but its log and what is counted.
async fn rows(served: &Served) -> String {
    let query = format!(
        "SELECT concat_ws(' ',
           (SELECT string_agg(status || round || encode(payload_sha256, 'hex'), ',' ORDER BY id) FROM crm_activities WHERE company_id = '{0}'),
           (SELECT count(*) FROM crm_contacts WHERE company_id = '{0}'), (SELECT count(*) FROM crm_accounts WHERE company_id = '{0}'),
           (SELECT string_agg(row(o.*)::text, ',' ORDER BY id) FROM crm_outboxes o WHERE company_id = '{0}'),
           (SELECT count(*) FROM crm_suppressions WHERE company_id = '{0}'), (SELECT count(*) FROM crm_allowlist WHERE company_id = '{0}'),
           (SELECT count(*) FROM crm_decisions WHERE company_id = '{0}'))",
        served.world.company
    );
    served.world.text(&query).await
}

/// I10, S36: what an agent reaches is these routes and no others; none of them tells what came in.
#[test]
fn agents_reach_their_drafts_and_nothing_else() {
    let reached: Vec<_> =
        MATRIX.iter().filter(|route| route.least == Least::Own).map(|route| route.path).collect();
    assert_eq!(reached, ["/send", "/drafts/{id}/revise", "/drafts/{id}/withdraw"]);
}

/// I10: an agent is told that a draft of somebody else is not its own, and that stays as it is; the log says that it tried.
#[tokio::test]
async fn an_agent_cannot_touch_drafts_of_others() {
    let served = Served::new().await;
    let world = &served.world;
    let agent = served.whose(&served.agent).await;
    for route in MATRIX.iter().filter(|route| route.path.starts_with("/drafts")) {
        let Prepared { path, body, .. } = prepare(world, route, &world.second).await;
        let before = rows(&served).await;
        served.post(&served.agent, &path, body.unwrap_or(Value::Null)).await.is(403, "forbidden");
        assert_eq!(rows(&served).await, before);
        assert_eq!(served.newest().await, refused(&agent, &format!("POST {}", route.path)));
    }
    let theirs = file(world, &world.second).await;
    let query = "SELECT recipient FROM crm_activity_details ORDER BY activity_id DESC LIMIT 1";
    let person = world.text(query).await;
    let mut line = own_line(1);
    (line["to"], line["supersedes"]) = (person.into(), json!(theirs.id));
    served.post(&served.agent, "/send", line).await.is(403, "forbidden");
    assert_eq!(served.newest().await, refused(&agent, "POST /send"));
}

/// What the log says of a refusal.
fn refused(actor: &Actor, asked: &str) -> String {
    format!("{} {} api.refused {asked}", actor.kind(), actor.id().expect("an id"))
}

/// Whoever asks in another company is known in their own.
#[tokio::test]
async fn who_asks_in_another_company_is_on_record_in_their_own() {
    let served = Served::new().await;
    let here = served.newest().await;
    served.get(&served.stranger, "/queue").await.is(404, "not-found");
    assert_eq!(served.newest().await, here);
    let there = format!(
        "SELECT concat_ws(' ', actor_kind, actor_id, action, detail ->> 'asked') FROM crm_audit_log
         WHERE company_id = '{}' AND action = 'api.refused'",
        served.elsewhere
    );
    assert_eq!(served.world.text(&there).await, refused(&served.eve, "GET /queue of another company"));
}

/// The log is not filled by those who ask again and again: the same refusal is one row a minute.
#[tokio::test]
async fn the_same_refusal_is_recorded_once_a_minute() {
    let served = Served::new().await;
    let world = &served.world;
    let made = operator::token::make(&world.pool, &world.admin, world.company, "ada", "old", DAY).await;
    let made = made.expect("a token");
    operator::token::revoke(&world.pool, &world.admin, world.company, made.id).await.expect("revokes");
    let theirs = file(world, &world.second).await;
    let withdraw = format!("/drafts/{}/withdraw", theirs.id);
    for _ in 0..3 {
        served.get(made.text.expose(), "/queue").await.is(401, "unauthorized");
        served.get(made.text.expose(), "/accounts").await.is(401, "unauthorized");
        served.get(&served.agent, "/queue").await.is(403, "forbidden");
        served.get(&served.agent, "/accounts").await.is(403, "forbidden");
        served.get(&served.stranger, "/queue").await.is(404, "not-found");
        served.post(&served.agent, &withdraw, json!({ "reason": "no" })).await.is(403, "forbidden");
    }
    let recorded = "SELECT string_agg(action || ' ' || count, ', ' ORDER BY action) FROM
        (SELECT action, count(*) FROM crm_audit_log WHERE action LIKE '%refused' GROUP BY 1) AS refusals";
    assert_eq!(world.text(recorded).await, "api.refused 4, operator.token_refused 1");
}
