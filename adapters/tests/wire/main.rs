//! The transport and the adapters against the sandbox provider, over real HTTP.
mod calcom;
mod desk;
mod drive;
mod faults;
mod instagram;
mod isolation;
mod linkedin;
mod provider;
mod resend;
mod steps;
mod twilio;
