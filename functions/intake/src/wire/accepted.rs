use proftest::domain::ids::LeadId;
use proftest::domain::message::ResultTexts;
use proftest::domain::quiz::QuizResult;
use serde::Serialize;

/// The answer to a committed lead.
#[derive(Debug, Serialize)]
pub struct Accepted {
    success: bool,
    #[serde(rename = "leadId")]
    lead_id: LeadId,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<ShownResult>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    asked: Option<Asked>,
}

/// A proof of work to solve before the message is due.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Asked {
    pub challenge: String,
    /// Of Turnstile, which must confirm the browser too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site_key: Option<String>,
}

/// What the page shows of the result: the same as the e-mail.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownResult {
    types: Vec<ShownType>,
    professions: Vec<String>,
    first_step: String,
}

#[derive(Debug, Serialize)]
struct ShownType {
    letter: &'static str,
    title: String,
    meaning: String,
}

impl ShownResult {
    fn new(result: QuizResult) -> Self {
        let ResultTexts {
            types,
            professions,
            first_step,
        } = result.texts();
        let types = types.into_iter().zip(result.types());
        Self {
            types: types
                .map(|(texts, kind)| ShownType {
                    letter: kind.letter(),
                    title: texts.title,
                    meaning: texts.meaning,
                })
                .collect(),
            professions,
            first_step,
        }
    }
}

impl Accepted {
    pub fn new(lead_id: LeadId, result: Option<QuizResult>) -> Self {
        Self {
            success: true,
            lead_id,
            result: result.map(ShownResult::new),
            asked: None,
        }
    }

    pub fn asking(self, asked: Option<Asked>) -> Self {
        Self { asked, ..self }
    }
}
