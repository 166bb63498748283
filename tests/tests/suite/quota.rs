//! Quota: taken in one statement, given back on the same day, never below zero and never above the cap.
use countersign_core::ids::OutboxId;
use countersign_core::quota::day::local_day;
use countersign_core::quota::store::{refund, take};
use countersign_tests::world::{World, mail_outbox};
use jiff::civil::{Date, date};
use jiff::{SignedDuration, Timestamp};
use sqlx::PgPool;

const DAY: Date = date(2199, 6, 1);

/// A bucket of that cap, already on [`DAY`].
async fn bucket(cap: i32, sent: i32) -> (World, OutboxId) {
    let world = World::new().await;
    let mut outbox = mail_outbox("capped");
    outbox.daily_cap = cap;
    let outbox = world.add_outbox(&outbox).await;
    world
        .sql(&format!("UPDATE crm_credential_buckets SET day = '{DAY}', sent_today = {sent} WHERE outbox_id = '{outbox}'"))
        .await;
    (world, outbox)
}

async fn take_of(world: &World, pool: &PgPool, outbox: OutboxId, day: Date, wanted: i32) -> i32 {
    let mut conn = pool.acquire().await.expect("a connection");
    take(&mut conn, world.company, outbox, day, wanted).await.expect("takes").0
}

async fn refund_of(world: &World, pool: &PgPool, outbox: OutboxId, day: Date, unused: i32) {
    let mut conn = pool.acquire().await.expect("a connection");
    refund(&mut conn, world.company, outbox, day, unused).await.expect("gives back");
}

/// R10, I3: sixty-four at once for the last one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_sixty_four_takers_one_gets_the_last() {
    let (world, outbox) = bucket(10, 9).await;
    let pool = world.wide_pool(64).await;
    let company = world.company;
    let takers: Vec<_> = (0..64)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move {
                let mut conn = pool.acquire().await.expect("a connection");
                take(&mut conn, company, outbox, DAY, 1).await.expect("takes").0
            })
        })
        .collect();
    let mut taken = 0;
    for taker in takers {
        taken += taker.await.expect("ends");
    }
    assert_eq!((taken, world.sent_today(outbox).await), (1, 10));
}

/// Takers of many get what is left, and hear how much that was.
#[tokio::test]
async fn a_batch_takes_what_is_left() {
    let (world, outbox) = bucket(10, 0).await;
    let mut granted = Vec::new();
    for wanted in [4, 4, 4, 1] {
        granted.push(take_of(&world, &world.pool, outbox, DAY, wanted).await);
    }
    assert_eq!(granted, [4, 4, 2, 0]);
}

/// R22: a new local day starts the count anew, once; a clock or zone that goes back does not.
#[tokio::test]
async fn only_a_later_day_starts_anew() {
    let (world, outbox) = bucket(3, 3).await;
    let yesterday = DAY.yesterday().expect("a day");
    let tomorrow = DAY.tomorrow().expect("a day");
    assert_eq!(take_of(&world, &world.pool, outbox, DAY, 1).await, 0);
    assert_eq!(take_of(&world, &world.pool, outbox, yesterday, 1).await, 0);
    assert_eq!(take_of(&world, &world.pool, outbox, tomorrow, 2).await, 2);
    // The clock goes back by a day: what is taken counts for the day the bucket has reached.
    assert_eq!(take_of(&world, &world.pool, outbox, DAY, 2).await, 1);
    assert_eq!(world.sent_today(outbox).await, 3);
}

/// What was taken on another day is not given back to this one.
#[tokio::test]
async fn only_the_same_day_gets_its_quota_back() {
    let (world, outbox) = bucket(10, 5).await;
    refund_of(&world, &world.pool, outbox, DAY.yesterday().expect("a day"), 1).await;
    refund_of(&world, &world.pool, outbox, DAY.tomorrow().expect("a day"), 1).await;
    assert_eq!(world.sent_today(outbox).await, 5);
    refund_of(&world, &world.pool, outbox, DAY, 2).await;
    assert_eq!(world.sent_today(outbox).await, 3);
}

