//! Tests of the console: keys through `update`, pictures of screens, and what hostile text can reach.
mod activity;
mod bench;
mod decisions;
mod editing;
mod fixtures;
mod hostile;
mod keys;
mod liveness;
mod look_alike;
mod moving;
mod picture;
mod reading;
mod screens;
mod sizes;
mod triage;
