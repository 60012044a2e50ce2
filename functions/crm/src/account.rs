//! One call to amoCRM: behind the gate, in a slot of the governor, with a token.

use crate::auth::{self, TokenCache};
use crate::governor::in_slot;
use crate::stop::Stop;
use proftest::clients::amocrm::AmoCrm;
use proftest::config::{self, Auth};
use proftest::domain::crm::{Shutting, shutting};
use proftest::failure::{Failure, Reaction};
use proftest::store::Store;
use proftest::telemetry::{self, Unit};
use secrecy::SecretString;
use std::time::Duration;

pub struct Account {
    store: Store,
    client: AmoCrm,
    auth: Auth,
    tokens: TokenCache,
    /// Requests per second, for all processes together.
    slots: u16,
    /// How long the gate stays shut after a 403. `None`: until it is opened by hand.
    block: Option<Duration>,
}

impl Account {
    pub fn new(store: Store, client: AmoCrm, settings: &config::AmoCrm) -> Self {
        Self {
            store,
            client,
            auth: settings.auth.clone(),
            tokens: TokenCache::default(),
            slots: settings.requests_per_second,
            block: settings.block,
        }
    }

    pub fn warn_before_expiry(&self) {
        auth::warn_before_expiry(&self.auth);
    }

    pub async fn call<T, F>(&self, request: F) -> Result<T, Stop>
    where
        F: AsyncFn(&AmoCrm, &SecretString) -> Result<T, Failure>,
    {
        match self.with_token(request).await {
            Err(Stop::Failed(failure)) => Err(self.refused(failure).await),
            answer => answer,
        }
    }

    async fn with_token<T, F>(&self, request: F) -> Result<T, Stop>
    where
        F: AsyncFn(&AmoCrm, &SecretString) -> Result<T, Failure>,
    {
        let token = self.token(None).await?;
        match in_slot(&self.store, self.slots, request(&self.client, &token)).await {
            // An OAuth token may be revoked early: try once more with a new one.
            Err(Stop::Failed(failure))
                if failure.status == Some(401) && matches!(self.auth, Auth::OAuth { .. }) =>
            {
                let token = self.token(Some(&token)).await?;
                in_slot(&self.store, self.slots, request(&self.client, &token)).await
            }
            answer => answer,
        }
    }

    /// A valid token that is not the refused one.
    async fn token(&self, refused: Option<&SecretString>) -> Result<SecretString, Stop> {
        match &self.auth {
            Auth::LongLived(token) => Ok(token.clone()),
            Auth::OAuth { client, refresh } => {
                let exchange = async |refresh: &SecretString| {
                    in_slot(&self.store, self.slots, self.client.refresh(client, refresh)).await
                };
                self.tokens.token(&self.store, refresh, refused, exchange).await
            }
        }
    }

    /// Shuts the gate if the refusal asks for it.
    pub async fn refused(&self, failure: Failure) -> Stop {
        let Some(Shutting { opens_in, metric }) = shutting(&failure, self.block) else {
            return Stop::Failed(failure);
        };
        telemetry::metrics(&config::function_name(), &[(metric, 1.0, Unit::Count)]);
        if failure.reaction == Reaction::Block {
            tracing::error!(
                reason = failure.reason,
                "amoCRM has blocked us: no call at all until the gate is opened; \
                write to amoCRM's support, then run `cargo run -p ops -- open-crm-gate`"
            );
        } else {
            tracing::error!(reason = failure.reason, "The gate to amoCRM is shut for a while");
        }
        match self.store.shut_gate(opens_in, &failure.reason).await {
            Ok(()) => Stop::Failed(failure),
            Err(error) => Stop::Store(error),
        }
    }
}
