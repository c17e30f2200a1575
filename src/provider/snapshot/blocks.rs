//! Reads a file of lines in blocks of complete lines, which several threads parse in parallel. Results come in the
//! order of the file.

use std::io::{self, Read};
use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, Builder, Scope, ScopedJoinHandle};

use sha2::{Digest as _, Sha256};

use crate::plan::Digest;

/// How many bytes are read at a time, at least.
const BLOCK: usize = 256 * 1024;
/// How many blocks each thread has at most: one that it parses, and one that waits.
const AHEAD: usize = 2;
/// The greatest number of threads. More would not help: one thread hashes the file.
const MOST_THREADS: usize = 8;

/// Some consecutive complete lines.
pub(super) struct Block {
    /// The number of the first, from 1.
    pub(super) first_line: u64,
    pub(super) text: Vec<u8>,
}

/// The lines of a file. The last one is never part of a block: it is what is left at the end.
pub(super) struct Blocks<R> {
    from: R,
    next_line: u64,
    /// Bytes that were read and are in no block yet.
    rest: Vec<u8>,
    /// The hash of everything before `rest`.
    hasher: Sha256,
    longest_line: usize,
}

/// What is left after all blocks.
pub(super) struct Rest {
    /// The number of its first line.
    pub(super) line: u64,
    /// The last line, with its line break if it has one, and everything after it.
    pub(super) text: Vec<u8>,
    /// The hash of everything before it.
    pub(super) sha256: Digest,
}

/// A thread that parses, with the channels for its blocks and results.
struct Worker<'s, P> {
    blocks: SyncSender<Block>,
    parsed: Receiver<P>,
    thread: ScopedJoinHandle<'s, ()>,
}

impl<R: Read> Blocks<R> {
    /// The lines after the first one, which was read already and is hashed too.
    pub(super) fn behind(first: &[u8], from: R, longest_line: usize) -> Self {
        Self { from, next_line: 2, rest: Vec::new(), hasher: Sha256::new_with_prefix(first), longest_line }
    }

    /// The next block; `None` if only the last line is left, or a line is too long.
    fn next(&mut self) -> io::Result<Option<Block>> {
        loop {
            // If no line has ended, twice as much as before, so that a long line is not searched again and again.
            let more = self.rest.len().max(BLOCK);
            let read = self.from.by_ref().take(more as u64).read_to_end(&mut self.rest)?;
            if let Some(end) = end_of_last_but_one(&self.rest) {
                let text: Vec<u8> = self.rest.drain(..end).collect();
                self.hasher.update(&text);
                let block = Block { first_line: self.next_line, text };
                self.next_line += block.text.iter().filter(|&&byte| byte == b'\n').count() as u64;
                return Ok(Some(block));
            }
            if read == 0 || self.rest.len() > self.longest_line {
                return Ok(None);
            }
        }
    }

    fn rest(self) -> Rest {
        Rest { line: self.next_line, text: self.rest, sha256: Digest::from_bytes(self.hasher.finalize().into()) }
    }

    /// Parses all blocks and passes each result to `take`, in the order of the file, until `take` fails.
    pub(super) fn parse<P: Send, E: From<io::Error>>(
        mut self,
        parse: impl Fn(&Block) -> P + Sync,
        mut take: impl FnMut(P) -> Result<(), E>,
    ) -> Result<Rest, E> {
        let mut threads = thread::available_parallelism().map_or(1, NonZero::get).min(MOST_THREADS);
        thread::scope(|scope| {
            let mut workers: Vec<Worker<'_, P>> = Vec::with_capacity(threads);
            let (mut given, mut taken) = (0, 0);
            while let Some(block) = self.next()? {
                if workers.len() < threads {
                    // If the system starts no more threads, these must do; without any, the blocks are parsed here.
                    match Worker::start(scope, &parse) {
                        Ok(worker) => workers.push(worker),
                        Err(_) => threads = workers.len(),
                    }
                }
                if threads == 0 {
                    take(parse(&block))?;
                    continue;
                }
                if given - taken == threads * AHEAD {
                    take(Worker::next(&mut workers, taken))?;
                    taken += 1;
                }
                // If sending fails, the thread has panicked; waiting for its result reports that.
                let _ = workers[given % threads].blocks.send(block);
                given += 1;
            }
            while taken < given {
                take(Worker::next(&mut workers, taken))?;
                taken += 1;
            }
            Ok(self.rest())
        })
    }
}

