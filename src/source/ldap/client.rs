//! Sends requests over a connection, and splits what comes back into messages. It never panics over what a server sends,
//! and never holds more than one message beyond what was read at once.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::{InvalidDnsNameError, ServerName};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::ber::{Elements, Header, Malformed, SEQUENCE};
use super::message::{self, Message, Operation, Refusal};

/// How long a server may be silent.
pub(super) const LONGEST_SILENCE: Duration = Duration::from_secs(60);
/// How long a message may be, in bytes. An entry is as long as a record may be.
const LONGEST_MESSAGE: u64 = 64 * 1024 * 1024;
/// How much is read at once, in bytes.
const READ_AT_ONCE: usize = 64 * 1024;

/// Why there is no answer.
#[derive(Debug, Error)]
pub(super) enum ClientError {
    /// It may come from TLS.
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("a certificate cannot be checked for this host")]
    Host(#[from] InvalidDnsNameError),
    #[error("the server closed the connection")]
    Closed,
    #[error("no answer in time")]
    Silent,
    #[error("the server sent what is not LDAP: {0}")]
    NotLdap(#[from] Malformed),
    #[error("the server sent a message of more than {} MiB", LONGEST_MESSAGE >> 20)]
    TooLong,
    #[error("the server answers another request than the one it was sent")]
    OtherRequest,
    /// A result that the server sent instead of an answer, because it ends the connection.
    #[error("the server ends the connection")]
    Disconnection(Refusal),
    /// A result that is not success.
    #[error("the server refuses it")]
    Refused(Refusal),
}

/// How a connection is encrypted.
pub(super) struct Tls<'a> {
    pub(super) config: Arc<ClientConfig>,
    /// The host that the certificate must be for.
    pub(super) host: &'a str,
    /// Whether the encryption begins after a request of its own.
    pub(super) after_start_tls: bool,
}

/// A connection, encrypted or not.
trait Stream: AsyncRead + AsyncWrite + Send {}

impl<S: AsyncRead + AsyncWrite + Send> Stream for S {}

/// A connection to a server.
pub(super) struct Client {
    stream: Pin<Box<dyn Stream>>,
    /// What was read and not yet taken.
    unread: Vec<u8>,
    /// The number of the latest request.
    number: u32,
}

/// Complete messages that came together.
pub(super) struct Messages {
    bytes: Vec<u8>,
    frames: Frames,
}

/// How far some bytes consist of complete messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Frames {
    /// Where the last complete message begins.
    last: usize,
    /// Where it ends.
    end: usize,
}

impl Client {
    /// Connects. With TLS, the connection is encrypted: from the first byte, or after StartTLS.
    pub(super) async fn connect(address: &str, tls: Option<Tls<'_>>) -> Result<Self, ClientError> {
        let stream = TcpStream::connect(address).await?;
        // Requests are written whole, and the next one waits for the answer.
        stream.set_nodelay(true)?;
        let mut client = Self::over(Box::pin(stream));
        if let Some(Tls { config, host, after_start_tls }) = tls {
            let host = ServerName::try_from(host)?.to_owned();
            if after_start_tls {
                client.start_tls().await?;
            }
            client.stream = Box::pin(TlsConnector::from(config).connect(host, client.stream).await?);
        }
        Ok(client)
    }

    async fn start_tls(&mut self) -> Result<(), ClientError> {
        let number = self.send(message::start_tls).await?;
        let messages = self.answer(number).await?;
        match messages.last()?.operation {
            // What follows the answer was not encrypted: anybody may have put it there.
            Operation::Extended(_) if !self.unread.is_empty() => Err(ClientError::OtherRequest),
            Operation::Extended(outcome) if outcome.code == 0 => Ok(()),
            Operation::Extended(outcome) => Err(ClientError::Refused(outcome.into())),
            _ => Err(ClientError::OtherRequest),
        }
    }

    fn over(stream: Pin<Box<dyn Stream>>) -> Self {
        Self { stream, unread: Vec::new(), number: 0 }
    }

