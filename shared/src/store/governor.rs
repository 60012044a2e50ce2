//! The governor limits the rate of calls to amoCRM for all processes together; the gate stops every call.

use super::crm::{Shut, read_shut};
use super::pool::{Store, StoreError};
use super::types::{Seconds, param};
use crate::failpoint::Step;
use std::time::Duration;

/// When a slot becomes free although its holder died: after the longest call and the second that follows it.
const SLOT_LOST_AFTER: Duration = Duration::from_secs(15);

/// The result of a request for a slot.
#[derive(Debug, Clone, PartialEq)]
pub enum Slot {
    /// A slot; give it back after the answer.
    Taken(i16),
    /// All are in use; ask again after this.
    InUse(Duration),
    /// The gate to amoCRM is shut.
    Shut(Shut),
}

impl Store {
    /// Asks for one of `slots` slots. A repetition after a lost answer may take two; the unused one is free after 15
    /// s.
    pub async fn take_slot(&self, slots: u16) -> Result<Slot, StoreError> {
        let slots = i16::try_from(slots).unwrap_or(i16::MAX);
        let lost_after = Seconds(SLOT_LOST_AFTER);
        let params = [param(&slots), param(&lost_after)];
        self.one(Step::CrmSlot, include_str!("crm_slot.sql"), &params, |row| {
            if let Some(shut) = read_shut(row)? {
                return Ok(Slot::Shut(shut));
            }
            if let Some(slot) = row.try_get("slot")? {
                return Ok(Slot::Taken(slot));
            }
            let free_in: Option<Seconds> = row.try_get("free_in_seconds")?;
            Ok(Slot::InUse(
                free_in.map_or(Duration::ZERO, |Seconds(free_in)| free_in),
            ))
        })
        .await
    }

    /// Gives a slot back. It is free one second later, after the vendor has counted the request.
    pub async fn give_slot_back(&self, slot: i16) -> Result<(), StoreError> {
        const SQL: &str =
            "update crm_slots set free_at = clock_timestamp() + interval '1 second' where slot = $1";
        self.run(Step::GiveSlotBack, SQL, &[param(&slot)])
            .await
            .map(|_| ())
    }

    /// Shuts the gate for `opens_in` (`None`: until it is opened by hand). A gate that is shut for longer stays so.
    pub async fn shut_gate(&self, opens_in: Option<Duration>, reason: &str) -> Result<(), StoreError> {
        const SQL: &str = "update crm_gate set \
                 reason = case when shut_until > until.at then crm_gate.reason else $2 end, \
                 shut_until = greatest(shut_until, until.at) \
             from (select coalesce(clock_timestamp() + $1 * interval '1 second', 'infinity') as at) until";
        let opens_in = opens_in.map(Seconds);
        self.run(Step::ShutGate, SQL, &[param(&opens_in), param(&reason)])
            .await
            .map(|_| ())
    }

    /// The gate, if it is shut.
    pub async fn gate(&self) -> Result<Option<Shut>, StoreError> {
        const SQL: &str = "select (extract(epoch from shut_until) - extract(epoch from clock_timestamp()))::float8 as shut_for_seconds, \
             reason as shut_reason from crm_gate where shut_until > clock_timestamp()";
        let shut = self.first(Step::Command("gate"), SQL, &[], read_shut).await?;
        Ok(shut.flatten())
    }
}