impl<'s, P: Send + 's> Worker<'s, P> {
    fn start<'e>(scope: &'s Scope<'s, 'e>, parse: &'s (impl Fn(&Block) -> P + Sync)) -> io::Result<Self> {
        let (blocks, to_parse) = sync_channel::<Block>(AHEAD);
        let (done, parsed) = sync_channel(AHEAD);
        let thread = Builder::new().spawn_scoped(scope, move || {
            for block in to_parse {
                // After an error nobody receives more results.
                if done.send(parse(&block)).is_err() {
                    break;
                }
            }
        })?;
        Ok(Self { blocks, parsed, thread })
    }

    /// The result of the block with this number; the threads take turns.
    fn next(workers: &mut Vec<Self>, block: usize) -> P {
        let place = block % workers.len();
        workers[place].parsed.recv().unwrap_or_else(|_| match workers.swap_remove(place).thread.join() {
            Err(panic) => resume_unwind(panic),
            Ok(()) => unreachable!("a thread ends where no more blocks are given, or nobody takes what it parsed"),
        })
    }
}

/// Where the last line but one ends, after its line break.
fn end_of_last_but_one(text: &[u8]) -> Option<usize> {
    let is_end = |byte: &u8| *byte == b'\n';
    let last = text.iter().rposition(is_end)?;
    Some(text[..last].iter().rposition(is_end)? + 1)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Returns a few bytes at a time, as a pipe does.
    struct Trickle<'t>(&'t [u8], usize);

    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = self.0.len().min(buffer.len()).min(self.1);
            let (given, rest) = self.0.split_at(length);
            buffer[..length].copy_from_slice(given);
            self.0 = rest;
            Ok(length)
        }
    }

    fn read(text: &[u8], step: usize) -> (Vec<(u64, Vec<u8>)>, Rest) {
        let mut blocks = Vec::new();
        let parse = |block: &Block| (block.first_line, block.text.clone());
        let take = |block| {
            blocks.push(block);
            Ok::<_, io::Error>(())
        };
        let rest = Blocks::behind(b"head\n", Trickle(text, step), 1 << 20).parse(parse, take).unwrap();
        (blocks, rest)
    }

    #[test]
    fn many_blocks_come_in_their_order() {
        let line = [vec![b'x'; 999], vec![b'\n']].concat();
        let text = line.repeat(5_000);
        let (blocks, rest) = read(&text, usize::MAX);
        assert!(blocks.len() > 10, "{}", blocks.len());
        let mut next = 2;
        for (first, block) in &blocks {
            assert_eq!((*first, block.len() % 1000), (next, 0));
            next += block.len() as u64 / 1000;
        }
        assert_eq!((rest.line, rest.text == line), (5_001, true));
    }

    #[test]
    fn what_is_wrong_first_ends_it() {
        let text = b"x\n".repeat(1 << 20);
        let mut taken = 0;
        let take = |_: u64| {
            taken += 1;
            if taken == 3 { Err(io::Error::other("enough")) } else { Ok(()) }
        };
        let read = Blocks::behind(b"", &*text, 1 << 20).parse(|block| block.first_line, take);
        assert_eq!(read.err().unwrap().to_string(), "enough");
        assert_eq!(taken, 3);
    }

    #[test]
    fn a_line_without_an_end_is_not_read_for_ever() {
        let text = vec![b'x'; 8 << 20];
        let (blocks, rest) = read(&text, usize::MAX);
        assert!(blocks.is_empty());
        assert!(rest.text.len() < 4 << 20, "{}", rest.text.len());
    }

    proptest! {
        #[test]
        fn all_lines_but_the_last_are_given_once(text in "[ab\n]{0,40}", step in 1_usize..9) {
            let (blocks, rest) = read(text.as_bytes(), step);
            let given: Vec<u8> = blocks.into_iter().flat_map(|(_, text)| text).collect();
            prop_assert_eq!(rest.line, 2 + given.iter().filter(|&&byte| byte == b'\n').count() as u64);
            prop_assert!(rest.text.iter().filter(|&&byte| byte == b'\n').count() < 2);
            prop_assert!(given.is_empty() || given.ends_with(b"\n"));
            let sha256 = Digest::from_bytes(Sha256::digest([b"head\n", &given[..]].concat()).into());
            prop_assert_eq!(rest.sha256, sha256);
            prop_assert_eq!([given, rest.text].concat(), text.as_bytes());
        }
    }
}
