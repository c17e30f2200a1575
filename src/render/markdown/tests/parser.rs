//! Parses comments as a forge does.

use comrak::nodes::{AstNode, NodeValue};
use comrak::{Arena, parse_document};

/// The structure, and the text within code and outside it.
#[derive(Debug, Default, PartialEq)]
pub(in crate::render) struct Parsed {
    pub(in crate::render) kinds: Vec<(usize, String)>,
    pub(in crate::render) outside: Vec<String>,
    pub(super) code: Vec<String>,
}

/// Parses a comment as a forge does, with all extensions that one might have.
pub(in crate::render) fn parse(text: &str) -> Parsed {
    fn visit<'a>(node: &'a AstNode<'a>, depth: usize, parsed: &mut Parsed) {
        let kind = match &node.data.borrow().value {
            NodeValue::Code(code) => {
                parsed.code.push(code.literal.clone());
                "code".to_owned()
            }
            NodeValue::CodeBlock(block) => {
                assert!(block.fenced && block.closed, "a block is left open");
                parsed.code.push(block.literal.clone());
                format!("block of {}, {} lines", block.info, block.literal.lines().count())
            }
            NodeValue::Text(text) => {
                parsed.outside.push(text.to_string());
                "text".to_owned()
            }
            NodeValue::HtmlBlock(html) => {
                parsed.outside.push(html.literal.clone());
                "html".to_owned()
            }
            NodeValue::HtmlInline(html) => {
                parsed.outside.push(html.clone());
                "inline html".to_owned()
            }
            other => format!("{other:?}"),
        };
        parsed.kinds.push((depth, kind));
        for child in node.children() {
            visit(child, depth + 1, parsed);
        }
    }
    let mut options = comrak::Options::default();
    options.extension.table = true;
    options.extension.autolink = true;
    options.extension.strikethrough = true;
    options.extension.tasklist = true;
    options.extension.footnotes = true;
    options.extension.alerts = true;
    options.extension.math_dollars = true;
    options.extension.math_code = true;
    options.extension.superscript = true;
    options.extension.underline = true;
    options.extension.spoiler = true;
    options.extension.wikilinks_title_after_pipe = true;
    options.extension.description_lists = true;
    options.extension.multiline_block_quotes = true;
    let arena = Arena::new();
    let mut parsed = Parsed::default();
    visit(parse_document(&arena, text, &options), 0, &mut parsed);
    parsed
}

#[test]
fn the_parser_sees_what_is_forged() {
    let harmless = parse("| `a` | b |\n|--|--|\n| `x` | y |\n\n```diff\n- a\n```\n");
    for forged in [
        "| `a` | b |\n|--|--|\n| `x|z` | y |\n\n```diff\n- a\n```\n",
        "| `a` | b |\n|--|--|\n| `x` | @y <b> |\n\n```diff\n- a\n```\n",
        "| `a` | b |\n|--|--|\n| `x` | y |\n\n```diff\n- a\n```\n## x\n",
    ] {
        let Parsed { kinds, outside, code: _ } = parse(forged);
        assert!(kinds != harmless.kinds || outside != harmless.outside, "{forged}");
    }
}
