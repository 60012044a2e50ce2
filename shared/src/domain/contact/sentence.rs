//! What a refusal says to the person.

use std::borrow::Cow;

use super::{ContactError, Field};
use crate::texts::ContactTexts;

impl ContactError {
    /// The sentence under the field.
    pub fn sentence(self, field: Field, texts: &ContactTexts) -> Cow<'static, str> {
        let fixed = match self {
            Self::Empty => match field {
                Field::Name => texts.name_empty,
                Field::Email => texts.email_empty,
                Field::Phone => texts.phone_empty,
            },
            Self::TooShort => match field {
                Field::Name => texts.name_short,
                // No address is refused as too short: what is missing has a name.
                Field::Email => texts.no_domain,
                Field::Phone => texts.phone_short,
            },
            Self::TooLong => match field {
                Field::Name => texts.name_long,
                Field::Email => texts.email_long,
                Field::Phone => texts.phone_long,
            },
            Self::ControlCharacter => texts.control_character,
            Self::WrongCharacter { character: ',' } if field == Field::Email => texts.email_comma,
            Self::WrongCharacter { character } => return (texts.wrong_character)(character).into(),
            Self::DigitsForName => texts.digits_for_name,
            Self::NoLetter => texts.no_letter,
            Self::PhoneForEmail => texts.phone_for_email,
            Self::NoAt => texts.no_at,
            Self::ExtraAt => texts.extra_at,
            Self::SeveralAddresses => texts.several_addresses,
            Self::Space => texts.space,
            Self::NotAscii { character } => return (texts.not_ascii)(character).into(),
            Self::NoMailbox => texts.no_mailbox,
            Self::NoDomain => texts.no_domain,
            Self::NoTopLevelDomain => texts.no_top_level_domain,
            Self::WrongDots => texts.wrong_dots,
            Self::WrongDomain => texts.wrong_domain,
            Self::EmailForPhone => texts.email_for_phone,
            Self::Letters => texts.letters,
            Self::SeveralNumbers => texts.several_numbers,
            Self::Extension => texts.extension,
            Self::TooFewDigits { missing } => return (texts.too_few_digits)(missing).into(),
            Self::TooManyDigits { extra } => return (texts.too_many_digits)(extra).into(),
            Self::NoPlus => texts.no_plus,
            Self::NoCountryCode => texts.no_country_code,
            Self::NoSuchCountryCode => texts.no_such_country_code,
            Self::ServiceCode => texts.service_code,
            Self::PremiumRate => texts.premium_rate,
            Self::UnassignedRange => texts.unassigned_range,
        };
        Cow::Borrowed(fixed)
    }
}
