//! The two messages as files, to look at without sending anything.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use proftest::domain::message::{self, ResultType, TestResult};
use proftest::texts::{Locale, texts};

// The shape of real ones; they lead nowhere.
const LEAD_ID: &str = "0199a3c4-5d6e-7f80-91a2-b3c4d5e6f708";
const SHORT_CODE: &str = "k7Qm2xV9bTzR";

/// Writes `email.html`, `email.txt` and `sms.txt` into `dir`, which is made if missing, and returns their paths.
///
/// `name` is the recipient's; `link_base` is what links begin with, such as `https://api.onai.academy`;
/// `with_result` adds a sample of the result block.
///
/// Fails where a file cannot be written, and where `link_base` is too long for an SMS of one segment.
pub fn write(dir: &Path, name: &str, link_base: &str, with_result: bool) -> io::Result<Vec<PathBuf>> {
    let texts = texts(Locale::Ru);
    let base = link_base.trim_end_matches('/');
    let result = with_result.then(sample_result);
    let link = format!("{base}/api/landing/track/{LEAD_ID}?source=email");
    let email = message::email(texts, name, result.as_ref(), &link).map_err(io::Error::other)?;
    let sms = message::sms(texts, &format!("{base}/l/{SHORT_CODE}")).map_err(io::Error::other)?;

    fs::create_dir_all(dir)?;
    [
        ("email.html", email.html.as_str()),
        ("email.txt", &email.text),
        ("sms.txt", sms.as_str()),
    ]
    .into_iter()
    .map(|(file, content)| {
        let path = dir.join(file);
        fs::write(&path, content)?;
        Ok(path)
    })
    .collect()
}

fn sample_result() -> TestResult {
    let kind = |title: &str, meaning: &str| ResultType {
        title: title.to_owned(),
        meaning: meaning.to_owned(),
    };
    TestResult {
        types: vec![
            kind(
                "Исследователь",
                "Вам важно понять, как всё устроено. Вы легко разбираетесь в новом и любите задачи, \
                 у которых нет готового ответа.",
            ),
            kind(
                "Организатор",
                "Вы видите цель целиком, умеете разложить её на шаги и довести дело до конца.",
            ),
        ],
        professions: ["ИИ-интегратор", "Аналитик данных", "Продакт-менеджер"]
            .map(str::to_owned)
            .to_vec(),
        first_step: "Соберите своего первого ИИ-помощника: это займёт один вечер и не требует \
                     программирования."
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A new directory under the system's one for temporary files.
    fn scratch(test: &str) -> PathBuf {
        std::env::temp_dir().join(format!("preview-{test}-{}", uuid::Uuid::now_v7()))
    }

    #[test]
    fn writes_three_files_with_working_links() {
        let dir = scratch("files");

        let paths = write(&dir, "Айгерим", "https://api.onai.academy/", true).unwrap();

        let names: Vec<_> = paths
            .iter()
            .map(|p| p.file_name().unwrap().to_str().unwrap())
            .collect();
        assert_eq!(names, ["email.html", "email.txt", "sms.txt"]);
        let contents: Vec<_> = paths.iter().map(|p| fs::read_to_string(p).unwrap()).collect();
        assert!(contents[0].contains("Айгерим") && contents[0].contains("Исследователь"));
        assert!(contents[1].contains("https://api.onai.academy/api/landing/track/"));
        assert!(contents[2].ends_with("https://api.onai.academy/l/k7Qm2xV9bTzR"));
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn refuses_a_base_too_long_for_an_sms_and_writes_nothing() {
        let dir = scratch("long");

        let refused = write(
            &dir,
            "Айгерим",
            "https://a-rather-long-host-name.onai.academy",
            false,
        );

        assert!(refused.unwrap_err().to_string().contains("SHORT_LINK_BASE_URL"));
        assert!(!dir.exists());
    }
}
