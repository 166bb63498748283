//! Webhooks, from the outside: what is proven, what is refused, and what is read out of it.
mod desk;
mod handshakes;
mod hostile;
mod reading;
mod refusals;
mod tampering;
mod vectors;
