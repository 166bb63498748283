//! Agents with credentials of their own: they draft, change and withdraw what they drafted, and nothing else.
use std::time::Duration;

use countersign_core::activity::status::Status;
use countersign_core::actor::Actor;
use countersign_core::approval::{self, Item, ItemOutcome};
use countersign_core::bearer::{self, Bearer};
use countersign_core::contact::suppression::{Identity, lift};
use countersign_core::draft::{self, DraftInput, revise_content, withdraw};
use countersign_core::error::Error;
use countersign_core::secret::SecretText;
use countersign_core::{agent, operator, outbox};
use countersign_tests::world::{World, draft as line, rendering};
use serde_json::{Value, json};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Adds an agent and lets it in by a token.
async fn let_in(world: &World, name: &str) -> (Actor, SecretText) {
    agent::add(&world.pool, &world.admin, world.company, name).await.expect("an agent can be added");
    let made = agent::token::make(&world.pool, &world.admin, world.company, name, "first", DAY).await;
    let text = made.expect("a token can be made").text;
    (show(world, &text).await.expect("is let in"), text)
}

async fn show(world: &World, text: &SecretText) -> Result<Actor, Error> {
    match bearer::authenticate(&world.pool, text, "a test").await? {
        Bearer::LetIn(company, actor) => {
            assert_eq!(company, world.company);
            Ok(actor)
        }
        Bearer::Dead(dead) => {
            bearer::record_dead(&world.pool, &dead, "a test").await?;
            Err(Error::Refused(dead.why))
        }
        Bearer::Nobody => panic!("somebody has this token"),
    }
}

fn input(number: usize) -> DraftInput {
    let mut line = line(number);
    line.as_object_mut().expect("an object").remove("proposedBy");
    serde_json::from_value(line).expect("a draft")
}

async fn file(world: &World, actor: &Actor, input: DraftInput) -> Result<Item, Error> {
    let report = draft::add(&world.pool, actor, world.company, input, &rendering()).await?;
    assert!(report.errors.is_empty(), "{:?}", report.errors);
    Ok(world.items(&[report.filed[0].id]).await[0])
}

fn content() -> Value {
    json!({ "subject": "Another offer", "text": "Dear person,\nother words." })
}

#[track_caller]
fn assert_forbidden<T: std::fmt::Debug>(result: &Result<T, Error>) {
    assert!(matches!(result, Err(Error::Forbidden { .. })), "{result:?}");
}

/// I10: what an agent drafted is its own, by its credential and not by its name.
#[tokio::test]
async fn an_agent_changes_and_withdraws_its_own_drafts_alone() {
    let world = World::new().await;
    let (scout, _) = let_in(&world, "scout").await;
    let (writer, _) = let_in(&world, "writer").await;
    // Filed under the name of the agent by an import, without its credential.
    let [imported] = world.file_email(1).await[..] else { panic!("one item") };
    let own = file(&world, &scout, input(2)).await.expect("files");
    let by = format!("SELECT proposed_by FROM crm_activity_details WHERE activity_id = '{}'", own.id);
    assert_eq!(world.text(&by).await, "scout");
    let revise = async |actor: &Actor, item: Item| {
        revise_content(&world.pool, actor, world.company, item, &content(), &rendering()).await
    };
    for (actor, item) in
        [(&scout, imported), (&writer, own), (&Actor::Agent { name: "scout".to_owned() }, own)]
    {
        assert_forbidden(&revise(actor, item).await);
        assert_forbidden(&withdraw(&world.pool, actor, world.company, item.id, "no").await);
    }
    let revised = revise(&scout, own).await.expect("answers").outcome;
    let ItemOutcome::Revised { payload_sha256 } = revised else { panic!("{revised:?}") };
    assert_eq!(world.hash(own.id).await, payload_sha256);
    let gone = withdraw(&world.pool, &scout, world.company, own.id, "too early").await.expect("answers");
    assert_eq!(gone.outcome, ItemOutcome::Withdrawn);
    assert_eq!(world.audit(own.id).await, ["draft.file", "draft.revise", "draft.withdraw"]);
    let who = "SELECT count(*) FROM crm_audit_log l JOIN crm_agents a ON a.id = l.actor_id
        WHERE l.actor_kind = 'agent' AND l.actor_name = 'scout' AND l.action LIKE 'draft.%'";
    assert_eq!(world.count(who).await, 3);
}

/// I10: an agent replaces no draft of somebody else.
#[tokio::test]
async fn an_agent_supersedes_its_own_drafts_alone() {
    let world = World::new().await;
    let (scout, _) = let_in(&world, "scout").await;
    let [foreign] = world.file_email(1).await[..] else { panic!("one item") };
    let replacing = |number: usize, item: Item, key: &str| {
        let mut input = input(number);
        input.supersedes = Some(item.id);
        input.client_dedup_key = Some(key.to_owned());
        input
    };
    assert_forbidden(&file(&world, &scout, replacing(1, foreign, "again-1")).await);
    assert_eq!(world.status(foreign.id).await, Status::DraftPendingApproval);
    let own = file(&world, &scout, input(2)).await.expect("files");
    file(&world, &scout, replacing(2, own, "again-2")).await.expect("files");
    assert_eq!(world.status(own.id).await, Status::Superseded);
}

