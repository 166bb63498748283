//! The transport and the mail adapter against the sandbox provider, over real HTTP.
mod desk;
mod drive;
mod faults;
mod isolation;
mod provider;
mod twilio;
