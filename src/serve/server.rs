//! The HTTP server: connections, their limits in number, size and time, and TLS. `routes` decides what is answered.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsAcceptor;

use super::routes::Service;
use super::tls;
use super::turns::Turns;
use crate::config::serve::ServeSettings;

/// How many connections there may be at once; others wait to be accepted.
const MOST_CONNECTIONS: usize = 256;
/// How long a connection may take until its request is there, with the TLS handshake and the body.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a connection may last in all. It has one request: a client who may ask again on it could keep it, and so
/// its place among [`MOST_CONNECTIONS`], all that time.
const LONGEST_CONNECTION: Duration = Duration::from_secs(300);
/// How large the head of a request may be, in bytes. No more than this is read and handled at once.
const LARGEST_HEAD: usize = 32 * 1024;
/// How long requests that are under way may still take when the server stops.
const GRACE: Duration = Duration::from_secs(2);

/// A port that is taken, and not served yet.
pub struct Port {
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    address: SocketAddr,
}

/// A running server. Dropping it ends it at once.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: Option<JoinHandle<()>>,
}

impl Port {
    /// Starts to listen. Clients wait until it is served.
    ///
    /// # Errors
    /// If the address cannot be listened on, or the certificate cannot be used. The text names the setting.
    pub async fn open(settings: &ServeSettings) -> Result<Self, String> {
        let acceptor = settings.tls.as_ref().map(tls::acceptor).transpose()?;
        let bound = TcpListener::bind(settings.listen).await;
        let listener = bound.map_err(|error| {
            format!(
                "`listen` in [serve]: cannot listen on {} ({error}); choose another port, or stop what listens there",
                settings.listen
            )
        })?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        Ok(Self { listener, acceptor, address })
    }

    /// Serves it in the background.
    #[must_use]
    pub fn serve(self, service: Service) -> Server {
        let Self { listener, acceptor, address } = self;
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(accept(listener, acceptor, Arc::new(service), stopped));
        Server { address, stop, task: Some(task) }
    }
}

impl Server {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops listening, and lets the requests that are under way end, for two seconds at most.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if let Some(task) = self.task.take() {
            let _ = task.await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

async fn accept(
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    service: Arc<Service>,
    mut stopped: watch::Receiver<bool>,
) {
    let permits = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let next = async {
            let permit = Arc::clone(&permits).acquire_owned().await;
            (permit, listener.accept().await)
        };
        tokio::select! {
            _ = stopped.changed() => break,
            Some(_) = connections.join_next() => {}
            (permit, accepted) = next => match accepted {
                Ok((stream, _)) => {
                    let (service, acceptor, stopped) = (Arc::clone(&service), acceptor.clone(), stopped.clone());
                    connections.spawn(async move {
                        let _permit = permit;
                        open(stream, acceptor, service, stopped).await;
                    });
                }
                // Such as too many open files: others will be closed.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
        }
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    if timeout(GRACE, drained).await.is_err() {
        connections.shutdown().await;
    }
}

async fn open(stream: TcpStream, acceptor: Option<TlsAcceptor>, service: Arc<Service>, stopped: watch::Receiver<bool>) {
    // Without it, only small answers are slower.
    let _ = stream.set_nodelay(true);
    let stream = Turns::new(stream);
    let deadline = Instant::now() + PATIENCE;
    match acceptor {
        None => talk(stream, deadline, service, stopped).await,
        Some(acceptor) => {
            if let Ok(Ok(stream)) = timeout_at(deadline, acceptor.accept(stream)).await {
                talk(stream, deadline, service, stopped).await;
            }
        }
    }
}

async fn talk(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    deadline: Instant,
    service: Arc<Service>,
    mut stopped: watch::Receiver<bool>,
) {
    let answer = service_fn(move |request| {
        let service = Arc::clone(&service);
        async move { Ok::<_, Infallible>(service.answer(request, deadline).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(deadline.saturating_duration_since(Instant::now()))
        .keep_alive(false)
        .max_buf_size(LARGEST_HEAD)
        .serve_connection(TokioIo::new(stream), answer);
    let mut connection = pin!(connection);
    // An error of a connection is the client's affair.
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stopped.changed() => {}
        () = tokio::time::sleep(LONGEST_CONNECTION) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = timeout(PATIENCE, connection).await;
}
