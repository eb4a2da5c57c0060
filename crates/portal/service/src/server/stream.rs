//! A connection's bytes: cut on demand, and closed when nothing has moved for too long.

use core::pin::Pin;
use core::task::{Context, Poll};
use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use super::gate::Pass;
use crate::listener::Connection;

/// A stream that a [`Connection`] can cut, and that ends by itself after `patience` without a byte
/// in either direction. It holds its place among the listener's connections until it is dropped.
#[derive(Debug)]
pub(super) struct Guarded<S> {
    inner: S,
    connection: Connection,
    patience: Duration,
    deadline: Pin<Box<Sleep>>,
    _pass: Pass,
}

impl<S> Guarded<S> {
    pub(super) fn new(inner: S, connection: Connection, patience: Duration, pass: Pass) -> Self {
        Self {
            inner,
            connection,
            patience,
            deadline: Box::pin(sleep(patience)),
            _pass: pass,
        }
    }

    fn cut(&self) -> io::Result<()> {
        if self.connection.is_cut() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }

    /// What came of the inner stream's attempt: if nothing did, the deadline may have passed.
    fn watched<T>(
        &mut self,
        attempt: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if attempt.is_ready() {
            let next = Instant::now() + self.patience;
            self.deadline.as_mut().reset(next);
            return attempt;
        }
        match self.deadline.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.cut()?;
        let attempt = Pin::new(&mut self.inner).poll_read(context, buffer);
        self.watched(attempt, context)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.cut()?;
        let attempt = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.watched(attempt, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.cut()?;
        let attempt = Pin::new(&mut self.inner).poll_write_vectored(context, slices);
        self.watched(attempt, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.cut()?;
        let attempt = Pin::new(&mut self.inner).poll_flush(context);
        self.watched(attempt, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let attempt = Pin::new(&mut self.inner).poll_shutdown(context);
        self.watched(attempt, context)
    }
}
