use super::*;

type Table = Vec<(&'static str, &'static str)>;

/// The last value of a name counts.
pub(super) fn read<T>(
    table: &[(&str, &str)],
    read: fn(&Env<'_>) -> Result<T, ConfigError>,
) -> Result<T, ConfigError> {
    let lookup = |name: &str| {
        table
            .iter()
            .rev()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| (*value).to_owned())
    };
    read(&Env::new(&lookup))
}

fn intake() -> Table {
    vec![
        ("DATABASE_URL", "postgres://u:secret@127.0.0.1:5432/funnel"),
        ("SCHEDULE_GROUP", "g"),
        ("SCHEDULER_ROLE_ARN", "arn:aws:iam::1:role/r"),
        ("NOTIFICATIONS_QUEUE_URL", "http://q"),
        ("CRM_QUEUE_URL", "http://c"),
        ("NOTIFICATIONS_QUEUE_ARN", "arn:aws:sqs:eu-central-1:1:q"),
        ("GUARD_KEY", "0123456789abcdef0123456789abcdef"),
    ]
}

#[test]
fn defaults_are_those_of_production() {
    let config = read(&intake(), Intake::read).ok().unwrap();
    assert_eq!(config.delay, Duration::from_mins(10));
    assert_eq!(config.schedule.lead, Duration::from_mins(1));
}

#[test]
fn a_missing_or_empty_variable_is_named() {
    for (name, _) in intake() {
        let mut table = intake();
        table.push((name, "  "));
        let error = read(&table, Intake::read).err().unwrap();
        assert!(
            matches!(error, ConfigError::Missing { name: missing, .. } if missing == name),
            "{error}"
        );
    }
}

#[test]
fn a_malformed_variable_is_named_without_its_value() {
    for (name, value) in [
        ("DATABASE_URL", "mysql://secret"),
        ("NOTIFICATION_DELAY_SECONDS", "ten"),
        ("NOTIFICATION_DELAY_SECONDS", "-1"),
        ("NOTIFICATION_DELAY_SECONDS", "99999999"),
        ("DATABASE_CA_PEM", "secret"),
        ("GUARD_KEY", "secret"),
        ("LIMITS", "secret"),
        ("SMS_COUNTRIES", "secret"),
        ("CONSENT", "secret"),
        ("CHALLENGE", "secret"),
        ("ADDRESS_LIMITS", "secret"),
        ("BEHIND_CLOUDFRONT", "secret"),
    ] {
        let mut table = intake();
        table.push((name, value));
        let error = read(&table, Intake::read).err().unwrap().to_string();
        assert!(error.starts_with(name) && !error.contains("secret"), "{error}");
    }
}

#[test]
fn a_remote_database_needs_verified_tls() {
    for url in [
        "postgres://u:secret@db.example.com:6543/postgres",
        "postgres://u:secret@127.example.com/postgres",
        "postgres://u:secret@10.0.0.1,127.0.0.1/postgres",
        "postgres://u:secret@localhost/postgres?hostaddr=10.0.0.1",
        "postgres:///postgres?hostaddr=10.0.0.1",
    ] {
        let mut table = intake();
        table.push(("DATABASE_URL", url));
        let error = read(&table, Intake::read).err().unwrap().to_string();
        assert!(
            error.starts_with("DATABASE_CA_PEM") && !error.contains("secret"),
            "{url}: {error}"
        );
    }
}

#[test]
fn a_database_of_this_machine_does_not() {
    for host in ["127.0.0.1", "127.0.0.2", "[::1]", "localhost", "172.17.0.1"] {
        let url = format!("postgres://u:secret@{host}:5432/funnel");
        let database = read(&[("DATABASE_URL", &url)], Database::read);
        assert!(database.is_ok_and(|database| database.is_local()), "{host}");
    }
}

#[test]
fn a_url_that_asks_for_tls_is_refused_without_the_root() {
    for (mode, named) in [
        ("require", "DATABASE_CA_PEM"),
        ("verify-ca", "DATABASE_URL"),
        ("verify-full", "DATABASE_URL"),
    ] {
        let url = format!("postgres://u:secret@127.0.0.1:5432/funnel?sslmode={mode}").leak();
        let mut table = intake();
        table.push(("DATABASE_URL", url));
        let error = read(&table, Intake::read).err().unwrap().to_string();
        assert!(
            error.starts_with(named) && error.contains("DATABASE_CA_PEM"),
            "{mode}: {error}"
        );
        assert!(!error.contains("secret"), "{mode}: {error}");
    }
}

#[test]
fn base_urls_lose_their_slash_and_refuse_a_query() {
    let table = |url| vec![("PUBLIC_BASE_URL", url)];
    assert_eq!(
        read(&table("https://api.example/"), Links::read)
            .ok()
            .unwrap()
            .short,
        "https://api.example"
    );
    for url in ["api.example", "ftp://x", "https://x/?a=b", "https://user@x"] {
        assert!(read(&table(url), Links::read).is_err(), "{url}");
    }
}