    /// Sends a request, which gets the next number. Gives that number.
    pub(super) async fn send(&mut self, request: impl FnOnce(u32) -> Vec<u8>) -> Result<u32, ClientError> {
        // The protocol's numbers have 31 bits.
        self.number = self.number % 0x7fff_ffff + 1;
        let request = request(self.number);
        let sending = async {
            self.stream.write_all(&request).await?;
            self.stream.flush().await
        };
        timeout(LONGEST_SILENCE, sending).await.map_err(|_| ClientError::Silent)??;
        Ok(self.number)
    }

    /// The next messages, at least one.
    pub(super) async fn receive(&mut self) -> Result<Messages, ClientError> {
        timeout(LONGEST_SILENCE, self.receive_patiently()).await.map_err(|_| ClientError::Silent)?
    }

    async fn receive_patiently(&mut self) -> Result<Messages, ClientError> {
        let mut frames = Frames::default();
        loop {
            frames.advance(&self.unread)?;
            if frames.end > 0 {
                break;
            }
            if self.unread.capacity() - self.unread.len() < READ_AT_ONCE / 2 {
                self.unread.reserve(READ_AT_ONCE);
            }
            if self.stream.read_buf(&mut self.unread).await? == 0 {
                return Err(ClientError::Closed);
            }
        }
        // The beginning of the next message stays.
        let rest = self.unread.split_off(frames.end);
        Ok(Messages { bytes: std::mem::replace(&mut self.unread, rest), frames })
    }

    /// Gives the room of messages that were read back, for later ones.
    pub(super) fn reuse(&mut self, messages: Messages) {
        let mut room = messages.bytes;
        if room.capacity() <= 4 * READ_AT_ONCE {
            room.clear();
            room.extend_from_slice(&self.unread);
            self.unread = room;
        }
    }

    /// The one answer to the request with this number: the last of these messages.
    pub(super) async fn answer(&mut self, number: u32) -> Result<Messages, ClientError> {
        loop {
            let messages = self.receive().await?;
            let mut is_answered = false;
            for message in messages.iter() {
                if is_answered {
                    return Err(ClientError::OtherRequest);
                }
                is_answered = message?.answers(number)?;
            }
            if is_answered {
                return Ok(messages);
            }
        }
    }

    /// Ends the connection as the protocol requires.
    pub(super) async fn unbind(mut self) -> Result<(), ClientError> {
        self.send(message::unbind).await?;
        Ok(self.stream.shutdown().await?)
    }
}

impl Messages {
    pub(super) fn iter(&self) -> impl Iterator<Item = Result<Message<'_>, ClientError>> {
        let mut rest = Elements(self.bytes.get(..self.frames.end).unwrap_or_default());
        std::iter::from_fn(move || (!rest.is_empty()).then(|| Ok(Message::read(rest.expect(SEQUENCE)?)?)))
    }

    /// The last of them.
    pub(super) fn last(&self) -> Result<Message<'_>, ClientError> {
        let last = self.bytes.get(self.frames.last..self.frames.end).unwrap_or_default();
        Ok(Message::read(Elements(last).expect(SEQUENCE)?)?)
    }
}

impl Message<'_> {
    /// Whether it answers the request with this number. If not, it is a notice that may be ignored; anything else is an
    /// error.
    pub(super) fn answers(&self, number: u32) -> Result<bool, ClientError> {
        match self.operation {
            Operation::Disconnection(outcome) => Err(ClientError::Disconnection(outcome.into())),
            Operation::Notice => Ok(false),
            _ if self.number == number => Ok(true),
            _ => Err(ClientError::OtherRequest),
        }
    }
}

impl Frames {
    /// Goes on behind the messages that are complete by now.
    fn advance(&mut self, bytes: &[u8]) -> Result<(), ClientError> {
        while let Some(rest) = bytes.get(self.end..) {
            let Some(Header { tag, size, length }) = Header::read(rest)? else { break };
            if tag != SEQUENCE {
                return Err(Malformed::Tag { expected: SEQUENCE, found: tag }.into());
            }
            let length = Some(length)
                .filter(|length| *length <= LONGEST_MESSAGE)
                .and_then(|length| usize::try_from(length).ok());
            let length = length.ok_or(ClientError::TooLong)?;
            // Both are small by now.
            if rest.len() - size < length {
                break;
            }
            (self.last, self.end) = (self.end, self.end + size + length);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
