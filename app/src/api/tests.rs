//! The API as callers meet it.
