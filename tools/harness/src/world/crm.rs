//! What a test asks of the leads' way into amoCRM.

use super::World;
use proftest::domain::ids::LeadId;
use serde_json::{Value, json};
use standins::{CrmDeal, Fault, Mode, OAuthApp};
use std::time::Duration;

pub fn oauth_app(access_ttl: Duration) -> OAuthApp {
    OAuthApp {
        client_id: "client".to_owned(),
        client_secret: "secret".to_owned(),
        redirect_uri: "https://example.com/".to_owned(),
        code: "code".to_owned(),
        access_ttl,
    }
}

impl World {
    /// Connects the integration of [`oauth_app`], whose tokens the functions use from now on.
    pub async fn connect_oauth(&mut self) {
        let body = json!({"client_id": "client", "client_secret": "secret", "redirect_uri": "https://example.com/",
            "grant_type": "authorization_code", "code": "code"});
        let url = format!("{}/oauth2/access_token", self.vendors.urls.amocrm);
        let http = crate::tools::http_client().unwrap();
        let answer = http.post(url).json(&body).send().await.unwrap();
        let tokens: Value = answer.json().await.unwrap();
        let refresh = tokens["refresh_token"].as_str().unwrap();
        self.changes.extend([
            ("AMOCRM_ACCESS_TOKEN", String::new()),
            ("AMOCRM_CLIENT_ID", "client".to_owned()),
            ("AMOCRM_CLIENT_SECRET", "secret".to_owned()),
            ("AMOCRM_REDIRECT_URI", "https://example.com/".to_owned()),
            ("AMOCRM_REFRESH_TOKEN", refresh.to_owned()),
        ]);
    }

    pub async fn leads(&self, count: usize) -> Vec<LeadId> {
        let mut leads = Vec::new();
        for _ in 0..count {
            leads.push(self.lead().await.lead);
        }
        leads
    }

    pub async fn open_in_crm(&self) -> Vec<LeadId> {
        let sql = "select lead_id from crm_tasks where state in ('pending', 'working') order by lead_id";
        let rows = self.db.rows(sql).await;
        rows.iter()
            .map(|row| LeadId::parse(row["lead_id"].as_str().unwrap()).unwrap())
            .collect()
    }

    pub async fn crm_task(&self, lead: LeadId) -> Value {
        let sql = format!("select * from crm_tasks where lead_id = '{lead}'");
        self.db.row(&sql).await
    }

    pub async fn deal(&self, lead: LeadId) -> CrmDeal {
        let sql = format!("select amocrm_lead_id from landing_leads where id = '{lead}'");
        let id = self.db.row(&sql).await["amocrm_lead_id"]
            .as_i64()
            .expect("the lead has a deal");
        let mut deals = self.vendors.amocrm.deals().into_iter();
        deals.find(|deal| deal.id == id).expect("the deal exists")
    }

    pub fn break_crm(&self, path: &str, mode: Mode, count: Option<u32>, every: Option<u32>) {
        let path = Some(path.to_owned());
        self.vendors.amocrm.faults().add(Fault {
            mode,
            count,
            every,
            path,
        });
    }

    pub fn notes(&self, deal: i64) -> Vec<String> {
        let notes = self.vendors.amocrm.notes().into_iter();
        let notes = notes.filter(|note| note.deal_id == deal);
        notes.map(|note| note.text).collect()
    }
}
