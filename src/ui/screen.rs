//! The terminal that progress bars are drawn on. If it stops taking output, as after a lost connection, bars end and
//! the program goes on.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use console::Term;
use indicatif::{ProgressDrawTarget, TermLike};

use super::stream;

/// How often a second bars are drawn at most.
const DRAWN_A_SECOND: u8 = 20;

/// Where bars are drawn: on standard error, if that is a terminal.
pub(super) fn bars() -> ProgressDrawTarget {
    let terminal = Term::stderr();
    if !terminal.is_term() {
        return ProgressDrawTarget::hidden();
    }
    let screen = Screen { terminal, frame: Mutex::default(), is_gone: AtomicBool::new(false) };
    ProgressDrawTarget::term_like_with_hz(Box::new(screen), DRAWN_A_SECOND)
}

#[derive(Debug)]
struct Screen {
    /// For its size only.
    terminal: Term,
    /// What is drawn with the next flush.
    frame: Mutex<String>,
    /// A frame was not taken. What the screen shows is unknown from then on, and nothing more is drawn.
    is_gone: AtomicBool,
}

impl Screen {
    fn put(&self, text: &str) {
        self.frame.lock().unwrap_or_else(PoisonError::into_inner).push_str(text);
    }

    fn move_cursor(&self, by: usize, direction: char) {
        if by > 0 {
            self.put(&format!("\u{1b}[{by}{direction}"));
        }
    }
}

impl TermLike for Screen {
    fn width(&self) -> u16 {
        self.terminal.size().1
    }

    fn height(&self) -> u16 {
        self.terminal.size().0
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.move_cursor(n, 'A');
        Ok(())
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.move_cursor(n, 'B');
        Ok(())
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.move_cursor(n, 'C');
        Ok(())
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.move_cursor(n, 'D');
        Ok(())
    }

    fn write_line(&self, s: &str) -> io::Result<()> {
        self.put(s);
        self.put("\n");
        Ok(())
    }

    fn write_str(&self, s: &str) -> io::Result<()> {
        self.put(s);
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        self.put("\r\u{1b}[2K");
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        let frame = std::mem::take(&mut *self.frame.lock().unwrap_or_else(PoisonError::into_inner));
        if !frame.is_empty() && !self.is_gone.load(Ordering::Relaxed) && !stream::draw(frame.as_bytes()) {
            self.is_gone.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}
