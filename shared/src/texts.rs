//! Every sentence of an answer or a message. The page's are in `functions/page/web`, the test's in `data/quiz.toml`;
//! no other place holds any. The page's build includes this file, so it uses nothing of the crate.
//!
//! To add a language, add a `static` of type [`Texts`] and an arm in [`texts`]; the compiler names what is missing.

// The paths, because the page's build takes this file from another folder.
#[path = "texts/contact.rs"]
mod contact;
#[path = "texts/crm.rs"]
pub mod crm;
#[path = "texts/recipient.rs"]
mod recipient;

pub use contact::ContactTexts;
pub use crm::CrmTexts;
pub use recipient::{ResultPageTexts, StopTexts};

/// A language we write to people in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Locale {
    /// Russian.
    #[default]
    Ru,
}

/// The sentences of one language.
#[derive(Debug)]
pub struct Texts {
    /// BCP 47 tag of the language, for `<html lang>`.
    pub lang: &'static str,
    /// The e-mail with the results.
    pub email: EmailTexts,
    /// The SMS that announces the results.
    pub sms: SmsTexts,
    /// The page that a message's link leads to.
    pub result: ResultPageTexts,
    /// The page where a person stops our messages.
    pub stop: StopTexts,
    /// Answers to refused requests.
    pub errors: ErrorTexts,
    /// Deals, notes and tasks, which the sales team reads.
    pub crm: CrmTexts,
    /// What the page's tick stands for, the newest first. The older ones are of pages that a CDN or an open tab still shows.
    pub consents: &'static [ConsentText],
}

/// A text that people have agreed to on the page. Never change one: add another in front, with a new version.
#[derive(Debug)]
pub struct ConsentText {
    /// The page sends it with the tick.
    pub version: &'static str,
    /// Exactly as it is shown.
    pub text: &'static str,
    /// The words of the text that lead to the policy.
    pub link: &'static str,
}

/// The e-mail with the results. The template escapes all fields, so none may hold markup.
#[derive(Debug)]
pub struct EmailTexts {
    /// Constant, so that a visitor's text cannot reach a header.
    pub subject: &'static str,
    /// Shown beside the subject in a mail client's list.
    pub preheader: &'static str,
    /// Heading of the e-mail.
    pub heading: &'static str,
    /// Line under the heading.
    pub topic: &'static str,
    /// The template adds `, <name>` if there is a name, and `!`.
    pub greeting: &'static str,
    /// First paragraph.
    pub thanks: &'static str,
    /// Second paragraph of an e-mail without the result block.
    pub intro: &'static str,
    /// Second paragraph of an e-mail with the result block.
    pub intro_with_result: &'static str,
    /// Heading of the types in the result block.
    pub types: &'static str,
    /// Heading of the professions in the result block.
    pub professions: &'static str,
    /// Heading of the first step in the result block.
    pub first_step: &'static str,
    /// Button without the result block. At most 26 characters, to fit Outlook's button.
    pub button: &'static str,
    /// Button with the result block. At most 26 characters, to fit Outlook's button.
    pub button_with_result: &'static str,
    /// Before the plain link, for people who cannot use the button.
    pub button_help: &'static str,
    /// Footer: the sender.
    pub sender: &'static str,
    /// Footer: the reason for the e-mail.
    pub reason: &'static str,
    /// Footer: before the link to stop.
    pub stop: &'static str,
    /// Footer: the link to stop.
    pub stop_link: &'static str,
}

/// The SMS that announces the results.
#[derive(Debug)]
pub struct SmsTexts {
    /// Before the link. Both must fit one segment: see `domain::message::sms`.
    pub ready: &'static str,
}

