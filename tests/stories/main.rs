//! Stories: the real binary, in real terminals, on real databases, against the real sandbox provider.
//!
//! A story tells what a person or a machine around the program does and looks at what is left afterwards: the screen, exit codes,
//! the database, the provider's ledger, the processes. Details belong to lower layers.
//!
//! `home` is one user's folders with everything that runs in them, `child` a command under way, `screen` the program in a
//! pseudo-terminal, `provider` the sandbox provider as a process of its own, `caller` who calls a listener, `office` a company ready to
//! send, `holds` the labelled points of a dispatch, `process` what the kernel knows, and `waiting` the patience of all of them.
mod caller;
mod child;
mod holds;
mod home;
mod office;
mod process;
mod provider;
mod screen;
mod waiting;

mod command_line;
mod database_lost;
mod decisions;
mod demo;
mod editing;
mod hostile_text;
mod imports;
mod inbox;
mod interrupted;
mod keyless;
mod killed;
mod limits;
mod listening;
mod main_story;
mod panicking;
mod provider_faults;
mod quitting;
mod resources;
mod restored;
mod safety;
mod secrets;
mod server;
mod serving;
mod terminal;
mod tokens;
mod triage;
mod trying;
mod upkeep;
mod working_day;

use self::waiting::{DEADLINE, GLANCE, until, wait};
