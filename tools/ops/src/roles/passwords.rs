//! Passwords of new roles, and the file that gives them to the one who deploys.

use super::Made;
use secrecy::{ExposeSecret as _, SecretString};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use url::Url;

const PASSWORD_CHARS: usize = 32;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A password of letters and digits: a URL and a shell take it as it is.
pub fn generate() -> Result<SecretString, String> {
    let mut password = String::new();
    while password.len() < PASSWORD_CHARS {
        let mut bytes = [0; PASSWORD_CHARS];
        getrandom::fill(&mut bytes).map_err(|error| format!("no randomness for a password: {error}"))?;
        // Above the last multiple of 62 the first letters would come more often.
        let fair = bytes.into_iter().filter(|byte| *byte < 248);
        let letters = fair.map(|byte| char::from(ALPHABET[usize::from(byte % 62)]));
        password.extend(letters.take(PASSWORD_CHARS - password.len()));
    }
    Ok(password.into())
}

/// The owner's address with another user. A pooler that serves several projects knows a user by `<role>.<project>`, so the
/// role gets the owner's ending. Of Supabase's two poolers, which differ in the port, the functions need the transaction's.
pub fn address(owner: &str, role: &str, password: &SecretString) -> Result<SecretString, String> {
    let unusable = || "DATABASE_URL must be a postgres:// URL with a user and one host".to_owned();
    let mut url = Url::parse(owner).map_err(|_| unusable())?;
    let project = url
        .username()
        .split_once('.')
        .map(|(_, project)| project.to_owned());
    let user = project.map_or_else(|| role.to_owned(), |project| format!("{role}.{project}"));
    url.set_username(&user).map_err(|()| unusable())?;
    url.set_password(Some(password.expose_secret()))
        .map_err(|()| unusable())?;
    let pooler = url
        .host_str()
        .is_some_and(|host| host.ends_with(".pooler.supabase.com"));
    if pooler && url.port() == Some(5432) {
        url.set_port(Some(6543)).map_err(|()| unusable())?;
    }
    Ok(String::from(url).into())
}

/// Writes the file: a line for each role, as in `prod.env`. Without roles there is no file. Returns whether there is one.
pub(super) fn save(file: Option<&Path>, owner: &str, made: &[Made]) -> Result<bool, String> {
    if made.is_empty() {
        return Ok(false);
    }
    let Some(file) = file else {
        let roles: Vec<&str> = made.iter().map(|made| made.role.as_str()).collect();
        return Err(format!(
            "{} must be made, and nobody would know the passwords: say with --passwords where to write them",
            roles.join(", ")
        ));
    };
    let line = |made: &Made| {
        let url = address(owner, &made.role, &made.password)?;
        Ok::<_, String>(format!("{}='{}'\n", made.member.variable(), url.expose_secret()))
    };
    let lines: String = made.iter().map(line).collect::<Result<_, _>>()?;
    let failed = |error: std::io::Error| format!("{}: {error}; nothing was done", file.display());
    let mut options = OpenOptions::new();
    let opened = options.write(true).create_new(true).mode(0o600).open(file);
    let mut opened = opened.map_err(failed)?;
    let written = opened
        .write_all(lines.as_bytes())
        .and_then(|()| opened.sync_all());
    written.map_err(|error| {
        let _ = std::fs::remove_file(file);
        failed(error)
    })?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(owner: &str) -> Result<String, String> {
        let url = address(owner, "proftest_track", &"new".to_owned().into())?;
        Ok(url.expose_secret().to_owned())
    }

    #[test]
    fn an_address_is_the_owner_s_with_another_user() {
        for (owner, role) in [
            (
                "postgres://postgres:p%40w@127.0.0.1:5432/proftest",
                "postgres://proftest_track:new@127.0.0.1:5432/proftest",
            ),
            (
                "postgresql://owner@db.example.kz/funnel?options=-c%20idle_session_timeout%3D10s",
                "postgresql://proftest_track:new@db.example.kz/funnel?options=-c%20idle_session_timeout%3D10s",
            ),
            (
                "postgres://postgres.abcdefgh:pw@aws-0-eu-central-1.pooler.supabase.com:6543/postgres",
                "postgres://proftest_track.abcdefgh:new@aws-0-eu-central-1.pooler.supabase.com:6543/postgres",
            ),
            // The session pooler's, as for `migrate`.
            (
                "postgres://postgres.abcdefgh:pw@aws-0-eu-central-1.pooler.supabase.com:5432/postgres",
                "postgres://proftest_track.abcdefgh:new@aws-0-eu-central-1.pooler.supabase.com:6543/postgres",
            ),
        ] {
            assert_eq!(of(owner).as_deref(), Ok(role));
        }
        for unusable in ["host=127.0.0.1 user=postgres", "postgres:///proftest", "postgres"] {
            assert!(of(unusable).unwrap_err().contains("one host"), "{unusable}");
        }
    }

    #[test]
    fn passwords_are_long_and_differ() {
        let passwords: std::collections::HashSet<String> = (0..100)
            .map(|_| generate().unwrap().expose_secret().to_owned())
            .collect();
        assert_eq!(passwords.len(), 100);
        let fits = |password: &String| {
            password.len() == 32 && password.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        assert!(passwords.iter().all(fits));
    }
}
