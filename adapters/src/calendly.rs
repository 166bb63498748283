//! Meetings that are booked through Calendly. Nothing is sent through it; it tells who booked.
pub(crate) mod webhook;
