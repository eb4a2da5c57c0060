//! One client of the service. Its functions are in [`functions`](crate::functions), one file each.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::code::{Code, Refusal};
use crate::letting_go::at_the_end;
use crate::reader::Reader;
use crate::service::Service;
use crate::wake::Wake;

/// A program, or one of its contexts, as the service knows it.
pub struct Client {
    pub(crate) service: Arc<Service>,
    pub(crate) id: u64,
    pub(crate) context: Option<u32>,
    /// Its handles, and the reader of each.
    pub(crate) handles: BTreeMap<u32, Arc<Reader>>,
}

impl Service {
    /// A client that has just come. When it is dropped, everything that it had ends.
    pub fn client(self: &Arc<Self>) -> Client {
        Client::new(Arc::clone(self), self.next_client())
    }
}

impl Client {
    const fn new(service: Arc<Service>, id: u64) -> Self {
        Self {
            service,
            id,
            context: None,
            handles: BTreeMap::new(),
        }
    }

    /// The service.
    pub const fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// Whether it has established a context.
    pub const fn has_context(&self) -> bool {
        self.context.is_some()
    }

    /// The name of the reader of one of this client's handles.
    pub fn reader_of(&self, handle: u32) -> Option<&str> {
        let reader = self.handles.get(&handle)?;
        Some(&reader.name)
    }

    /// The reader of one of this client's handles. Those of others are none to it.
    pub(crate) fn reader(&self, handle: u32) -> Result<Arc<Reader>, Code> {
        let reader = self.handles.get(&handle).ok_or(Code::INVALID_HANDLE)?;
        Ok(Arc::clone(reader))
    }

    /// Refuses a handle while another one holds the card.
    pub(crate) fn check_free(&self, reader: &Reader, handle: u32) -> Result<(), Refusal> {
        let checked = reader.sharing().check_free_for(handle);
        checked.map_err(|held| held.for_client(&self.own_handles()))
    }

    pub(crate) fn own_handles(&self) -> Vec<u32> {
        self.handles.keys().copied().collect()
    }

    /// Tells `wake` when nobody has a transaction on the reader of this handle; at once if nobody
    /// has one.
    pub fn when_released(&self, handle: u32, wake: Arc<dyn Wake>) {
        match self.handles.get(&handle) {
            Some(reader) => reader.sharing().when_released(wake),
            None => wake.wake(Code::SUCCESS),
        }
    }

    /// The same for the reader of this name.
    pub fn when_reader_released(&self, reader: &str, wake: Arc<dyn Wake>) {
        match self.service.find(reader) {
            Some(reader) => reader.sharing().when_released(wake),
            None => wake.wake(Code::SUCCESS),
        }
    }

    /// Ends everything that this client has begun.
    pub(crate) fn end_all(&mut self) {
        self.service.stop_waiting(self.id);
        let handles = std::mem::take(&mut self.handles);
        for (handle, reader) in handles {
            at_the_end(&self.service, &reader, handle);
        }
        if let Some(context) = self.context.take() {
            self.service.registry().contexts.remove(&context);
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.end_all();
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("id", &self.id)
            .field("context", &self.context)
            .field("handles", &self.own_handles())
            .finish_non_exhaustive()
    }
}