/// I3: giving back too much ends at zero.
#[tokio::test]
async fn a_bucket_is_never_below_zero() {
    let (world, outbox) = bucket(10, 1).await;
    refund_of(&world, &world.pool, outbox, DAY, 5).await;
    assert_eq!(world.sent_today(outbox).await, 0);
    assert_eq!(take_of(&world, &world.pool, outbox, DAY, 20).await, 10);
}

/// Whoever takes hears for which day, so that a refund finds it: the bucket's, when the clock went back.
#[tokio::test]
async fn a_taker_hears_whose_quota_it_is() {
    let (world, outbox) = bucket(10, 0).await;
    let mut conn = world.pool.acquire().await.expect("a connection");
    let yesterday = DAY.yesterday().expect("a day");
    let taken = take(&mut conn, world.company, outbox, yesterday, 2).await.expect("takes");
    assert_eq!(taken, (2, DAY));
}

/// A cap of nothing lets nothing through.
#[tokio::test]
async fn a_cap_of_zero_grants_nothing() {
    let (world, outbox) = bucket(0, 0).await;
    assert_eq!(take_of(&world, &world.pool, outbox, DAY, 1).await, 0);
    assert_eq!(take_of(&world, &world.pool, outbox, DAY.tomorrow().expect("a day"), 1).await, 0);
}

/// R22, S49: hour by hour through the days on which Paris changes its clocks, a cap is granted once a local day.
#[tokio::test]
async fn a_day_of_23_or_25_hours_is_one_quota_day() {
    for start in ["2199-03-29T22:00:00Z", "2199-10-25T20:00:00Z"] {
        let (world, outbox) = bucket(1, 0).await;
        world
            .sql(&format!(
                "UPDATE crm_credential_buckets SET day = '2199-01-01' WHERE outbox_id = '{outbox}'"
            ))
            .await;
        let start: Timestamp = start.parse().expect("a time");
        let hours = (0..72).map(|hour| start + SignedDuration::from_hours(hour));
        let (mut granted, mut days) = (0, Vec::new());
        for hour in hours {
            let day = local_day(hour, "Europe/Paris");
            granted += take_of(&world, &world.pool, outbox, day, 1).await;
            days.push(day);
        }
        days.dedup();
        assert_eq!(usize::try_from(granted), Ok(days.len()), "from {start}");
    }
}

/// I3: takers and givers at random, many at once: the bucket says what was taken less what was given back, within its bounds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_keeps_its_bounds_under_any_traffic() {
    const CAP: i32 = 40;
    let (world, outbox) = bucket(CAP, 0).await;
    let (pool, company) = (world.wide_pool(16).await, world.company);
    let workers: Vec<_> = (0..16_u64)
        .map(|seed| {
            let pool = pool.clone();
            tokio::spawn(async move {
                let (mut dice, mut held) = (fastrand::Rng::with_seed(seed), 0);
                let mut conn = pool.acquire().await.expect("a connection");
                for _ in 0..60 {
                    if held > 0 && dice.bool() {
                        let unused = dice.i32(1..=held);
                        refund(&mut conn, company, outbox, DAY, unused).await.expect("gives back");
                        held -= unused;
                    } else {
                        held +=
                            take(&mut conn, company, outbox, DAY, dice.i32(1..=9)).await.expect("takes").0;
                    }
                    let sent: i32 = sqlx::query_scalar(
                        "SELECT sent_today FROM crm_credential_buckets WHERE outbox_id = $1",
                    )
                    .bind(outbox.0)
                    .fetch_one(&mut *conn)
                    .await
                    .expect("reads");
                    assert!((0..=CAP).contains(&sent), "{sent} of {CAP}");
                }
                held
            })
        })
        .collect();
    let mut held = 0;
    for worker in workers {
        held += worker.await.expect("ends");
    }
    assert_eq!(world.sent_today(outbox).await, held);
}
