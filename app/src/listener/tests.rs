//! The listener on loopback, with a real database behind it and callers of every kind before it.
mod company;
mod desk;
mod good;
mod hostile;
mod links;
mod many;
mod measured;
mod standing;
