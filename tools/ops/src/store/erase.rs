//! Erasing a person who asks for it.

use proftest::domain::contact::{Email, Phone};
use proftest::domain::ids::{BatchId, LeadId};
use proftest::store::{Store, StoreError};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

/// What was erased here, and what the vendors still know of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Erased {
    /// How many leads.
    pub leads: i64,
    /// Deals at amoCRM.
    pub deals: Vec<i64>,
    /// Contacts at amoCRM that no other lead needs.
    pub contacts: Vec<i64>,
    /// E-mails at Resend.
    pub emails: Vec<String>,
    /// SMS at Mobizon.
    pub sms: Vec<String>,
}

/// Leads that have this e-mail and this phone, as far as they are given; none when neither is.
pub async fn leads_of(
    store: &Store,
    email: Option<&Email>,
    phone: Option<&Phone>,
) -> Result<Vec<LeadId>, StoreError> {
    const SQL: &str = "select id from landing_leads \
         where coalesce($1, $2) is not null and email = coalesce($1, email) and phone = coalesce($2, phone) \
         order by id";
    let (email, phone) = (email.map(Email::as_str), phone.map(Phone::as_str));
    let params = [(&email as _, Type::TEXT), (&phone as _, Type::TEXT)];
    let rows = store.run("leads_of", SQL, &params).await?;
    let read = |row: &Row| row.try_get("id").map(LeadId::from_uuid);
    rows.iter()
        .map(|row| read(row).map_err(StoreError::Refused))
        .collect()
}

/// Erases leads with all that hangs on them: notifications, deliveries, clicks, links, submissions, tasks.
///
/// A batch of e-mails that names one of theirs holds ids alone. It is closed at once unless another person's
/// e-mail in it is still open; the sweep closes it then.
pub async fn erase(store: &Store, leads: &[LeadId]) -> Result<Erased, StoreError> {
    let ids: Vec<_> = leads.iter().map(|lead| *lead.as_uuid()).collect();
    let rows = store
        .run("erase", include_str!("erase.sql"), &[(&ids, Type::UUID_ARRAY)])
        .await?;
    let Some(row) = rows.first() else {
        return Ok(Erased::default());
    };
    let read = || -> Result<(Erased, Vec<uuid::Uuid>), tokio_postgres::Error> {
        let erased = Erased {
            leads: row.try_get("leads")?,
            deals: row.try_get("deals")?,
            contacts: row.try_get("contacts")?,
            emails: row.try_get("emails")?,
            sms: row.try_get("sms")?,
        };
        Ok((erased, row.try_get("batches")?))
    };
    let (erased, batches) = read().map_err(StoreError::Refused)?;
    for batch in batches {
        store.close(BatchId::from_uuid(batch)).await?;
    }
    Ok(erased)
}
