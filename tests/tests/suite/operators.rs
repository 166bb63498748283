//! Operators and their tokens: who is let in, as whom, and until when.
use std::time::Duration;

use countersign_core::actor::{Actor, Role};
use countersign_core::error::Error;
use countersign_core::operator::token;
use countersign_core::secret::SecretText;
use countersign_core::token::{NewToken, TOKENS_LIMIT};
use countersign_core::{company, operator, outbox};
use countersign_tests::world::World;

const DAY: Duration = Duration::from_secs(24 * 3600);

async fn token_of(world: &World, name: &str) -> NewToken {
    token::make(&world.pool, &world.admin, world.company, name, "night shift", DAY).await.expect("is made")
}

async fn login(world: &World, name: &str, text: &str) -> Result<Actor, Error> {
    let text = SecretText::new(text.to_owned());
    token::authenticate(&world.pool, world.company, name, &text, "somebody").await
}

#[track_caller]
fn assert_refused<T: std::fmt::Debug>(result: Result<T, Error>, words: &str) {
    match result {
        Err(Error::Refused(sentence)) if sentence.contains(words) => {}
        other => panic!("should be refused with `{words}`: {other:?}"),
    }
}

async fn audited(world: &World, action: &str) -> i64 {
    world.count(&format!("SELECT count(*) FROM crm_audit_log WHERE action = '{action}'")).await
}

/// S43: a token lets its holder act as its operator, with that operator's role and under that name.
#[tokio::test]
async fn a_token_lets_its_holder_act_as_its_operator() {
    let world = World::new().await;
    let made = token_of(&world, "ben").await;
    let ben = login(&world, "ben", made.text.expose()).await.expect("is let in");
    assert_eq!((ben.id(), ben.name(), ben.role()), (world.approver.id(), "ben", Some(Role::Approver)));
    let items = world.file_email(1).await;
    let results = world.try_approve(&ben, &items).await;
    assert_eq!(results.len(), 1);
    assert_eq!(world.count("SELECT count(*) FROM crm_decisions WHERE verdict = 'approve'").await, 1);
    // What ben may not do, ben's token may not do either.
    let refused = operator::add(&world.pool, &ben, world.company, "eve", Role::Admin).await;
    assert!(matches!(refused, Err(Error::Forbidden { needed: Role::Admin, .. })), "{refused:?}");
    let listed = token::list(&world.pool, &world.approver, world.company, "ben").await.expect("lists");
    assert!(listed[0].is_usable && listed[0].last_used_at.is_some(), "{listed:?}");
    let counts = (audited(&world, "operator.token_add").await, audited(&world, "operator.token_use").await);
    assert_eq!(counts, (1, 1));
}

/// S43: revoked, expired and disabled are dead at the next request, also for those who are in already.
#[rstest::rstest]
#[case::revoked("was revoked")]
#[case::expired("has expired")]
#[case::disabled("was disabled")]
#[tokio::test]
async fn what_lost_its_force_is_dead_at_the_next_request(#[case] how: &str) {
    let world = World::new().await;
    let made = token_of(&world, "ben").await;
    let ben = login(&world, "ben", made.text.expose()).await.expect("is let in");
    let items = world.file_email(1).await;
    match how {
        "was revoked" => {
            token::revoke(&world.pool, &world.admin, world.company, made.id).await.expect("is revoked");
        }
        "has expired" => {
            world.sql("UPDATE crm_operator_tokens SET created_at = now() - interval '2 days', expires_at = now() - interval '1 second'").await;
        }
        _ => {
            operator::disable(&world.pool, &world.admin, world.company, "ben").await.expect("is disabled");
        }
    }
    let mut conn = world.pool.acquire().await.expect("a connection");
    assert_refused(operator::check(&mut conn, &ben, world.company).await, how);
    drop(conn);
    assert_refused(countersign_core::approval::approve(&world.pool, &ben, world.company, &items).await, how);
    assert_refused(outbox::pause(&world.pool, &ben, world.company, world.outbox, "why").await, how);
    assert_refused(login(&world, "ben", made.text.expose()).await, how);
    assert_eq!(world.count("SELECT count(*) FROM crm_decisions").await, 0);
    assert_eq!(audited(&world, "approval.refused").await, 1);
    assert_eq!(audited(&world, "operator.token_refused").await, 1);
}

/// S43: a wrong token is refused, and the refusal of another operator's good one reads the same; each is recorded.
#[tokio::test]
async fn a_wrong_token_is_refused_and_recorded() {
    let world = World::new().await;
    let cleo = token_of(&world, "cleo").await;
    let other = company::add(&world.pool, "other", "Other", true, "ben").await.expect("is added").0;
    let mut tries = vec![cleo.text.expose().to_owned(), String::new(), "cst_".to_owned(), "0".repeat(68)];
    tries.extend((0..16).map(|guess| format!("cst_{guess:064x}")));
    // One bit off.
    let near = cleo.text.expose();
    let last = if near.ends_with('0') { "1" } else { "0" };
    tries.push(format!("{}{last}", &near[..near.len() - 1]));
    for text in &tries {
        assert_refused(login(&world, "ben", text).await, "that is no token of ben");
    }
    let elsewhere = SecretText::new(cleo.text.expose().to_owned());
    let result = token::authenticate(&world.pool, other.id, "cleo", &elsewhere, "x").await;
    assert_refused(result, "that is no token of cleo");
    let tries = i64::try_from(tries.len()).expect("few");
    assert_eq!(audited(&world, "operator.token_refused").await, tries + 1);
}

