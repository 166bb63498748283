//! The private PostgreSQL server that is used when nobody names another database.
//!
//! Every process that needs the server holds a shared lock on the file `lease` while it lives. One detached
//! supervisor holds `supervisor.lock`, is PostgreSQL's parent, and waits for an exclusive lock on `lease`: the kernel
//! grants it when the last process ends, however that process ended, and then the server is stopped. No process ever
//! has to clean up after another one.
//!
//! This module starts, watches and stops the server and says how to connect. It opens no pool, creates no
//! database and knows no migration.
mod binaries;
mod cluster;
mod control;
mod credentials;
mod error;
mod folders;
mod hidden;
mod lease;
mod leftover;
mod location;
mod locks;
mod probe;
mod server;
mod stage;
mod supervisor;
mod temporary;

pub use control::{Status, Stopped, status, stop};
pub use error::PrivateError;
pub use hidden::run_hidden;
pub use lease::{Launcher, Lease, acquire};
pub use location::Location;
pub use stage::{Stage, Waiting};
pub use temporary::TemporaryServer;

/// The database role every client works as. It owns its databases and is no superuser.
const CLIENT_ROLE: &str = "countersign";
/// The superuser of the cluster. No running process connects as this role.
const ADMIN_ROLE: &str = "countersign_admin";
/// Names the socket file; nothing listens on TCP.
const PORT: u16 = 5432;
