//! From a TCP connection to requests that know who is at the other end.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::io;
use std::sync::Arc;

use axum::extract::Request;
use axum::http;
use axum_server::accept::Accept;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tower::Service;

use super::gate::Gate;
use super::stream::Guarded;
use crate::limits::Limits;
use crate::listener::{Connection, PeerAddress, PeerCertificate};

/// Takes connections of one listener.
#[derive(Clone)]
pub(super) struct Acceptor {
    pub(super) gate: Gate,
    pub(super) limits: Limits,
    /// Without it the listener speaks plain HTTP.
    pub(super) tls: Option<TlsAcceptor>,
}

impl<S: Send + 'static> Accept<TcpStream, S> for Acceptor {
    type Stream = Stream;
    type Service = WithPeer<S>;
    type Future = Pin<Box<dyn Future<Output = io::Result<(Stream, WithPeer<S>)>> + Send>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let Self { gate, limits, tls } = self.clone();
        Box::pin(async move {
            let address = stream.peer_addr()?;
            let Some(pass) = gate.enter(address.ip()) else {
                return Err(io::Error::new(
                    io::ErrorKind::QuotaExceeded,
                    "too many connections",
                ));
            };
            stream.set_nodelay(true)?;
            let connection = Connection::default();
            let stream = Guarded::new(stream, connection.clone(), limits.idle, pass);
            let (stream, certificate) = match tls {
                None => (Stream::Plain(stream), PeerCertificate(None)),
                Some(tls) => {
                    let stream = timeout(limits.handshake, tls.accept(stream))
                        .await
                        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
                    let certificate = certificate_of(&stream);
                    (Stream::Tls(Box::new(stream)), certificate)
                }
            };
            let service = WithPeer {
                service,
                connection,
                address: PeerAddress(address),
                certificate,
            };
            Ok((stream, service))
        })
    }
}

/// The certificate that the client has shown, and whose key it has proven to have.
fn certificate_of(stream: &TlsStream<Guarded<TcpStream>>) -> PeerCertificate {
    let (_, session) = stream.get_ref();
    let first = session.peer_certificates().and_then(<[_]>::first);
    PeerCertificate(first.map(|certificate| Arc::from(certificate.as_ref())))
}

/// The stream of a connection, with TLS or without.
pub(super) enum Stream {
    Plain(Guarded<TcpStream>),
    Tls(Box<TlsStream<Guarded<TcpStream>>>),
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(context),
        }
    }
}

/// A service whose requests know their connection.
#[derive(Clone)]
pub(super) struct WithPeer<S> {
    service: S,
    connection: Connection,
    address: PeerAddress,
    certificate: PeerCertificate,
}

impl<S, B> Service<http::Request<B>> for WithPeer<S>
where
    S: Service<http::Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, mut request: http::Request<B>) -> S::Future {
        let extensions = request.extensions_mut();
        extensions.insert(self.connection.clone());
        extensions.insert(self.address);
        extensions.insert(self.certificate.clone());
        self.service.call(request)
    }
}

/// What a request knows of its connection, if it came by one.
pub(crate) fn connection_of(request: &Request) -> Connection {
    request
        .extensions()
        .get::<Connection>()
        .cloned()
        .unwrap_or_default()
}
