//! Every sentence of an answer or a message. The page's are in `functions/page/web`, the test's in `data/quiz.toml`;
//! no other place holds any.
//!
//! To add a language, add a `static` of type [`Texts`] and an arm in [`texts`]; the compiler names what is missing.

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
    /// Answers to refused requests.
    pub errors: ErrorTexts,
    /// Deals and notes, which the sales team reads.
    pub crm: CrmTexts,
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
    /// Footer: what to do if another person entered this address.
    pub not_you: &'static str,
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
    /// The name is shorter than 2 characters.
    pub name_too_short: &'static str,
    /// The e-mail address is invalid.
    pub email_invalid: &'static str,
    /// The phone has fewer than 11 digits or is not an assignable number.
    pub phone_invalid: &'static str,
    /// Nothing has this path.
    pub path_unknown: &'static str,
    /// The path takes other methods.
    pub method_unknown: &'static str,
    /// The body is over the limit.
    pub body_too_large: &'static str,
    /// The content type is not JSON.
    pub content_type_unsupported: &'static str,
    /// The body is not valid JSON.
    pub json_broken: &'static str,
    /// A field has the wrong type, such as a number for the name.
    pub field_type_wrong: &'static str,
    /// The form looks filled in by a program; pressing the button again helps.
    pub looks_automatic: &'static str,
    /// The lead cannot be saved now; the same request may succeed soon.
    pub unavailable: &'static str,
}

/// Deals and notes, which the sales team reads.
#[derive(Debug)]
pub struct CrmTexts {
    /// Before the person's name in a deal's title.
    pub deal: &'static str,
    /// Heading of the note with the answers.
    pub answers: &'static str,
    /// Between a question and its answer.
    pub arrow: &'static str,
    /// Heading of the note with the source and its tags.
    pub source: &'static str,
    /// Heading of the tags of the latest visit.
    pub last_touch: &'static str,
    /// Note after a click in the e-mail.
    pub email_clicked: &'static str,
    /// Note after a click in the SMS.
    pub sms_clicked: &'static str,
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
        not_you: "Если тест проходили не\u{a0}вы, просто не\u{a0}обращайте внимания на\u{a0}это письмо.",
    },
    sms: SmsTexts {
        ready: "Ваши результаты готовы!",
    },
    errors: ErrorTexts {
        fields_required: "Заполните имя, e-mail и телефон",
        name_too_short: "Имя должно содержать не меньше 2 символов",
        email_invalid: "Введите корректный e-mail",
        phone_invalid: "Введите корректный номер телефона: не меньше 11 цифр",
        path_unknown: "По этому адресу ничего нет",
        method_unknown: "По этому адресу нельзя отправить такой запрос",
        body_too_large: "Слишком большой запрос",
        content_type_unsupported: "Отправьте данные в формате JSON",
        json_broken: "Не удалось прочитать данные: это не JSON",
        field_type_wrong: "Одно из полей заполнено неверно",
        looks_automatic: "Не удалось проверить форму. Пожалуйста, нажмите кнопку ещё раз",
        unavailable: "Сервис временно недоступен, попробуйте ещё раз через несколько секунд",
    },
    crm: CrmTexts {
        deal: "Профтест:",
        answers: "Ответы профтеста",
        arrow: "➜",
        source: "Источник:",
        last_touch: "Последний визит:",
        email_clicked: "Перешёл по ссылке из письма",
        sms_clicked: "Перешёл по ссылке из SMS",
    },
};
