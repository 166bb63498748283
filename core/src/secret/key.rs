//! The installation's key and the encryption of secrets under it (XChaCha20-Poly1305).
//!
//! The key is 32 bytes, as 64 hexadecimal digits in a file of mode 0600 or in `COUNTERSIGN_MASTER_KEY`. Company, id and version
//! are authenticated with the value, so a stored secret cannot be moved to another place.
use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use chacha20poly1305::aead::{Aead, Generate, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use super::{SecretError, SecretText};
use crate::ids::CompanyId;

/// The key under which secrets are stored.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; 32]>);

/// A secret as it is stored.
pub struct Encrypted {
    /// 24 bytes, never used twice.
    pub nonce: Vec<u8>,
    /// Value and tag.
    pub ciphertext: Vec<u8>,
}

impl MasterKey {
    /// Reads the key from its text; `place` names where the text came from.
    ///
    /// # Errors
    /// When the text is not 64 hexadecimal digits.
    pub fn from_text(text: &str, place: &str) -> Result<Self, SecretError> {
        let refuse = || SecretError::Key {
            place: place.to_owned(),
            problem: "it must hold 64 hexadecimal digits; `openssl rand -hex 32` makes them".to_owned(),
        };
        let text = text.trim();
        if text.len() != 64 || !text.is_ascii() {
            return Err(refuse());
        }
        let mut bytes = Zeroizing::new([0_u8; 32]);
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).map_err(|_| refuse())?;
        }
        Ok(Self(bytes))
    }

    /// Reads the key file, or makes it (mode 0600) if there is none.
    ///
    /// # Errors
    /// When the file cannot be read or made, is open to others, or does not hold a key.
    pub fn from_file(path: &Path) -> Result<Self, SecretError> {
        let place = path.display().to_string();
        let fail = |problem: String| SecretError::Key { place: place.clone(), problem };
        match fs::metadata(path) {
            Ok(metadata) if metadata.mode() & 0o077 != 0 => {
                Err(fail(format!("others can read it; run `chmod 600 {place}`")))
            }
            Ok(_) => {
                let text = Zeroizing::new(fs::read_to_string(path).map_err(|error| fail(error.to_string()))?);
                Self::from_text(&text, &place)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Self::create_file(path).map_err(|error| fail(error.to_string()))?;
                let text = Zeroizing::new(fs::read_to_string(path).map_err(|error| fail(error.to_string()))?);
                Self::from_text(&text, &place)
            }
            Err(error) => Err(fail(error.to_string())),
        }
    }

    /// Two processes may start at once: the file is written beside its place and linked there, so the first one wins whole.
    fn create_file(path: &Path) -> std::io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let key = Zeroizing::new(<[u8; 32]>::generate());
        let text = Zeroizing::new(key.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
        let draft = path.with_extension(format!("new-{}", std::process::id()));
        let mut file =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        let linked = fs::hard_link(&draft, path);
        fs::remove_file(&draft)?;
        match linked {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    }

    /// Encrypts a value for its place.
    ///
    /// # Errors
    /// Only if the value is longer than the cipher can take.
    pub fn encrypt(
        &self,
        company: CompanyId,
        id: &str,
        version: i32,
        value: &SecretText,
    ) -> Result<Encrypted, SecretError> {
        let nonce = XNonce::generate();
        let place = place(company, id, version);
        let payload = Payload { msg: value.expose().as_bytes(), aad: place.as_bytes() };
        let ciphertext = self.cipher().encrypt(&nonce, payload).map_err(|_| SecretError::BadValue)?;
        Ok(Encrypted { nonce: nonce.to_vec(), ciphertext })
    }

    /// Decrypts a value that was stored at that place.
    ///
    /// # Errors
    /// When the key, the place or a byte is another.
    pub fn decrypt(
        &self,
        company: CompanyId,
        id: &str,
        version: i32,
        stored: &Encrypted,
    ) -> Result<SecretText, SecretError> {
        let wrong = || SecretError::WrongKey(format!("{id}:{version}"));
        let nonce = <[u8; 24]>::try_from(stored.nonce.as_slice()).map_err(|_| wrong())?;
        let place = place(company, id, version);
        let payload = Payload { msg: &stored.ciphertext, aad: place.as_bytes() };
        let plain = self.cipher().decrypt(&XNonce::from(nonce), payload).map_err(|_| wrong())?;
        String::from_utf8(plain).map(SecretText::new).map_err(|_| wrong())
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.0).into())
    }
}

fn place(company: CompanyId, id: &str, version: i32) -> String {
    format!("countersign-secret-v1/{company}/{id}/{version}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_only_in_its_own_place() {
        let key = MasterKey::from_text(&"ab".repeat(32), "test").unwrap();
        let company = CompanyId::new();
        let stored = key.encrypt(company, "resend", 1, &SecretText::new("re_canary".to_owned())).unwrap();
        assert_eq!(key.decrypt(company, "resend", 1, &stored).unwrap().expose(), "re_canary");
        assert!(key.decrypt(company, "resend", 2, &stored).is_err());
        assert!(key.decrypt(CompanyId::new(), "resend", 1, &stored).is_err());
        assert!(!String::from_utf8_lossy(&stored.ciphertext).contains("canary"));
    }

    #[test]
    fn a_key_file_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        MasterKey::from_file(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        MasterKey::from_file(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(MasterKey::from_file(&path), Err(SecretError::Key { .. })));
    }

    #[test]
    fn a_secret_does_not_show_in_debug_output() {
        assert_eq!(format!("{:?}", SecretText::new("re_canary".to_owned())), "SecretText(…)");
    }
}
