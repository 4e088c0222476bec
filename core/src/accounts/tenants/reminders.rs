//! When a company reminds its customers of what is overdue, and with which words.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::application::error::Error;
use crate::values::invalid::{FieldError, Invalid};
use crate::values::language::Language;
use crate::values::text::text;

text!(
    /// What a reminder says in place of the usual words.
    ReminderText, "the text of a reminder", 1000
);

/// One level of reminders: each invoice is named once in a reminder of this level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReminderLevel {
    /// After the due date.
    pub days: i16,
    pub text_fr: Option<ReminderText>,
    pub text_en: Option<ReminderText>,
}

impl ReminderLevel {
    /// The maximum number of levels.
    pub const MOST: usize = 5;
    pub const MIN_DAYS: i16 = 1;
    pub const MAX_DAYS: i16 = 365;

    /// Its own words in a language, if it has some.
    pub fn text(&self, language: Language) -> Option<&ReminderText> {
        match language {
            Language::Fr => self.text_fr.as_ref(),
            Language::En => self.text_en.as_ref(),
        }
    }

    /// # Errors
    /// `too_many` if there are more than [`Self::MOST`]; `out_of_range` or `not_later` for the first one whose days are not between 1 and 365, or not
    /// more than those of the level before.
    pub(super) fn check(levels: &[Self]) -> Result<(), FieldError> {
        if levels.len() > Self::MOST {
            let message =
                format!("there are at most {} levels of reminders, not {}", Self::MOST, levels.len());
            return Err(Invalid::new("too_many", message).at("/reminders"));
        }
        let mut before = 0;
        for (index, level) in levels.iter().enumerate() {
            let pointer = format!("/reminders/{index}/days");
            if !(Self::MIN_DAYS..=Self::MAX_DAYS).contains(&level.days) {
                let message = format!(
                    "a reminder is sent from {} to {} days after the due date",
                    Self::MIN_DAYS,
                    Self::MAX_DAYS
                );
                return Err(Invalid::new("out_of_range", message).at(pointer));
            }
            if level.days <= before {
                let message =
                    format!("each level comes later than the one before: after more than {before} days");
                return Err(Invalid::new("not_later", message).at(pointer));
            }
            before = level.days;
        }
        Ok(())
    }
}

/// As they are stored.
#[derive(Debug, Deserialize)]
struct Stored {
    days: i16,
    #[serde(default)]
    text_fr: Option<String>,
    #[serde(default)]
    text_en: Option<String>,
}

pub(super) fn to_json(levels: &[ReminderLevel]) -> Result<Value, Error> {
    serde_json::to_value(levels).map_err(|cause| Error::Serialize { what: "levels of reminders", cause })
}

pub(super) fn from_json(stored: Value) -> Result<Vec<ReminderLevel>, Error> {
    let levels: Vec<Stored> = serde_json::from_value(stored)
        .map_err(|cause| Error::Serialize { what: "stored levels of reminders", cause })?;
    let level = |Stored { days, text_fr, text_en }| ReminderLevel {
        days,
        text_fr: text_fr.map(ReminderText::stored),
        text_en: text_en.map(ReminderText::stored),
    };
    Ok(levels.into_iter().map(level).collect())
}

#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ReminderLevel)]
pub struct ReminderLevelView {
    /// After the due date.
    #[schema(example = 7, minimum = 1, maximum = 365)]
    pub days: i16,
    /// What the reminder says in French in place of the usual words; null: these.
    pub text_fr: Option<String>,
    /// The same in English.
    pub text_en: Option<String>,
}

impl From<&ReminderLevel> for ReminderLevelView {
    fn from(level: &ReminderLevel) -> Self {
        Self {
            days: level.days,
            text_fr: level.text_fr.as_ref().map(ToString::to_string),
            text_en: level.text_en.as_ref().map(ToString::to_string),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(days: &[i16]) -> Vec<ReminderLevel> {
        days.iter().map(|days| ReminderLevel { days: *days, text_fr: None, text_en: None }).collect()
    }

    #[test]
    fn each_level_comes_later_than_the_one_before() {
        let fault =
            |days: &[i16]| ReminderLevel::check(&levels(days)).map_err(|fault| (fault.pointer, fault.code));
        assert_eq!(fault(&[]), Ok(()));
        assert_eq!(fault(&[7, 21, 45]), Ok(()));
        assert_eq!(fault(&[0]), Err(("/reminders/0/days".to_owned(), "out_of_range")));
        assert_eq!(fault(&[7, 366]), Err(("/reminders/1/days".to_owned(), "out_of_range")));
        assert_eq!(fault(&[7, 7]), Err(("/reminders/1/days".to_owned(), "not_later")));
        assert_eq!(fault(&[1, 2, 3, 4, 5, 6]), Err(("/reminders".to_owned(), "too_many")));
    }

    #[test]
    fn what_is_stored_is_read_back() {
        let text = ReminderText::parse("Merci de régler.").expect("valid");
        let levels = vec![ReminderLevel { days: 7, text_fr: Some(text), text_en: None }];
        let stored = to_json(&levels).expect("JSON");
        assert_eq!(from_json(stored).expect("read back"), levels);
    }
}
