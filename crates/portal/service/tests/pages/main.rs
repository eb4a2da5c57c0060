//! The holder's pages, driven in this process: the whole flow with a card whose keys are in
//! software, every refusal, and what the pages are as HTML. Another parser reads every page.

#![allow(clippy::unwrap_used, clippy::panic)]

mod browser;
mod card;
mod contrast;
mod crowd;
mod dom;
mod flow;
mod html;
mod refusals;
mod site;
mod task_refusals;
