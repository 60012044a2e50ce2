//! What roles may do, read from the catalogue and compared with the list.

use super::list::{Member, OUTSIDERS};
use std::collections::BTreeSet;
use std::fmt;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error};

/// One right, as GRANT spells it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    pub role: String,
    /// `table public.clicks`
    pub thing: String,
    /// `select (email)`
    pub what: String,
}

/// Row level security hides every row from a role without a policy. This one, of the role's own name, shows all.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Policy {
    pub role: String,
    /// `public.clicks`
    pub table: String,
}

/// How the database differs from the list.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Differences {
    pub missing: Vec<Right>,
    pub excess: Vec<Right>,
    pub missing_policies: Vec<Policy>,
    /// Names of policies with their tables.
    pub excess_policies: Vec<(String, String)>,
    /// What Supabase's roles and everybody have of our things.
    pub of_outsiders: Vec<Right>,
    /// Statements that take from outsiders what they would have of things to come.
    pub defaults: Vec<String>,
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {} to {}", self.what, self.thing, self.role)
    }
}

impl Differences {
    /// Compares what these roles have with the list. `roles` exist.
    pub async fn read(client: &Client, roles: &[(&Member, String)]) -> Result<Self, Error> {
        let names: Vec<&str> = roles.iter().map(|(_, role)| role.as_str()).collect();
        let mut wanted = BTreeSet::new();
        let mut wanted_policies = BTreeSet::new();
        for (member, role) in roles {
            let rights = wanted_rights(client, member).await?;
            let own = |(thing, what)| Right {
                role: role.clone(),
                thing,
                what,
            };
            wanted.extend(rights.into_iter().map(own));
            wanted_policies.extend(member.tables.iter().map(|table| Policy {
                role: role.clone(),
                table: format!("public.{}", table.name),
            }));
        }
        let given = rights(client, &names, false).await?;
        let (given_policies, excess_policies) = policies(client, &names, &wanted_policies).await?;
        Ok(Self {
            missing: wanted.difference(&given).cloned().collect(),
            excess: given.difference(&wanted).cloned().collect(),
            missing_policies: wanted_policies.difference(&given_policies).cloned().collect(),
            excess_policies,
            of_outsiders: of_outsiders(client).await?,
            defaults: defaults(client).await?,
        })
    }

    /// Forgets what roles have beyond the list, but for a policy that stands in the place of a missing one.
    pub fn keep(&mut self) {
        self.excess.clear();
        let missing = &self.missing_policies;
        self.excess_policies.retain(|(name, table)| {
            let stands_in = |policy: &Policy| policy.role == *name && policy.table == *table;
            missing.iter().any(stands_in)
        });
    }

    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// One sentence for each difference, without the roles' names in front.
    pub fn sentences(&self) -> Vec<String> {
        let lacks = |right: &Right| format!("{} lacks {} on {}", right.role, right.what, right.thing);
        let has = |right: &Right| format!("{} has {} on {}", right.role, right.what, right.thing);
        let missing = self.missing.iter().map(lacks);
        let excess = self.excess.iter().chain(&self.of_outsiders).map(has);
        let blind = self
            .missing_policies
            .iter()
            .map(|policy| format!("{} has no policy on {}", policy.role, policy.table));
        let strange = self
            .excess_policies
            .iter()
            .map(|(name, table)| format!("{table} has another policy, {name}"));
        let defaults = self.defaults.iter().map(|statement| {
            format!("new tables or functions are open to outsiders until somebody runs: {statement}")
        });
        missing
            .chain(excess)
            .chain(blind)
            .chain(strange)
            .chain(defaults)
            .collect()
    }

    /// What takes away whatever is not in the list.
    pub fn revocations(&self) -> Vec<String> {
        let revoke = |right: &Right| format!("revoke {} on {} from {}", right.what, right.thing, right.role);
        let drop = |(name, table): &(String, String)| format!("drop policy \"{name}\" on {table}");
        let policies = self.excess_policies.iter().map(drop);
        let rights = self.excess.iter().chain(&self.of_outsiders).map(revoke);
        policies.chain(rights).chain(self.defaults.clone()).collect()
    }

