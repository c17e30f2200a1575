//! Who was in Skovik before an apply wrote anything. In every run of the apply, a new user's id must be none of these.

use base64ct::{Base64, Encoding as _};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::employee::UserId;
use crate::plan::Digest;

/// How many bytes of an id's SHA-256 are kept. A collision makes a create doubtful; it never causes a write.
const BYTES: usize = 8;

/// The ids of all users of a list, as sorted hashes.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Known(Vec<[u8; BYTES]>);

impl Known {
    /// The ids of these users.
    #[must_use]
    pub fn of<'a>(users: impl Iterator<Item = &'a UserId>) -> Self {
        let mut hashes: Vec<_> = users.map(hash).collect();
        hashes.sort_unstable();
        Self(hashes)
    }

    /// How many there were.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether all of them are among others, too.
    pub(super) fn are_among(&self, others: &Self) -> bool {
        self.0.iter().all(|hash| others.0.binary_search(hash).is_ok())
    }

    /// Whether a user was there.
    #[must_use]
    pub fn has(&self, id: &UserId) -> bool {
        self.0.binary_search(&hash(id)).is_ok()
    }
}

fn hash(id: &UserId) -> [u8; BYTES] {
    let digest = Digest::of(id.as_str().as_bytes());
    std::array::from_fn(|place| digest.as_bytes()[place])
}

impl Serialize for Known {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Base64::encode_string(self.0.as_flattened()))
    }
}

impl<'de> Deserialize<'de> for Known {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = Base64::decode_vec(&text).map_err(D::Error::custom)?;
        let (hashes, []) = bytes.as_chunks::<BYTES>() else { return Err(D::Error::custom("a hash is cut")) };
        if !hashes.is_sorted() {
            return Err(D::Error::custom("the hashes are not sorted"));
        }
        Ok(Self(hashes.to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_there_is_known_again_when_it_is_read_back() {
        let known = Known::of(["a", "b", "c"].map(UserId::from).iter());
        let text = serde_json::to_string(&known).expect("JSON");
        let read: Known = serde_json::from_str(&text).expect("it is read back");
        assert_eq!(read, known);
        assert!(["a", "b", "c"].into_iter().all(|id| read.has(&id.into())));
        assert!(!read.has(&"d".into()));
    }

    #[test]
    fn whoever_has_left_is_among_the_others_no_more() {
        let known = |ids: &[&str]| Known::of(ids.iter().map(|id| UserId::from(*id)).collect::<Vec<_>>().iter());
        assert!(known(&["a", "b"]).are_among(&known(&["c", "b", "a"])));
        assert!(known(&[]).are_among(&known(&[])));
        assert!(!known(&["a", "b"]).are_among(&known(&["b", "c"])));
    }

    #[test]
    fn what_is_no_list_of_hashes_is_refused() {
        for text in [r#""AAAA""#, r#""!""#, "[]", r#""AQAAAAAAAAAAAAAAAAAAAA==""#] {
            assert!(serde_json::from_str::<Known>(text).is_err(), "{text}");
        }
        assert!(!serde_json::from_str::<Known>("\"\"").expect("nobody").has(&"a".into()));
    }
}
