//! Who owns the folders of the private server, and that nobody else does.
//!
//! PostgreSQL does not run as root. When root uses the private server, the data, the log and the socket belong to an
//! unprivileged service user; the lock files and passwords stay root's.
use std::fs::{self, DirBuilder, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, lchown};
use std::path::Path;

use super::error::PrivateError;

/// The user PostgreSQL runs as when root starts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ServiceUser {
    pub(super) name: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
}

impl ServiceUser {
    /// Finds the user of the PostgreSQL packages, else `nobody`.
    pub(super) fn find() -> Result<Self, PrivateError> {
        let path = Path::new("/etc/passwd");
        let users = fs::read_to_string(path).map_err(PrivateError::io("read", path))?;
        Self::find_in(&users).ok_or(PrivateError::NoServiceUser)
    }

    fn find_in(users: &str) -> Option<Self> {
        ["postgres", "nobody"].into_iter().find_map(|wanted| {
            users.lines().find_map(|line| {
                let mut fields = line.split(':');
                let name = fields.next().filter(|name| *name == wanted)?;
                let uid = fields.nth(1)?.parse().ok().filter(|uid| *uid != 0)?;
                let gid = fields.next()?.parse().ok()?;
                Some(Self { name: name.to_owned(), uid, gid })
            })
        })
    }
}

/// Creates a folder if it is missing and makes sure it is a real folder, owned by the right user, with this mode.
///
/// `service` is the owner; without one it is the user of this process.
pub(super) fn ensure(path: &Path, service: Option<&ServiceUser>, mode: u32) -> Result<(), PrivateError> {
    let own_uid = rustix::process::geteuid().as_raw();
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            return Err(PrivateError::io("create folder", path)(error));
        }
        _ => {}
    }
    let found = fs::symlink_metadata(path).map_err(PrivateError::io("look at", path))?;
    let owner = service.map_or(own_uid, |user| user.uid);
    // A folder that is still ours comes from a process that ended between creating it and giving it away.
    if !found.is_dir() || (found.uid() != owner && found.uid() != own_uid) {
        return Err(PrivateError::ForeignFolder { path: path.to_owned(), owner });
    }
    if let Some(user) = service.filter(|user| user.uid != found.uid()) {
        lchown(path, Some(user.uid), Some(user.gid))
            .map_err(PrivateError::io("change the owner of", path))?;
    }
    if found.mode() & 0o7777 != mode {
        fs::set_permissions(path, Permissions::from_mode(mode))
            .map_err(PrivateError::io("change the mode of", path))?;
    }
    Ok(())
}

/// Refuses a place the service user could not reach, before PostgreSQL fails there with less to say.
pub(super) fn ensure_reachable(path: &Path, user: &ServiceUser) -> Result<(), PrivateError> {
    for folder in path.ancestors().skip(1) {
        let found = fs::metadata(folder).map_err(PrivateError::io("look at", folder))?;
        let bit = match (found.uid() == user.uid, found.gid() == user.gid) {
            (true, _) => 0o100,
            (_, true) => 0o010,
            _ => 0o001,
        };
        if found.mode() & bit == 0 {
            return Err(PrivateError::Unreachable { path: folder.to_owned(), user: user.name.clone() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_package_user_is_preferred_to_nobody() {
        let users = "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65533::/:/bin/false\npostgres:x:101:104:,,,:/:/bin/sh\n";
        let found = ServiceUser::find_in(users).unwrap();
        assert_eq!(found, ServiceUser { name: "postgres".into(), uid: 101, gid: 104 });
        let found = ServiceUser::find_in(&users.replace("postgres", "other")).unwrap();
        assert_eq!(found, ServiceUser { name: "nobody".into(), uid: 65534, gid: 65533 });
        assert_eq!(ServiceUser::find_in("postgres:x:0:0:::\n"), None);
    }

    /// R23: a prepared link in a shared folder is refused.
    #[test]
    fn a_link_in_place_of_a_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("run");
        std::os::unix::fs::symlink("/tmp", &link).unwrap();
        assert!(matches!(ensure(&link, None, 0o700), Err(PrivateError::ForeignFolder { .. })));
    }

    #[test]
    fn a_folder_open_to_others_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
        ensure(folder.path(), None, 0o700).unwrap();
        assert_eq!(fs::metadata(folder.path()).unwrap().mode() & 0o777, 0o700);
    }
}
