//! Accounts and contacts as they are known beforehand: importing lists of them and reading them back. Not the allowlist, which says who
//! may be written to, and not drafts, which make the contacts they need by themselves.
//!
//! `check` is what a line may say, `merge` what becomes of what was known (pure); `import` is the use case, `view` what people read, `store*`
//! hold the SQL.
pub mod check;
mod import;
pub mod merge;
mod store;
pub mod store_read;
pub mod view;

pub use import::{Report, import_accounts, import_contacts};
