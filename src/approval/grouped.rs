//! Messages about the files next to a plan; files with the same message are grouped.

/// How many names a group shows.
const NAMES_SHOWN: usize = 3;
/// How many groups are shown; the others are only counted.
const GROUPS_SHOWN: usize = 20;

/// Some files, and the message about them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The names of the files, as part of a sentence.
    pub names: String,
    /// The message about each of them.
    pub said: String,
}

/// Groups names by their message, in the order in which the messages first appear.
#[must_use]
pub fn grouped(all: impl IntoIterator<Item = (String, String)>) -> Vec<Group> {
    let mut groups: Vec<(String, Vec<String>, usize)> = Vec::new();
    let mut others = 0;
    for (name, said) in all {
        match groups.iter().position(|(known, ..)| *known == said) {
            Some(place) if groups[place].1.len() == NAMES_SHOWN => groups[place].2 += 1,
            Some(place) => groups[place].1.push(name),
            None if groups.len() < GROUPS_SHOWN => groups.push((said, vec![name], 0)),
            None => others += 1,
        }
    }
    let mut found: Vec<Group> = groups
        .into_iter()
        .map(|(said, names, more)| {
            let names = names.join(", ");
            Group { names: if more > 0 { format!("{names} and {more} more") } else { names }, said }
        })
        .collect();
    if others > 0 {
        found.push(Group { names: format!("{others} more files"), said: "for other reasons".to_owned() });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_many_files_there_are_the_lines_are_few() {
        let say =
            |count: usize, said: &dyn Fn(usize) -> String| grouped((0..count).map(|n| (format!("f{n}"), said(n))));
        assert_eq!(say(0, &|_| String::new()), []);
        let two = say(5, &|n| if n == 1 { "is odd".to_owned() } else { "is even".to_owned() });
        assert_eq!(
            two,
            [("f0, f2, f3 and 1 more", "is even"), ("f1", "is odd")]
                .map(|(names, said)| Group { names: names.to_owned(), said: said.to_owned() })
        );
        let many = say(30_000, &|n| n.to_string());
        assert_eq!(many.len(), GROUPS_SHOWN + 1);
        assert_eq!(many[GROUPS_SHOWN].names, "29980 more files");
        assert_eq!(say(30_000, &|_| "is junk".to_owned())[0].names, "f0, f1, f2 and 29997 more");
    }
}