/// Answers to refused requests.
#[derive(Debug)]
pub struct ErrorTexts {
    /// Name, e-mail or phone is missing or empty.
    pub fields_required: &'static str,
    /// Nothing has this path.
    pub path_unknown: &'static str,
    /// The path takes other methods.
    pub method_unknown: &'static str,
    /// The body is over the limit.
    pub body_too_large: &'static str,
    /// A vendor's report without a good signature.
    pub unsigned: &'static str,
    /// The content type is not JSON.
    pub content_type_unsupported: &'static str,
    /// The body is not valid JSON.
    pub json_broken: &'static str,
    /// A field has the wrong type, such as a number for the name.
    pub field_type_wrong: &'static str,
    /// The form looks filled in by a program; pressing the button again helps.
    pub looks_automatic: &'static str,
    /// Our page sent the form without the consent.
    pub consent_missing: &'static str,
    /// Too many requests of one address in a second.
    pub too_many: &'static str,
    /// The proof of work is wrong, or is none of ours.
    pub proof_wrong: &'static str,
    /// The proof of work comes too late.
    pub proof_expired: &'static str,
    /// Turnstile does not confirm that a browser is there.
    pub turnstile_wrong: &'static str,
    /// The lead cannot be saved now; the same request may succeed soon.
    pub unavailable: &'static str,
    /// What is wrong with a name, an e-mail address or a phone: `ContactError::sentence` chooses.
    pub contact: ContactTexts,
}

/// The sentences of `locale`.
pub const fn texts(locale: Locale) -> &'static Texts {
    match locale {
        Locale::Ru => &RU,
    }
}

static RU: Texts = Texts {
    lang: "ru",
    email: EmailTexts {
        subject: "Ваши результаты профориентационного теста",
        preheader: "Мы обработали ваши ответы и подготовили рекомендацию, с чего начать.",
        heading: "Ваши результаты готовы",
        topic: "Профориентационный тест",
        greeting: "Здравствуйте",
        thanks: "Спасибо, что прошли тест! Мы обработали ваши ответы и подготовили \
                 рекомендацию, с\u{a0}чего начать путь в\u{a0}новой профессии.",
        intro: "Она ждёт вас по\u{a0}ссылке ниже вместе с\u{a0}экспресс-курсом, который \
                мы советуем как первый шаг.",
        intro_with_result: "Вот что о\u{a0}вас говорят ваши ответы.",
        types: "Ваш профиль",
        professions: "Профессии, которые вам подходят",
        first_step: "Первый шаг",
        button: "Посмотреть результаты",
        button_with_result: "Перейти к экспресс-курсу",
        button_help: "Кнопка не\u{a0}работает? Скопируйте эту ссылку в\u{a0}адресную строку браузера:",
        sender: "Это письмо отправила OnAI Academy.",
        reason: "Вы получили это письмо, потому что прошли профориентационный тест на сайте OnAI Academy.",
        stop: "Тест проходили не\u{a0}вы или письма больше не\u{a0}нужны?",
        stop_link: "Больше не\u{a0}присылать",
    },
    sms: SmsTexts {
        ready: "Ваши результаты готовы!",
    },
    result: recipient::RU_RESULT,
    stop: recipient::RU_STOP,
    errors: ErrorTexts {
        fields_required: "Заполните имя, e-mail и телефон",
        path_unknown: "По этому адресу ничего нет",
        method_unknown: "По этому адресу нельзя отправить такой запрос",
        body_too_large: "Слишком большой запрос",
        unsigned: "Подпись запроса не подходит",
        content_type_unsupported: "Отправьте данные в формате JSON",
        json_broken: "Не удалось прочитать данные: это не JSON",
        field_type_wrong: "Одно из полей заполнено неверно",
        looks_automatic: "Не удалось проверить форму. Пожалуйста, нажмите кнопку ещё раз",
        consent_missing: "Без согласия мы не сможем отправить результат",
        too_many: "Слишком много запросов. Повторите через секунду",
        proof_wrong: "Проверка браузера не пройдена: отправьте форму ещё раз",
        proof_expired: "Время проверки браузера вышло: отправьте форму ещё раз",
        turnstile_wrong: "Проверка браузера не пройдена: повторите её",
        unavailable: "Сервис временно недоступен, попробуйте ещё раз через несколько секунд",
        contact: contact::RU_CONTACT,
    },
    crm: crm::RU,
    consents: &RU_CONSENTS,
};

static RU_CONSENTS: [ConsentText; 1] = [ConsentText {
    version: "2",
    text: "Даю OnAI Academy согласие на\u{a0}обработку моих контактов и\u{a0}ответов и\u{a0}на\u{a0}их передачу \
               сервисам за\u{a0}пределами Казахстана, чтобы получить по\u{a0}e-mail и\u{a0}SMS результат теста \
               и\u{a0}предложения о\u{a0}курсах, на\u{a0}условиях политики конфиденциальности",
    link: "политики конфиденциальности",
}];
