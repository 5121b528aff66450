//! Deserializes only what is used of the engine's JSON, within limits: what others have written into an
//! object, such as its environment, may be of any size, and there may be many objects.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::limits::shortened;

/// The labels that are read.
const LABELS: [&str; 6] = ["app", "component", "kernel_id", "kernelspec", "warm", SERVICE];

/// The label that names the service of a task's container.
pub(super) const SERVICE: &str = "com.docker.swarm.service.id";

/// The variables that describe a kernel.
const VARIABLES: [&str; 2] = ["KERNEL_USERNAME", "RESPONSE_ADDRESS"];

/// How many texts are kept of a list that is only shown, and how many words of a command.
const FEW: usize = 5;
const WORDS: usize = 100;

/// Reads Go's `null`, written for instance for an empty list, as the default.
pub(super) fn null_is_default<'de, D, T>(deserializer: D) -> std::result::Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// The same for a map and for each of its values.
pub(super) fn nulls_are_defaults<'de, D, T>(
    deserializer: D,
) -> std::result::Result<BTreeMap<String, T>, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    let map: BTreeMap<String, Option<T>> = null_is_default(deserializer)?;
    Ok(map.into_iter().map(|(name, value)| (name, value.unwrap_or_default())).collect())
}

/// Reads a text that is only shown, or compared with short ones.
pub(super) fn short_text<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<String, D::Error> {
    deserializer.deserialize_str(Short)
}

struct Short;

impl Visitor<'_> for Short {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E>(self, text: &str) -> std::result::Result<String, E> {
        Ok(shortened(text))
    }
}

impl<'de> DeserializeSeed<'de> for Short {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> std::result::Result<String, D::Error> {
        short_text(deserializer)
    }
}

/// Reads only [`LABELS`]. Go writes `null` if there are none.
pub(super) fn known_labels<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<BTreeMap<String, String>, D::Error> {
    struct Labels;

    impl<'de> Visitor<'de> for Labels {
        type Value = BTreeMap<String, String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("labels")
        }

        fn visit_unit<E>(self) -> std::result::Result<Self::Value, E> {
            Ok(BTreeMap::new())
        }

        fn visit_map<A: MapAccess<'de>>(
            self,
            mut map: A,
        ) -> std::result::Result<Self::Value, A::Error> {
            let mut labels = BTreeMap::new();
            while let Some(name) = map.next_key_seed(Short)? {
                if LABELS.contains(&name.as_str()) {
                    labels.insert(name, map.next_value_seed(Short)?);
                } else {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            Ok(labels)
        }
    }

    deserializer.deserialize_any(Labels)
}

/// Reads only [`VARIABLES`], as `NAME=VALUE`.
pub(super) fn known_variables<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Vec<String>, D::Error> {
    let known =
        |text: &str| text.split_once('=').is_some_and(|(name, _)| VARIABLES.contains(&name));
    deserializer.deserialize_any(Texts { keep: known, most: VARIABLES.len() }).map(|(kept, _)| kept)
}

/// Reads the first few texts of a list, and counts the others.
pub(super) fn first_texts<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Vec<String>, D::Error> {
    let (mut kept, more) =
        deserializer.deserialize_any(Texts { keep: |_: &str| true, most: FEW })?;
    if more > 0 {
        kept.push(format!("and {more} more"));
    }
    Ok(kept)
}

/// Reads the words of a command, as many as are worth showing.
pub(super) fn words<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Vec<String>, D::Error> {
    let all = Texts { keep: |_: &str| true, most: WORDS };
    deserializer.deserialize_any(all).map(|(words, _)| words)
}

/// Keeps some texts of a list, and counts the others.
struct Texts<F> {
    keep: F,
    most: usize,
}

impl<'de, F: Fn(&str) -> bool> Visitor<'de> for Texts<F> {
    type Value = (Vec<String>, usize);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of strings")
    }

    fn visit_unit<E>(self) -> std::result::Result<Self::Value, E> {
        Ok((Vec::new(), 0))
    }

    fn visit_seq<A: SeqAccess<'de>>(
        self,
        mut list: A,
    ) -> std::result::Result<Self::Value, A::Error> {
        let (mut kept, mut more) = (Vec::new(), 0);
        while let Some(text) = list.next_element_seed(Short)? {
            match (self.keep)(&text) {
                true if kept.len() < self.most => kept.push(text),
                true => more += 1,
                false => {}
            }
        }
        Ok((kept, more))
    }
}
