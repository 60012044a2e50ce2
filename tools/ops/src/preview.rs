//! `preview`: writes the two messages to files, without sending anything.

use clap::Args;
use proftest::domain::delivery::Kind;
use proftest::domain::message::{self, ResultTexts};
use proftest::domain::quiz;
use proftest::texts::{Locale, texts};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

// Shaped like real ids; they lead nowhere.
const LEAD_ID: &str = "0199a3c4-5d6e-7f80-91a2-b3c4d5e6f708";
const SHORT_CODE: &str = "k7Qm2xV9bTzR";
const TOKEN: &str = "3Jx8QfYw0RkT5mVb2ZnLpA";

#[derive(Args)]
pub struct Options {
    /// The directory to write to.
    #[arg(long, default_value = "preview")]
    dir: PathBuf,
    /// The person's name.
    #[arg(long, default_value = "Айгерим")]
    name: String,
    /// The person's answers, as `metadata` has them: for each question the number of an option, counted from 0.
    #[arg(long, value_delimiter = ',', default_value = "2,1,3,2,1,3,3,1,1,0,1,0")]
    answers: Vec<usize>,
    /// The start of the links.
    #[arg(long, default_value = "https://api.onai.academy")]
    link_base: String,
    /// Leave out the result, as for a lead without answers.
    #[arg(long)]
    no_result: bool,
}

pub fn command(options: &Options) -> Result<(), String> {
    let result = if options.no_result {
        None
    } else {
        Some(result(&options.answers)?)
    };
    let files = write(&options.dir, &options.name, &options.link_base, result.as_ref());
    for file in files.map_err(|error| error.to_string())? {
        println!("{}", file.display());
    }
    println!("The e-mail's subject: {}", texts(Locale::Ru).email.subject);
    Ok(())
}

/// The result for these answers.
pub fn result(answers: &[usize]) -> Result<ResultTexts, String> {
    let result = quiz::score(answers).ok_or_else(|| {
        format!(
            "--answers must be {} numbers from 0 to {}, separated by commas",
            quiz::QUESTIONS,
            quiz::OPTIONS - 1
        )
    })?;
    Ok(result.texts())
}

/// Writes `email.html`, `email.txt` and `sms.txt` into `dir`, creating it if needed, and returns their paths.
/// `link_base` is the start of the links, such as `https://api.onai.academy`. Fails if it is too long for an SMS of
/// one segment.
pub fn write(
    dir: &Path,
    name: &str,
    link_base: &str,
    result: Option<&ResultTexts>,
) -> io::Result<Vec<PathBuf>> {
    let texts = texts(Locale::Ru);
    let base = link_base.trim_end_matches('/');
    let link = format!("{base}/api/landing/track/{LEAD_ID}?source=email");
    let stop = format!("{base}/u/{TOKEN}");
    let email = message::email(texts, Kind::Result, name, result, &link, &stop).map_err(io::Error::other)?;
    let sms = message::sms(texts, &format!("{base}/l/{SHORT_CODE}")).map_err(io::Error::other)?;

    fs::create_dir_all(dir)?;
    let contents = [
        ("email.html", email.html.as_str()),
        ("email.txt", &email.text),
        ("sms.txt", sms.as_str()),
    ];
    let written = contents.into_iter().map(|(file, content)| {
        let path = dir.join(file);
        fs::write(&path, content)?;
        Ok(path)
    });
    written.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(test: &str) -> PathBuf {
        std::env::temp_dir().join(format!("preview-{test}-{}", uuid::Uuid::now_v7()))
    }

    #[test]
    fn the_files_hold_what_a_person_with_these_answers_is_told() {
        let dir = scratch("files");
        let result = result(&[0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3]).unwrap();

        let paths = write(&dir, "Айгерим", "https://api.onai.academy/", Some(&result)).unwrap();

        let names: Vec<_> = paths
            .iter()
            .map(|p| p.file_name().unwrap().to_str().unwrap())
            .collect();
        assert_eq!(names, ["email.html", "email.txt", "sms.txt"]);
        let contents: Vec<_> = paths.iter().map(|p| fs::read_to_string(p).unwrap()).collect();
        for text in &contents[..2] {
            assert!(text.contains("Айгерим"), "{text}");
            assert!(
                text.contains("https://api.onai.academy/api/landing/track/"),
                "{text}"
            );
            for part in [
                &result.types[0].meaning,
                &result.professions[0],
                &result.first_step,
            ] {
                assert!(text.contains(part.as_str()), "{part} is not in {text}");
            }
        }
        assert!(contents[2].ends_with("https://api.onai.academy/l/k7Qm2xV9bTzR"));
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn answers_that_the_test_cannot_have_are_refused() {
        for answers in [&[][..], &[0; 11], &[4; 12]] {
            let refused = result(answers).unwrap_err();
            assert!(refused.contains("12 numbers from 0 to 3"), "{refused}");
        }
    }

    #[test]
    fn refuses_a_base_too_long_for_an_sms_and_writes_nothing() {
        let dir = scratch("long");

        let refused = write(
            &dir,
            "Айгерим",
            "https://a-rather-long-host-name.onai.academy",
            None,
        );

        assert!(refused.unwrap_err().to_string().contains("SHORT_LINK_BASE_URL"));
        assert!(!dir.exists());
    }
}
