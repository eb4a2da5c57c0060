//! [`Agent`]: the running service.

use core::future::{Ready, ready};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use axum_server::Handle;
use axum_server::accept::Accept;

use crate::config::Config;
use crate::opener::CardOpener;
use crate::routes::routes;
use crate::service::Service;

/// More connections at the same time are closed at once; a browser opens six.
const CONNECTIONS: usize = 64;
/// So long a browser may take to send the headers of a request.
const HEADER_PATIENCE: Duration = Duration::from_secs(10);
/// So long a task that is being done may take when the agent is told to stop.
const LAST_PATIENCE: Duration = Duration::from_secs(20);
/// Headers of a request; a browser sends some 1 kB.
const HEADERS: usize = 32 * 1024;

/// The service, running on a thread of its own until it is stopped or dropped. A change of the
/// card that is under way is finished first.
#[derive(Debug)]
pub struct Agent {
    address: SocketAddr,
    handle: Handle<SocketAddr>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

/// Why there is no agent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AgentError {
    /// An address that others on the network could reach.
    #[error(
        "{0} is no loopback address: the agent would lend the card to the whole network; listen on 127.0.0.1 or ::1"
    )]
    NotLoopback(SocketAddr),
    /// Nobody may ask.
    #[error("no portal may ask; name one: --allow-origin https://portal.example")]
    NobodyAllowed,
    /// The address cannot be had.
    #[error("cannot listen on {address}: {error}; another agent may be running")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        error: io::Error,
    },
    /// The service could not be started, or broke.
    #[error("the agent does not run: {0}")]
    Service(#[from] io::Error),
}

impl Agent {
    /// Starts an agent that opens the card with `opener` for each task.
    ///
    /// # Errors
    /// The address is not a loopback address or is taken, or nobody is allowed to ask.
    pub fn start(config: Config, opener: impl CardOpener) -> Result<Self, AgentError> {
        if !config.listen.ip().is_loopback() {
            return Err(AgentError::NotLoopback(config.listen));
        }
        if config.allowed.is_empty() {
            return Err(AgentError::NobodyAllowed);
        }
        let listen = |error| AgentError::Listen {
            address: config.listen,
            error,
        };
        let listener = TcpListener::bind(config.listen).map_err(listen)?;
        let address = listener.local_addr()?;
        let service = Arc::new(Service::new(&address.to_string(), config, Box::new(opener)));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        let handle = Handle::new();
        let (told, begun) = mpsc::channel();
        let serving = handle.clone();
        let thread = thread::Builder::new()
            .name("kortlab-agent".to_owned())
            .spawn(move || {
                // When the runtime is dropped, work with the card is waited for.
                runtime.block_on(serve(listener, service, serving, told))
            })?;
        // Only a server that has begun can be stopped gracefully.
        let _ = begun.recv();
        Ok(Self {
            address,
            handle,
            thread: Some(thread),
        })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where portals send their forms: `http://127.0.0.1:47800/task`.
    pub fn task_url(&self) -> String {
        format!("http://{}/task", self.address)
    }

    /// Stops it, after what is being done.
    ///
    /// # Errors
    /// It had stopped before, and why.
    pub fn stop(mut self) -> Result<(), AgentError> {
        Ok(self.end()?)
    }

    fn end(&mut self) -> io::Result<()> {
        self.handle.graceful_shutdown(Some(LAST_PATIENCE));
        let Some(thread) = self.thread.take() else {
            return Ok(());
        };
        thread
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("its thread panicked")))
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // Whoever wants to know why it stopped calls `stop`.
        let _ = self.end();
    }
}

async fn serve(
    listener: TcpListener,
    service: Arc<Service>,
    handle: Handle<SocketAddr>,
    told: mpsc::Sender<()>,
) -> io::Result<()> {
    let mut server = axum_server::from_tcp(listener)?
        .handle(handle.clone())
        .acceptor(Crowd(handle.clone()))
        .http1_only();
    server
        .http_builder()
        .http1()
        .header_read_timeout(HEADER_PATIENCE)
        .max_buf_size(HEADERS);
    let app = routes(service).into_make_service();
    let serving = tokio::spawn(server.serve(app));
    handle.listening().await;
    let _ = told.send(());
    serving.await.map_err(io::Error::other)?
}

/// Lets in so many connections and no more.
#[derive(Clone, Debug)]
struct Crowd(Handle<SocketAddr>);

impl<I, S> Accept<I, S> for Crowd {
    type Stream = I;
    type Service = S;
    type Future = Ready<io::Result<(I, S)>>;

    fn accept(&self, stream: I, service: S) -> Self::Future {
        ready(match self.0.connection_count() <= CONNECTIONS {
            true => Ok((stream, service)),
            false => Err(io::Error::other("too many connections")),
        })
    }
}
