//! The list: what each role may do, and nothing else. `ops roles` makes the database agree with it.
//!
//! A role of a public function has no table: it may call its function, which runs as the owner and does one thing.
//! tests/it/roles.rs takes each right of the others away and sees a statement fail, so none is there for nothing.

/// One function of the funnel, or the commands of `ops`.
#[derive(Debug)]
pub struct Member {
    pub name: &'static str,
    /// Functions of the schema `funnel`.
    pub execute: &'static [&'static str],
    pub tables: &'static [Table],
}

/// Columns by what may be done to them, separated by spaces.
#[derive(Debug)]
pub struct Table {
    pub name: &'static str,
    pub select: &'static str,
    pub insert: &'static str,
    pub update: &'static str,
    pub delete: bool,
}

impl Table {
    const fn new(name: &'static str, select: &'static str) -> Self {
        Self {
            name,
            select,
            insert: "",
            update: "",
            delete: false,
        }
    }

    const fn insert(mut self, columns: &'static str) -> Self {
        self.insert = columns;
        self
    }

    const fn update(mut self, columns: &'static str) -> Self {
        self.update = columns;
        self
    }

    const fn delete(mut self) -> Self {
        self.delete = true;
        self
    }
}

pub const MEMBERS: [Member; 8] = [
    Member {
        name: "intake",
        execute: &["intake", "prove"],
        tables: &[],
    },
    Member {
        name: "track",
        // `click` is what the release before calls: it goes with the next.
        execute: &["click", "hit"],
        tables: &[],
    },
    Member {
        name: "receipts",
        execute: &["take_receipts"],
        tables: &[],
    },
    Member {
        name: "recipient",
        execute: &["stop", "result_of"],
        tables: &[],
    },
    Member {
        name: "deliver",
        execute: &["claim", "pin", "record"],
        tables: &[
            Table::new("deliveries", "notification_id channel state attempt unknown_since content batch_id")
                .update("content batch_id"),
            Table::new("email_batches", "id notifications")
                .insert("id notifications")
                .update("id")
                .delete(),
        ],
    },
    Member {
        name: "crm",
        execute: &[],
        tables: &[
            Table::new(
                "landing_leads",
                "id name email phone source amocrm_lead_id email_clicked sms_clicked metadata",
            )
            .update("amocrm_lead_id updated_at"),
            Table::new(
                "crm_tasks",
                "lead_id state revision attempt retries next_attempt_at deal_due pending_notes creating_since noting_since \
                 task_due task_user tasking_since move_due reason",
            )
            .update(
                "state wake_at updated_at attempt retries next_attempt_at deal_due pending_notes creating_since \
                 noting_since task_due task_user tasking_since move_due reason",
            ),
            Table::new("scheduled_notifications", "id lead_id submission_id created_at"),
            Table::new("deliveries", "notification_id channel state reason"),
            Table::new("lead_events", "lead_id what detail").insert("lead_id what detail"),
            Table::new("submissions", "id metadata"),
            Table::new("crm_people", "phone contact_id holder held_until")
                .insert("phone holder held_until")
                .update("contact_id holder held_until"),
            Table::new("crm_slots", "slot free_at").update("free_at"),
            Table::new("crm_gate", "shut_until reason").update("shut_until reason"),
            Table::new("crm_tokens", "access_token refresh_token expires_at refreshing_until")
                .update("access_token refresh_token expires_at refreshing_until"),
        ],
    },
    Member {
        name: "sweep",
        execute: &[
            "expire",
            "tell_hold_over",
            "take_receipts",
            "take_polls",
            "end_polls",
            "take_unmirrored",
            "mirrored",
        ],
        tables: &[
            Table::new("landing_leads", "id email_clicked sms_clicked created_at"),
            Table::new(
                "scheduled_notifications",
                "id lead_id submission_id status scheduled_for sent_at sms_sent created_at open_channels held_channels \
                 failure_reason wake_at held",
            )
            .update("status open_channels held_channels failure_reason wake_at"),
            Table::new(
                "deliveries",
                "notification_id channel state first_attempt_at unknown_since content batch_id",
            )
            .update("state next_attempt_at content reason updated_at batch_id"),
            Table::new("holds", "notification_id channel reason held_at until ended_at").update("ended_at"),
            Table::new("budgets", "name hour hour_n day day_n money"),
            Table::new("submissions", "id country"),
            Table::new("retention", "what next_at").update("next_at"),
            Table::new("email_batches", "id notifications created_at").delete(),
            Table::new("crm_tasks", "lead_id state wake_at").update("wake_at"),
            Table::new("crm_gate", "shut_until"),
        ],
    },
    Member {
        name: "ops",
        execute: &["rejudge"],
        tables: &[
            Table::new("landing_leads", "id email phone amocrm_lead_id").delete(),
            Table::new(
                "scheduled_notifications",
                "id lead_id submission_id kind status scheduled_for email_sent sms_sent created_at open_channels \
                 held_channels failure_reason",
            )
            .update("status open_channels held_channels failure_reason wake_at"),
            Table::new(
                "deliveries",
                "notification_id channel state attempt unknown_since provider_id reason batch_id",
            )
            .update("state retries next_attempt_at updated_at content reason batch_id"),
            Table::new("holds", "notification_id channel reason held_at ended_at").update("waived ended_at"),
            Table::new("suppressions", "key channel reason created_at until").delete(),
            Table::new("clicks", "id user_agent rules_version method network address headers"),
            Table::new("submissions", "id lead_id email_key phone_key"),
            Table::new("consents", "lead_id withdrawn_at withdrawn_how")
                .update("address user_agent withdrawn_at withdrawn_how"),
            Table::new("audit", "").insert("id actor act subject detail"),
            Table::new("lead_events", "").insert("lead_id what channel notification_id detail"),
            Table::new("email_batches", "id notifications").delete(),
            Table::new("crm_tasks", "lead_id state reason")
                .update("state retries next_attempt_at wake_at updated_at"),
            // "for update" needs a column.
            Table::new("crm_people", "phone contact_id").update("holder").delete(),
            Table::new("crm_gate", "shut_until reason").update("shut_until reason"),
            // The doctor asks amoCRM with the stored token.
            Table::new("crm_tokens", "access_token expires_at"),
            Table::new("refinery_schema_history", "version checksum"),
        ],
    },
];

/// Supabase's roles, as which its Data API asks. A plain PostgreSQL has none of them.
pub const OUTSIDERS: [&str; 3] = ["anon", "authenticated", "service_role"];

impl Member {
    /// The names that its role may have; two exist only while one replaces the other.
    pub fn roles(&self) -> [String; 2] {
        [
            format!("proftest_{}", self.name),
            format!("proftest_{}_b", self.name),
        ]
    }

    /// The variable of its address in `prod.env`. The commands read `DATABASE_URL`.
    pub fn variable(&self) -> String {
        match self.name {
            "ops" => "DATABASE_URL".to_owned(),
            name => format!("{}_DATABASE_URL", name.to_uppercase()),
        }
    }

    /// Whose role this is.
    pub fn of(role: &str) -> Option<&'static Self> {
        MEMBERS
            .iter()
            .find(|member| member.roles().iter().any(|name| name == role))
    }
}
