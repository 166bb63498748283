//! The suites that need a real PostgreSQL, in one binary: starting a server costs more than most tests.
#[path = "suite/accounts.rs"]
mod accounts;
#[path = "suite/agents.rs"]
mod agents;
#[path = "suite/another_server.rs"]
mod another_server;
#[path = "suite/approvals.rs"]
mod approvals;
#[path = "suite/architecture.rs"]
mod architecture;
#[path = "suite/attachments.rs"]
mod attachments;
#[path = "suite/attacks.rs"]
mod attacks;
#[path = "suite/calcom.rs"]
mod calcom;
#[path = "suite/checks.rs"]
mod checks;
#[path = "suite/circuit.rs"]
mod circuit;
#[path = "suite/contention.rs"]
mod contention;
#[path = "suite/coverage.rs"]
mod coverage;
#[path = "suite/database_faults.rs"]
mod database_faults;
#[path = "suite/deferrals.rs"]
mod deferrals;
#[path = "suite/demo_channels.rs"]
mod demo_channels;
#[path = "suite/disk_full.rs"]
mod disk_full;
#[path = "suite/dispatch.rs"]
mod dispatch;
#[path = "suite/echoes.rs"]
mod echoes;
#[path = "suite/engines.rs"]
mod engines;
#[path = "suite/evidence.rs"]
mod evidence;
#[path = "suite/faults.rs"]
mod faults;
#[path = "suite/fetching.rs"]
mod fetching;
#[path = "suite/filing.rs"]
mod filing;
#[path = "suite/gates.rs"]
mod gates;
#[path = "suite/hanging.rs"]
mod hanging;
#[path = "suite/inbound.rs"]
mod inbound;
#[path = "suite/inbox.rs"]
mod inbox;
#[path = "suite/injections.rs"]
mod injections;
#[path = "suite/instagram.rs"]
mod instagram;
#[path = "suite/linkedin.rs"]
mod linkedin;
#[path = "suite/look_alikes.rs"]
mod look_alikes;
#[path = "suite/metadata.rs"]
mod metadata;
#[path = "suite/migrations.rs"]
mod migrations;
#[path = "suite/operators.rs"]
mod operators;
#[path = "suite/outboxes.rs"]
mod outboxes;
#[path = "suite/phases.rs"]
mod phases;
#[path = "suite/plans.rs"]
mod plans;
#[path = "suite/quota.rs"]
mod quota;
#[path = "suite/races.rs"]
mod races;
#[path = "suite/reading.rs"]
mod reading;
#[path = "suite/recovery.rs"]
mod recovery;
#[path = "suite/repair.rs"]
mod repair;
#[path = "suite/replies.rs"]
mod replies;
#[path = "suite/revising.rs"]
mod revising;
#[path = "suite/second_person.rs"]
mod second_person;
#[path = "suite/secrets.rs"]
mod secrets;
#[path = "suite/settling.rs"]
mod settling;
#[path = "suite/shut_out.rs"]
mod shut_out;
#[path = "suite/state_machine.rs"]
mod state_machine;
#[path = "suite/stops.rs"]
mod stops;
#[path = "suite/syncing.rs"]
mod syncing;
#[path = "suite/transitions.rs"]
mod transitions;
#[path = "suite/triage.rs"]
mod triage;
#[path = "suite/unsubscribing.rs"]
mod unsubscribing;
#[path = "suite/whatsapp.rs"]
mod whatsapp;