/// I10: no way leads from an agent's credential to a decision, a suppression or a switch.
#[tokio::test]
async fn an_agent_decides_nothing() {
    let world = World::new().await;
    let (scout, _) = let_in(&world, "scout").await;
    let (pool, company) = (&world.pool, world.company);
    let own = file(&world, &scout, input(1)).await.expect("files");
    assert_forbidden(&approval::approve(pool, &scout, company, &[own]).await);
    assert_forbidden(&approval::reject(pool, &scout, company, &[own], "no").await);
    assert_forbidden(&approval::undo(pool, &scout, company, &[own.id]).await);
    let identity = Identity::parse("person-1@example.com").expect("an identity");
    assert_forbidden(&lift(pool, &scout, company, &identity, "please").await);
    assert_forbidden(&outbox::pause(pool, &scout, company, world.outbox, "no").await);
    assert_forbidden(&outbox::kill_all(pool, &scout, company, None, "no").await);
    assert_forbidden(&outbox::resume(pool, &scout, company, world.outbox).await);
    assert_forbidden(&agent::add(pool, &scout, company, "friend").await);
    assert_forbidden(&agent::token::make(pool, &scout, company, "scout", "longer", DAY).await);
    // A name that is an operator's makes no operator of it.
    let (namesake, text) = let_in(&world, "ada").await;
    assert_forbidden(&approval::approve(pool, &namesake, company, &[own]).await);
    let login = operator::token::authenticate(pool, company, "ada", &text, "somebody").await;
    assert!(matches!(login, Err(Error::Refused(_))), "{login:?}");
}

/// S43: revoked, expired and disabled are dead at the next request, also for one that is in already.
#[rstest::rstest]
#[case::revoked("was revoked")]
#[case::expired("has expired")]
#[case::disabled("was disabled")]
#[tokio::test]
async fn an_agent_that_is_shut_out_files_nothing(#[case] words: &str) {
    let world = World::new().await;
    let (scout, text) = let_in(&world, "scout").await;
    let own = file(&world, &scout, input(1)).await.expect("files");
    match words {
        "was revoked" => {
            let listed = agent::token::list(&world.pool, &world.admin, world.company, "scout").await;
            let id = listed.expect("lists")[0].id;
            agent::token::revoke(&world.pool, &world.admin, world.company, id).await.expect("revokes");
        }
        "was disabled" => {
            let done = agent::disable(&world.pool, &world.admin, world.company, "scout").await;
            assert_eq!(done.expect("disables").tokens, 1);
        }
        _ => world.sql("UPDATE crm_agent_tokens SET created_at = now() - interval '2 days', expires_at = now() - interval '1 second'").await,
    }
    let refused = [
        show(&world, &text).await.map(drop),
        file(&world, &scout, input(2)).await.map(drop),
        withdraw(&world.pool, &scout, world.company, own.id, "no").await.map(drop),
    ];
    for refused in refused {
        assert!(matches!(&refused, Err(Error::Refused(why)) if why.contains(words)), "{refused:?}");
    }
    assert_eq!(world.count("SELECT count(*) FROM crm_activities").await, 1);
    let recorded = "SELECT count(*) FROM crm_audit_log WHERE action = 'agent.token_refused'";
    assert_eq!(world.count(recorded).await, 1);
}

/// S12: whoever adds a draft by a token of theirs is its drafter as if they were there in person.
#[tokio::test]
async fn a_token_makes_no_second_person() {
    let world = World::new().await;
    let made = operator::token::make(&world.pool, &world.approver, world.company, "ben", "script", DAY).await;
    let ben = show(&world, &made.expect("is made").text).await.expect("is let in");
    let own = file(&world, &ben, input(1)).await.expect("files");
    for actor in [&ben, &world.approver] {
        let results = world.try_approve(actor, &[own]).await;
        assert!(matches!(results[0].outcome, ItemOutcome::Refused { .. }), "{results:?}");
    }
    let results = world.try_approve(&world.second, &[own]).await;
    assert!(matches!(results[0].outcome, ItemOutcome::Approved { .. }), "{results:?}");
}

/// What was approved and has not left can be withdrawn; it is not sent any more.
#[tokio::test]
async fn what_is_holding_can_be_withdrawn() {
    let world = World::new().await;
    let (scout, _) = let_in(&world, "scout").await;
    let own = file(&world, &scout, input(1)).await.expect("files");
    world.approve(&[own]).await;
    let gone = withdraw(&world.pool, &scout, world.company, own.id, "they called").await.expect("answers");
    assert_eq!(gone.outcome, ItemOutcome::Withdrawn);
    let again = withdraw(&world.pool, &scout, world.company, own.id, "they called").await.expect("answers");
    assert_eq!(again.outcome, ItemOutcome::Already { status: Status::Withdrawn });
    let undone = world.undo(&[own.id]).await;
    assert!(matches!(undone[0].outcome, ItemOutcome::Taken { .. }), "{undone:?}");
}
