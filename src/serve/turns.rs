//! A connection that is read in turns: a client that sends without a pause leaves time for all others.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Reads once each time that its task is polled. Hyper reads again and again until nothing is there. What is there may
/// never end, and hyper gives up its thread only after megabytes of it.
#[derive(Debug)]
pub(super) struct Turns<S> {
    stream: S,
    has_read: bool,
}

impl<S> Turns<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, has_read: false }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Turns<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.has_read {
            self.has_read = false;
            // The task comes back after those that wait.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let read = ready!(Pin::new(&mut self.stream).poll_read(cx, into));
        self.has_read = true;
        Poll::Ready(read)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Turns<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use futures_util::poll;
    use tokio::io::AsyncReadExt as _;

    use super::*;

    #[tokio::test]
    async fn one_turn_reads_once_and_all_is_read_in_the_end() {
        let mut turns = Turns::new(&b"0000000"[..]);
        let mut part = [0; 2];
        let both = async {
            turns.read_exact(&mut part).await.unwrap();
            turns.read_exact(&mut part).await.unwrap();
        };
        let mut both = std::pin::pin!(both);
        assert!(poll!(both.as_mut()).is_pending(), "the second read is for the next turn");
        assert!(poll!(both.as_mut()).is_ready());
        let mut rest = Vec::new();
        turns.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"000");
    }
}