    pub fn grants(&self) -> Vec<String> {
        let policy = |Policy { role, table }: &Policy| {
            format!("create policy {role} on {table} to {role} using (true) with check (true)")
        };
        let rights = self.missing.iter().map(|right| format!("grant {right}"));
        rights.chain(self.missing_policies.iter().map(policy)).collect()
    }
}

/// Things and what may be done to them. A listed function that does not exist gives nothing.
async fn wanted_rights(client: &Client, member: &Member) -> Result<Vec<(String, String)>, Error> {
    let mut wanted = Vec::new();
    if !member.execute.is_empty() {
        const SQL: &str = "select format('routine %I.%I(%s)', 'funnel', proname, pg_get_function_identity_arguments(oid)) \
             from pg_proc where pronamespace = to_regnamespace('funnel') and proname = any ($1)";
        let names: Vec<&str> = member.execute.to_vec();
        wanted.push(("schema funnel".to_owned(), "usage".to_owned()));
        for row in client.query_typed(SQL, &[(&names, Type::TEXT_ARRAY)]).await? {
            wanted.push((row.try_get(0)?, "execute".to_owned()));
        }
    }
    for table in member.tables {
        let thing = format!("table public.{}", table.name);
        for (verb, columns) in [
            ("select", table.select),
            ("insert", table.insert),
            ("update", table.update),
        ] {
            let columns = columns.split_whitespace();
            wanted.extend(columns.map(|column| (thing.clone(), format!("{verb} ({column})"))));
        }
        if table.delete {
            wanted.push((thing, "delete".to_owned()));
        }
    }
    Ok(wanted)
}

/// What these roles may do; see rights.sql.
pub async fn rights(client: &Client, roles: &[&str], ours_only: bool) -> Result<BTreeSet<Right>, Error> {
    let params: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 2] =
        [(&roles, Type::TEXT_ARRAY), (&ours_only, Type::BOOL)];
    let rows = client.query_typed(include_str!("rights.sql"), &params).await?;
    rows.iter()
        .map(|row| {
            Ok(Right {
                role: row.try_get("role")?,
                thing: row.try_get("thing")?,
                what: row.try_get("what")?,
            })
        })
        .collect()
}

async fn of_outsiders(client: &Client) -> Result<Vec<Right>, Error> {
    let outsiders: Vec<&str> = OUTSIDERS.into_iter().chain(["public"]).collect();
    Ok(rights(client, &outsiders, true).await?.into_iter().collect())
}

/// Policies for these roles: those that are as wanted, and the names and tables of all others.
async fn policies(
    client: &Client,
    roles: &[&str],
    wanted: &BTreeSet<Policy>,
) -> Result<(BTreeSet<Policy>, Vec<(String, String)>), Error> {
    const SQL: &str = "select format('%I.%I', schemaname, tablename) as place, policyname::text as name, \
             permissive = 'PERMISSIVE' and cmd = 'ALL' and roles::text[] = array[policyname::text] \
                 and qual = 'true' and with_check = 'true' as shows_all \
         from pg_policies where roles::text[] && $1 order by 1, 2";
    let (mut given, mut others) = (BTreeSet::new(), Vec::new());
    for row in client.query_typed(SQL, &[(&roles, Type::TEXT_ARRAY)]).await? {
        let policy = Policy {
            role: row.try_get("name")?,
            table: row.try_get("place")?,
        };
        if row.try_get("shows_all")? && wanted.contains(&policy) {
            given.insert(policy);
        } else {
            others.push((policy.role, policy.table));
        }
    }
    Ok((given, others))
}

/// Without these statements a later table or function would be open to outsiders. What everybody may do with new functions
/// stands in the defaults of all schemas, and is taken away only there.
async fn defaults(client: &Client) -> Result<Vec<String>, Error> {
    let outsiders: Vec<&str> = OUTSIDERS.into_iter().chain(["public"]).collect();
    let rows = client
        .query_typed(include_str!("defaults.sql"), &[(&outsiders, Type::TEXT_ARRAY)])
        .await?;
    rows.iter().map(|row| row.try_get(0)).collect()
}
