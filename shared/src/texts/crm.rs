//! Deals, notes and tasks, which the sales team reads.

/// Words that people and tools write into tags, in lower case, and what they are called.
pub type Words = &'static [(&'static [&'static str], &'static str)];

/// Deals, notes and tasks, which the sales team reads.
#[derive(Debug)]
pub struct CrmTexts {
    /// Before the person's name in a deal's title.
    pub deal: &'static str,
    /// What the responsible user is to do; `AMOCRM_TASK_TEXT` may say something else.
    pub task: &'static str,
    /// Before the leading types.
    pub result: &'static str,
    /// Between the two leading types.
    pub and: &'static str,
    /// Before the professions.
    pub professions: &'static str,
    /// Before what to say first, which is in `data/quiz.toml`.
    pub say_first: &'static str,
    /// Instead of a result.
    pub no_result: &'static str,
    /// What to say first to a person without a result.
    pub say_first_without_result: &'static str,
    /// Heading of the answers.
    pub answers: &'static str,
    /// Between a question and its answer.
    pub arrow: &'static str,
    /// Instead of an answer that this test does not have.
    pub no_answer: &'static str,
    /// Before the source in words.
    pub source: &'static str,
    /// A source of which nothing is known.
    pub no_source: &'static str,
    /// Before the source of the latest visit.
    pub last_touch: &'static str,
    /// Heading of the tags of the first visit.
    pub tags: &'static str,
    /// Heading of the tags of the latest visit.
    pub last_tags: &'static str,
    /// Where people come from: `utm_source`.
    pub networks: Words,
    /// By what kind of link: `utm_medium`.
    pub mediums: Words,
    /// Note after a click in the e-mail.
    pub email_clicked: &'static str,
    /// Note after a click in the SMS.
    pub sms_clicked: &'static str,
    /// The e-mail was given up, or came back. Why follows after a colon.
    pub email_undelivered: &'static str,
    /// The SMS was given up, or did not arrive. Why follows after a colon.
    pub sms_undelivered: &'static str,
    /// Why a message did not arrive.
    pub why: WhyTexts,
    /// The person wants no messages any more.
    pub unsubscribed: &'static str,
    /// Somebody else had typed this person's contacts.
    pub not_me: &'static str,
}

/// Why a message did not arrive.
#[derive(Debug)]
pub struct WhyTexts {
    /// The address does not exist.
    pub no_mailbox: &'static str,
    /// The mailbox takes nothing now.
    pub mailbox_full: &'static str,
    /// The vendor does not take the address.
    pub wrong_address: &'static str,
    /// The number takes no SMS.
    pub number_refuses: &'static str,
    /// The phone was away for as long as the network tries.
    pub phone_off: &'static str,
    /// The vendor does not take the number.
    pub wrong_number: &'static str,
    /// The recipient called it spam.
    pub complained: &'static str,
    /// The recipient wants no messages.
    pub unwanted: &'static str,
    /// Our limits did not let it out, and nobody released it.
    pub held: &'static str,
    /// The vendor did not answer, and nobody knows whether it went out.
    pub unknown: &'static str,
    /// The vendor refused for too long.
    pub service: &'static str,
}

