//! Makes inputs from others. It changes bytes, words, and the values of formats like JSON. It finds brackets and quotes
//! without a parser, so it can change a broken input further.

use std::ops::Range;

use fastrand::Rng;

/// The longest input, in bytes.
const LONGEST: usize = 64 * 1024;
/// Bytes with a meaning in most formats.
const BYTES: &[u8] = b"\0\x01\x1b\x7f\x80\xff\"\\,;:=[]{}<>()' \t\r\n0-.e";
/// Unusual values.
const VALUES: &[&str] = &[
    "null",
    "true",
    "0",
    "-0",
    "-1",
    "1.0",
    "1e999",
    "255",
    "4294967296",
    "9007199254740993",
    "18446744073709551616",
    "\"\"",
    "\" \"",
    "\"\\u0000\"",
    "\"\\u001b[2J\"",
    "\"\\ud800\"",
    "\"\u{202e}\"",
    "\"e\u{301}\"",
    "\"../x\"",
    "[]",
    "{}",
    "[[]]",
    "{\"\":1,\"\":2}",
    "\u{feff}",
];

/// An input made from a seed, from an input of the pool, or from nothing.
pub(crate) fn input(rng: &mut Rng, seeds: &[Vec<u8>], pool: &[Vec<u8>], words: &[&str]) -> Vec<u8> {
    if rng.u8(..) < 8 {
        return (0..rng.usize(..200)).map(|_| rng.u8(..)).collect();
    }
    let mut input = pick(rng, seeds, pool).to_vec();
    // Usually one or two changes, sometimes many.
    let changes = 1 + rng.u32(..).leading_zeros();
    for _ in 0..changes {
        change(rng, &mut input, seeds, pool, words);
        input.truncate(LONGEST);
    }
    input
}

fn pick<'i>(rng: &mut Rng, seeds: &'i [Vec<u8>], pool: &'i [Vec<u8>]) -> &'i [u8] {
    let from = if pool.is_empty() || rng.bool() { seeds } else { pool };
    &from[rng.usize(..from.len())]
}

fn change(rng: &mut Rng, input: &mut Vec<u8>, seeds: &[Vec<u8>], pool: &[Vec<u8>], words: &[&str]) {
    let at = rng.usize(..=input.len());
    match rng.u8(..14) {
        0 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << rng.u8(..8);
            }
        }
        1 => {
            if let Some(byte) = input.get_mut(at) {
                *byte = BYTES[rng.usize(..BYTES.len())];
            }
        }
        2 => input.insert(at, BYTES[rng.usize(..BYTES.len())]),
        3 => drop(input.drain(piece(rng, input.len()))),
        4 => input.truncate(at),
        5 => {
            let copy = input[piece(rng, input.len())].to_vec();
            input.splice(at..at, copy);
        }
        // Repeats a piece many times, to find quadratic time and deep recursion.
        6 => {
            let copy = input[piece(rng, input.len().min(at + 8))].to_vec();
            let times = (1 << rng.u32(..14)).min(LONGEST / copy.len().max(1));
            input.splice(at..at, copy.repeat(times));
        }
        7 => {
            let other = pick(rng, seeds, pool);
            let copy = other[piece(rng, other.len())].to_vec();
            input.splice(piece(rng, input.len()), copy);
        }
        8 if !words.is_empty() => {
            let word = words[rng.usize(..words.len())];
            input.splice(at..at, word.bytes());
        }
        9 if !words.is_empty() => {
            let word = words[rng.usize(..words.len())];
            let range = token(rng, input);
            input.splice(range, word.bytes());
        }
        10 => {
            let value = VALUES[rng.usize(..VALUES.len())];
            let range = token(rng, input);
            input.splice(range, value.bytes());
        }
        11 => {
            let other = pick(rng, seeds, pool);
            let copy = other[token(rng, other)].to_vec();
            let range = token(rng, input);
            input.splice(range, copy);
        }
        12 => drop(input.drain(token(rng, input))),
        _ => {
            let copy = input[token(rng, input)].to_vec();
            input.splice(at..at, copy);
        }
    }
}

/// A random range, usually a short one.
fn piece(rng: &mut Rng, length: usize) -> Range<usize> {
    let start = rng.usize(..=length);
    let longest = (length - start).min(1 << rng.u32(..12));
    start..start + rng.usize(..=longest)
}

/// A token near a random place: a quoted text, a pair of brackets with its content, a line, or a word.
fn token(rng: &mut Rng, input: &[u8]) -> Range<usize> {
    let from = rng.usize(..=input.len());
    let is_start = |byte: &u8| byte.is_ascii_alphanumeric() || b"\"'[{<(\n-".contains(byte);
    let Some(start) = input[from..].iter().position(is_start).map(|offset| from + offset) else {
        return from..from;
    };
    let rest = &input[start + 1..];
    let length = match input[start] {
        quote @ (b'"' | b'\'') => quoted(rest, quote),
        b'[' | b'{' | b'<' | b'(' => bracketed(rest),
        b'\n' => rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len()),
        _ => rest.iter().position(|byte| !byte.is_ascii_alphanumeric() && !b"_-.".contains(byte)).unwrap_or(rest.len()),
    };
    start..start + 1 + length
}

/// The length of a quoted text, with the closing quote.
fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut escaped = false;
    let end = rest.iter().position(|&byte| {
        let ends = byte == quote && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.map_or(rest.len(), |end| end + 1)
}

/// The length up to the closing bracket, with that bracket.
fn bracketed(rest: &[u8]) -> usize {
    let mut depth = 1_usize;
    let mut at = 0;
    while let Some(&byte) = rest.get(at) {
        at += 1;
        match byte {
            b'"' => at += quoted(&rest[at..], b'"'),
            b'[' | b'{' | b'<' | b'(' => depth += 1,
            b']' | b'}' | b'>' | b')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    at
}
