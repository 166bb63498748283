//! Tests of the console: keys through `update`, pictures of screens, and what hostile text can reach.
mod bench;
mod decisions;
mod editing;
mod fixtures;
mod hostile;
mod keys;
mod liveness;
mod mouse;
mod moving;
mod palette;
mod picture;
mod screens;
mod sizes;
mod table;
mod themes;
mod triage;
