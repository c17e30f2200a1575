//! A document with a limit of bytes: what matters least is left out first, and the document says how much.

use std::fmt::Write;

use crate::render::text::layout::thousands;

/// How to see what was left out; the count comes before this text.
const SEE_ALL: &str = "see everything with `skovik-sync show PLAN`";

/// A part of the document: the text around its items, and the items. An item is shown completely or not at all.
#[derive(Debug, Default)]
pub(in crate::render) struct Section {
    pub(in crate::render) before: String,
    pub(in crate::render) items: Vec<Item>,
    pub(in crate::render) after: String,
    /// The text after the section, in every case.
    pub(in crate::render) end: &'static str,
    /// The name of the items in the message about omitted ones.
    pub(in crate::render) what: &'static str,
}

/// One person, guard, source or message.
#[derive(Debug)]
pub(in crate::render) struct Item {
    pub(in crate::render) text: String,
    /// Within a section, items with a higher rank are left out first.
    pub(in crate::render) rank: u8,
}

/// The sections in the order of the document; those further down matter less.
pub(in crate::render) struct Document {
    pub(in crate::render) head: String,
    pub(in crate::render) sections: Vec<Section>,
    pub(in crate::render) tail: String,
}

impl Section {
    /// The bytes around the items.
    fn frame(&self) -> usize {
        self.before.len() + self.after.len() + self.end.len()
    }

    fn all(&self) -> usize {
        self.items.iter().map(|item| item.text.len()).sum()
    }

    fn omission(&self, count: usize) -> String {
        format!("\n… and {} more {} left out; {SEE_ALL}.\n", thousands(count), self.what)
    }
}

impl Document {
    /// The document in at most `max_bytes`, or how many are needed at least.
    pub(in crate::render) fn fit(self, max_bytes: usize) -> Result<String, usize> {
        let sections: Vec<_> = self.sections.into_iter().filter(|section| !section.items.is_empty()).collect();
        let frame: usize = self.head.len() + self.tail.len() + sections.iter().map(Section::frame).sum::<usize>();
        let whole = frame + sections.iter().map(Section::all).sum::<usize>();
        let mut text = self.head;
        if whole <= max_bytes {
            for section in &sections {
                write_section(&mut text, section, &vec![true; section.items.len()]);
            }
        } else {
            let notice = notice(max_bytes);
            let omissions: usize = sections.iter().map(|section| section.omission(section.items.len()).len()).sum();
            let least = frame + notice.len() + omissions;
            let mut left = max_bytes.checked_sub(least).ok_or(least)?;
            text.push_str(&notice);
            for section in &sections {
                let kept = choose(section, &mut left);
                write_section(&mut text, section, &kept);
            }
        }
        text.push_str(&self.tail);
        Ok(text)
    }
}

fn notice(max_bytes: usize) -> String {
    format!(
        "> **Shortened** to {} bytes: what is left out is counted where it would stand; {SEE_ALL}.\n\n",
        thousands(max_bytes)
    )
}

/// Which items fit, chosen by rank and then by the plan's order. An item that is too long does not keep shorter ones
/// out.
fn choose(section: &Section, left: &mut usize) -> Vec<bool> {
    let mut order: Vec<usize> = (0..section.items.len()).collect();
    order.sort_by_key(|&index| section.items[index].rank);
    let mut kept = vec![false; section.items.len()];
    for index in order {
        if let Some(rest) = left.checked_sub(section.items[index].text.len()) {
            *left = rest;
            kept[index] = true;
        }
    }
    kept
}

fn write_section(text: &mut String, section: &Section, kept: &[bool]) {
    text.push_str(&section.before);
    for (item, _) in section.items.iter().zip(kept).filter(|(_, kept)| **kept) {
        text.push_str(&item.text);
    }
    text.push_str(&section.after);
    let omitted = kept.iter().filter(|kept| !**kept).count();
    if omitted > 0 {
        // Writing to a string cannot fail.
        let _ = text.write_str(&section.omission(omitted));
    }
    text.push_str(section.end);
}