/// S22, S43: the text of a token stands in no table, not even of the audit log, and not in what is refused.
#[tokio::test]
async fn no_row_holds_a_token() {
    let world = World::new().await;
    let made = token_of(&world, "ben").await;
    login(&world, "ben", made.text.expose()).await.expect("is let in");
    let error = login(&world, "cleo", made.text.expose()).await.expect_err("is refused");
    let canary = &made.text.expose()[4..];
    assert!(!format!("{error} {error:?} {made:?}").contains(canary));
    let dump = super::secrets::dump(&world).await;
    let in_hex: String = made.text.expose().bytes().map(|byte| format!("{byte:02x}")).collect();
    assert!(dump.contains("operator.token_refused") && !dump.contains(canary) && !dump.contains(&in_hex));
}

/// An admin makes tokens for anyone, others for themselves; a token does not prolong itself; lives and numbers are bounded.
#[tokio::test]
async fn who_may_make_tokens_and_how_many() {
    let world = World::new().await;
    let make = async |actor: &Actor, name: &str, life: Duration| {
        token::make(&world.pool, actor, world.company, name, "x", life).await
    };
    make(&world.approver, "ben", DAY).await.expect("his own");
    assert!(matches!(make(&world.approver, "cleo", DAY).await, Err(Error::Forbidden { .. })));
    assert!(matches!(make(&world.approver, "nobody", DAY).await, Err(Error::Forbidden { .. })));
    assert!(matches!(make(&world.admin, "nobody", DAY).await, Err(Error::NotFound { .. })));
    let listed = token::list(&world.pool, &world.viewer, world.company, "ben").await;
    assert!(matches!(listed, Err(Error::Forbidden { .. })));
    for life in [Duration::ZERO, DAY * 367] {
        assert!(matches!(make(&world.admin, "ben", life).await, Err(Error::Invalid { .. })));
    }
    let made = make(&world.admin, "vic", DAY).await.expect("for anyone");
    let vic = login(&world, "vic", made.text.expose()).await.expect("is let in");
    assert_refused(make(&vic, "vic", DAY).await, "cannot prolong itself");
    for _ in 1..TOKENS_LIMIT {
        make(&world.admin, "vic", DAY).await.expect("below the limit");
    }
    assert!(matches!(make(&world.admin, "vic", DAY).await, Err(Error::Conflict(_))));
    let foreign = token::revoke(&world.pool, &world.approver, world.company, made.id).await;
    assert!(matches!(foreign, Err(Error::Forbidden { .. })));
    token::revoke(&world.pool, &world.viewer, world.company, made.id).await.expect("her own");
    make(&world.admin, "vic", DAY).await.expect("there is room again");
    let again = token::revoke(&world.pool, &world.admin, world.company, made.id).await;
    assert!(matches!(again, Err(Error::Conflict(_))));
}

/// The last admin stays; whoever is disabled can do nothing, loses their tokens, and can be let in again.
#[tokio::test]
async fn an_operator_is_shut_out_and_let_in_again() {
    let world = World::new().await;
    let made = token_of(&world, "ben").await;
    let disable =
        async |actor: &Actor, name: &str| operator::disable(&world.pool, actor, world.company, name).await;
    assert!(matches!(disable(&world.admin, "ada").await, Err(Error::Conflict(_))));
    assert!(matches!(disable(&world.approver, "vic").await, Err(Error::Forbidden { .. })));
    assert_eq!(disable(&world.admin, "ben").await.expect("is disabled").tokens, 1);
    assert!(matches!(disable(&world.admin, "ben").await, Err(Error::Conflict(_))));
    assert_refused(
        outbox::pause(&world.pool, &world.approver, world.company, world.outbox, "why").await,
        "ben was disabled",
    );
    operator::add(&world.pool, &world.admin, world.company, "ben", Role::Admin)
        .await
        .expect("is let in again");
    // With the role given now, whatever the open console believes; but not with the old token.
    outbox::pause(&world.pool, &world.approver, world.company, world.outbox, "why").await.expect("may again");
    assert_refused(login(&world, "ben", made.text.expose()).await, "was revoked");
    let mut conn = world.pool.acquire().await.expect("a connection");
    let listed = operator::store::list(&mut conn, world.company).await.expect("lists");
    let ben = listed.iter().find(|one| one.name == "ben").expect("is there");
    assert_eq!((ben.role, ben.disabled_at, ben.tokens), (Role::Admin, None, 0));
}

/// I13: two admins who disable each other at once leave one of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_admins_who_disable_each_other_leave_one() {
    let world = World::new().await;
    operator::disable(&world.pool, &world.admin, world.company, "cleo").await.expect("is disabled");
    operator::add(&world.pool, &world.admin, world.company, "cleo", Role::Admin).await.expect("is admin now");
    let (one, other) = tokio::join!(
        operator::disable(&world.pool, &world.admin, world.company, "cleo"),
        operator::disable(&world.pool, &world.second, world.company, "ada"),
    );
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    let admins = "SELECT count(*) FROM crm_operators WHERE role = 'admin' AND disabled_at IS NULL";
    assert_eq!(world.count(admins).await, 1);
}
