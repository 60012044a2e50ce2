//! The vendors' stand-ins, with their keys and addresses.

use axum::Router;
use standins::{
    AmoCrm, AmoCrmOptions, Faults, Mobizon, MobizonOptions, Resend, ResendOptions, Running, Turnstile, serve,
};
use tokio::net::TcpListener;

/// The key that Resend's stand-in takes; those of the vendors are never needed here.
pub const RESEND_KEY: &str = "re_local_stand_in";
pub const MOBIZON_KEY: &str = "mobizon-local-stand-in";
pub const AMOCRM_TOKEN: &str = "amocrm-local-stand-in";
/// What the stand-ins sign their webhooks with.
pub const RESEND_WEBHOOK_SECRET: &str = "whsec_bG9jYWwtc3RhbmQtaW4tb2YtcmVzZW5k";
pub const MOBIZON_WEBHOOK_SECRET: &str = "local-stand-in-of-mobizon-0123456789";
pub const TURNSTILE_SECRET: &str = "turnstile-local-stand-in";
/// The stand-in's text field for our marker: see its seed.
pub const AMOCRM_LEAD_ID_FIELD: &str = "880010";
pub const AMOCRM_UTM_FIELDS: &str =
    "utm_source=880001,utm_medium=880002,utm_campaign=880003,utm_content=880004,utm_term=880005";
pub const AMOCRM_PIPELINE: &str = "Воронка";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vendor {
    Resend,
    Mobizon,
    AmoCrm,
}

impl Vendor {
    pub const ALL: [Self; 3] = [Self::Resend, Self::Mobizon, Self::AmoCrm];
}

#[derive(Debug, Clone)]
pub struct Options {
    pub resend: ResendOptions,
    pub mobizon: MobizonOptions,
    pub amocrm: AmoCrmOptions,
}

impl Options {
    /// With the vendors' own limits.
    pub fn strict() -> Self {
        Self {
            resend: ResendOptions {
                webhook_secrets: vec![RESEND_WEBHOOK_SECRET.to_owned()],
                ..ResendOptions::new(RESEND_KEY)
            },
            mobizon: MobizonOptions {
                webhook_secret: MOBIZON_WEBHOOK_SECRET.to_owned(),
                ..MobizonOptions::new(MOBIZON_KEY)
            },
            amocrm: AmoCrmOptions::new(AMOCRM_TOKEN),
        }
    }

    /// With an account at amoCRM that takes any rate: for everything but what the rate itself is about.
    pub fn unlimited() -> Self {
        let mut options = Self::strict();
        options.amocrm.rate_limit_per_second = None;
        options
    }
}

/// Where the vendors are looked for: at the stand-ins, until another address is put in.
#[derive(Debug, Clone)]
pub struct Urls {
    pub resend: String,
    pub mobizon: String,
    pub amocrm: String,
}

impl Urls {
    pub fn settings(&self) -> [(&'static str, String); 12] {
        let text = str::to_owned;
        [
            ("RESEND_API_KEY", text(RESEND_KEY)),
            ("RESEND_BASE_URL", self.resend.clone()),
            ("MOBIZON_API_KEY", text(MOBIZON_KEY)),
            ("MOBIZON_BASE_URL", self.mobizon.clone()),
            ("RESEND_WEBHOOK_SECRETS", text(RESEND_WEBHOOK_SECRET)),
            ("MOBIZON_WEBHOOK_SECRETS", text(MOBIZON_WEBHOOK_SECRET)),
            ("AMOCRM_BASE_URL", self.amocrm.clone()),
            ("AMOCRM_ACCESS_TOKEN", text(AMOCRM_TOKEN)),
            ("AMOCRM_PIPELINE", text(AMOCRM_PIPELINE)),
            ("AMOCRM_LEAD_ID_FIELD_ID", text(AMOCRM_LEAD_ID_FIELD)),
            ("AMOCRM_UTM_FIELD_IDS", text(AMOCRM_UTM_FIELDS)),
            ("AMOCRM_REQUESTS_PER_SECOND", text("50")),
        ]
    }
}

/// The running stand-ins; they stop with this value.
pub struct Vendors {
    pub resend: Resend,
    pub mobizon: Mobizon,
    pub amocrm: AmoCrm,
    /// Nothing asks it by default; a test puts its settings in.
    pub turnstile: Turnstile,
    pub turnstile_url: String,
    pub urls: Urls,
    /// For their lifetime.
    servers: Vec<Running>,
}

impl Vendors {
    pub async fn start(options: Options) -> std::io::Result<Self> {
        Self::start_behind(options, |router| router).await
    }

    pub async fn start_behind(options: Options, wrap: impl Fn(Router) -> Router) -> std::io::Result<Self> {
        let resend = Resend::new(options.resend);
        let mobizon = Mobizon::new(options.mobizon);
        let amocrm = AmoCrm::new(options.amocrm);
        let turnstile = Turnstile::new(TURNSTILE_SECRET);
        let mut servers = Vec::new();
        for router in [
            resend.router(),
            mobizon.router(),
            amocrm.router(),
            turnstile.router(),
        ] {
            servers.push(serve(TcpListener::bind("127.0.0.1:0").await?, wrap(router))?);
        }
        Ok(Self {
            urls: Urls {
                resend: servers[0].url(),
                mobizon: servers[1].url(),
                amocrm: servers[2].url(),
            },
            resend,
            mobizon,
            amocrm,
            turnstile_url: servers[3].url(),
            turnstile,
            servers,
        })
    }

    pub fn faults(&self, vendor: Vendor) -> &Faults {
        match vendor {
            Vendor::Resend => self.resend.faults(),
            Vendor::Mobizon => self.mobizon.faults(),
            Vendor::AmoCrm => self.amocrm.faults(),
        }
    }

    /// From now on Resend and Mobizon report to the functions behind this address.
    pub fn report_to(&self, gateway: &str) {
        self.resend.report_to(format!("{gateway}/hooks/resend"));
        self.mobizon.report_to(format!("{gateway}/hooks/mobizon"));
    }

    /// From now on none of them does anything wrong.
    pub fn heal(&self) {
        for vendor in Vendor::ALL {
            self.faults(vendor).clear();
        }
        self.turnstile.faults().clear();
    }

    /// The e-mails that were accepted, by whichever vendor.
    pub fn emails(&self) -> Vec<standins::SentEmail> {
        self.resend.sent()
    }

    /// Deals that we made, not the seeded ones.
    pub fn made(&self) -> Vec<standins::CrmDeal> {
        let deals = self.amocrm.deals().into_iter();
        deals.filter(|deal| !deal.seeded).collect()
    }

    pub async fn stop(self) {
        for server in self.servers {
            server.stop().await;
        }
    }
}