pub(super) const RU: CrmTexts = CrmTexts {
    deal: "Профтест:",
    task: "Позвонить: заявка с профтеста. Результат и с чего начать разговор — в первом примечании",
    result: "Результат теста:",
    and: " и ",
    professions: "Профессии:",
    say_first: "С чего начать:",
    no_result: "Результата теста нет: человек оставил контакты.",
    say_first_without_result: "Спросите, чем человек хочет заниматься и что уже пробовал. Предложите пройти тест: \
                               результат придёт по e-mail.",
    answers: "Ответы:",
    arrow: "➜",
    no_answer: "нет ответа",
    source: "Источник:",
    no_source: "не указан",
    last_touch: "Последний визит:",
    tags: "Метки:",
    last_tags: "Метки последнего визита:",
    networks: &[
        (
            &["ig", "insta", "instagram", "instagram.com", "l.instagram.com"],
            "Instagram",
        ),
        (
            &[
                "fb",
                "facebook",
                "facebook.com",
                "m.facebook.com",
                "l.facebook.com",
            ],
            "Facebook",
        ),
        (&["an", "meta"], "Meta"),
        (&["msg", "messenger"], "Messenger"),
        (&["th", "threads", "threads.net", "threads.com"], "Threads"),
        (
            &[
                "tt",
                "tiktok",
                "tik-tok",
                "tik_tok",
                "tiktok.com",
                "tiktokads",
                "tiktok_ads",
            ],
            "TikTok",
        ),
        (
            &[
                "ya",
                "yandex",
                "yandex.ru",
                "yandex.kz",
                "yandex_direct",
                "yandex-direct",
                "direct",
            ],
            "Яндекс",
        ),
        (
            &[
                "google",
                "google.com",
                "google.kz",
                "adwords",
                "googleads",
                "google_ads",
                "google-ads",
            ],
            "Google",
        ),
        (&["yt", "youtube", "youtube.com", "m.youtube.com"], "YouTube"),
        (&["tg", "telegram", "telegram.org", "t.me", "telega"], "Telegram"),
        (
            &["wa", "whatsapp", "whatsapp.com", "wa.me", "whats_app"],
            "WhatsApp",
        ),
        (
            &["vk", "vkontakte", "vk.com", "m.vk.com", "vkads", "vk_ads"],
            "ВКонтакте",
        ),
        (&["ok", "ok.ru", "odnoklassniki"], "Одноклассники"),
        (&["2gis", "2gis.kz", "dgis"], "2ГИС"),
        (&["kaspi", "kaspi.kz"], "Kaspi"),
        (&["olx", "olx.kz"], "OLX"),
        (&["hh", "hh.kz", "headhunter"], "HeadHunter"),
        (&["email", "e-mail", "mail", "newsletter", "resend"], "письмо"),
        (&["sms", "mobizon"], "SMS"),
        (&["qr", "qr-code", "qr_code", "qrcode"], "QR-код"),
        (&["site", "website", "web"], "сайт"),
        (&["blogger", "bloger", "influencer"], "блогер"),
    ],
    mediums: &[
        (
            &[
                "cpc",
                "ppc",
                "cpm",
                "cpa",
                "cpv",
                "ad",
                "ads",
                "paid",
                "paid_social",
                "paid-social",
                "paidsocial",
                "paid_search",
                "target",
                "targeting",
                "targeted",
                "banner",
                "display",
                "retargeting",
                "promo",
            ],
            "реклама",
        ),
        (&["organic", "free", "seo"], "без рекламы"),
        (&["social", "smm", "social_media", "social-media"], "соцсети"),
        (&["story", "stories"], "сторис"),
        (&["reel", "reels"], "Reels"),
        (&["shorts"], "Shorts"),
        (&["post", "feed"], "пост"),
        (
            &["bio", "profile", "link_in_bio", "linktree", "taplink"],
            "ссылка в профиле",
        ),
        (
            &["blogger", "bloger", "influencer", "partner", "affiliate"],
            "блогер",
        ),
        (&["email", "e-mail", "mail", "newsletter"], "письмо"),
        (&["sms"], "SMS"),
        (&["messenger", "chat", "bot", "direct"], "переписка"),
        (&["referral", "ref", "link"], "ссылка с сайта"),
        (&["qr", "qr-code", "qr_code", "qrcode"], "QR-код"),
        (&["offline", "event"], "мероприятие"),
    ],
    email_clicked: "Перешёл по ссылке из письма",
    sms_clicked: "Перешёл по ссылке из SMS",
    email_undelivered: "Письмо не доставлено",
    sms_undelivered: "SMS не доставлено",
    why: WhyTexts {
        no_mailbox: "ящика нет",
        mailbox_full: "ящик не принимает письма, возможно, переполнен",
        wrong_address: "почтовая служба не принимает такой адрес",
        number_refuses: "номер не принимает",
        phone_off: "телефон был выключен или вне сети",
        wrong_number: "на такой номер SMS не отправить",
        complained: "человек пожаловался на спам",
        unwanted: "человек отказался от сообщений",
        held: "отправку не разрешили",
        unknown: "служба рассылки не ответила, возможно, всё же дошло",
        service: "служба рассылки отказала",
    },
    unsubscribed: "Отписался: писем и SMS от нас больше не получит. Звонить можно, но осторожно",
    not_me: "Это был не он: не звоните. Кто-то другой оставил его контакты",
};
