//! The workers as they are written down: a list, since JSON has no maps with numbers for keys.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Member, WorkerId};

pub(super) fn serialize<S: Serializer>(
    members: &BTreeMap<WorkerId, Member>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    members.values().collect::<Vec<_>>().serialize(serializer)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<WorkerId, Member>, D::Error> {
    let members = Vec::<Member>::deserialize(deserializer)?;
    Ok(members.into_iter().map(|member| (member.id, member)).collect())
}
