//! What a browser does: cookies, links, forms, redirects.

use std::cell::RefCell;
use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::Request;
use axum::http::header::{ACCEPT_LANGUAGE, CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use kortlab_portal::listener::{Listener, PeerAddress};
use kortlab_portal_api::task::{Task, TaskResult};
use url::form_urlencoded::Serializer;

use crate::card::SoftCard;
use crate::dom::Dom;
use crate::site::{AGENT, Answer, ORIGIN, Site};

pub struct Browser<'a> {
    pub site: &'a Site,
    pub cookies: RefCell<BTreeMap<String, String>>,
    pub language: &'static str,
    /// From where it comes.
    pub address: [u8; 4],
}

impl<'a> Browser<'a> {
    pub fn new(site: &'a Site) -> Self {
        Self {
            site,
            cookies: RefCell::default(),
            language: "sv",
            address: [127, 0, 0, 1],
        }
    }

    /// A browser in which the holder has logged in.
    pub fn logged_in(site: &'a Site, card: &SoftCard) -> Self {
        let browser = Self::new(site);
        let answer = browser.log_in(Some(&card.carrier.authentication));
        assert_eq!(answer.status, 303, "{}", answer.body);
        assert_eq!(answer.headers[LOCATION], format!("{ORIGIN}/menu"));
        browser
    }

    /// Follows the log-in link with this certificate chosen.
    pub fn log_in(&self, certificate: Option<&[u8]>) -> Answer {
        self.at(Listener::LogIn, "/", certificate)
    }

    /// Asks another listener.
    pub fn at(&self, listener: Listener, path: &str, certificate: Option<&[u8]>) -> Answer {
        let request = Request::get(path)
            .header(COOKIE, self.cookie())
            .header(ACCEPT_LANGUAGE, self.language)
            .extension(Site::peer(certificate))
            .extension(self.peer())
            .body(Body::empty())
            .unwrap();
        self.keep(self.site.send(listener, request))
    }

    pub fn get(&self, path: &str) -> Answer {
        self.at(Listener::Main, path, None)
    }

    /// Opens a page, which must be there.
    pub fn open(&self, path: &str) -> Dom {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        Dom::parse(&answer.body)
    }

    pub fn post(&self, path: &str, fields: &[(String, String)]) -> Answer {
        self.post_from(Some(ORIGIN), path, fields)
    }

    pub fn post_from(
        &self,
        origin: Option<&str>,
        path: &str,
        fields: &[(String, String)],
    ) -> Answer {
        self.keep(self.post_with(&self.cookie(), origin, path, fields))
    }

    fn post_with(
        &self,
        cookie: &str,
        origin: Option<&str>,
        path: &str,
        fields: &[(String, String)],
    ) -> Answer {
        let body = Serializer::new(String::new())
            .extend_pairs(fields.iter().map(|(name, value)| (name, value)))
            .finish();
        let mut request = Request::post(path)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(COOKIE, cookie)
            .header(ACCEPT_LANGUAGE, self.language)
            .extension(self.peer());
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        let request = request.body(Body::from(body)).unwrap();
        self.site.send(Listener::Main, request)
    }

    /// Sends the form of a page, with what is chosen in it, and opens the page it leads to.
    pub fn submit(&self, page: &Dom, action: &str, chosen: &[(&str, &str)]) -> Dom {
        let mut fields = page.form(action);
        fields.extend(
            chosen
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        let answer = self.post(action, &fields);
        assert_eq!(answer.status, 303, "{action}: {}", answer.body);
        self.open(answer.location())
    }

    /// Presses the button of a task's page, has the card do it, and comes back.
    pub fn through_the_agent(&self, page: &Dom, card: &SoftCard) -> Dom {
        let task = task_of(page);
        let result = card.carry_out(self.site, &task);
        let answer = self.come_back(&task, &result);
        assert_eq!(answer.status, 303, "{}", answer.body);
        self.open(answer.location())
    }

    /// The agent's page posts the result: from another site, so without cookies.
    pub fn come_back(&self, task: &Task, result: &TaskResult) -> Answer {
        let address = task.return_to.expose().strip_prefix(ORIGIN).unwrap();
        let fields = [("result".to_owned(), result.to_json())];
        self.post_with("", Some(AGENT), address, &fields)
    }

    fn peer(&self) -> PeerAddress {
        PeerAddress((self.address, 1).into())
    }

    fn cookie(&self) -> String {
        let cookies = self.cookies.borrow();
        let pairs: Vec<_> = cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
        pairs.join("; ")
    }

    fn keep(&self, answer: Answer) -> Answer {
        for cookie in answer.headers.get_all(SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if cookie.contains("Max-Age=0") {
                self.cookies.borrow_mut().remove(name);
            } else {
                let mut cookies = self.cookies.borrow_mut();
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }
}

impl Answer {
    pub fn location(&self) -> &str {
        self.headers[LOCATION].to_str().unwrap()
    }
}

/// The task that a page's button posts to the agent.
pub fn task_of(page: &Dom) -> Task {
    let fields = page.form(&format!("{AGENT}/task"));
    let task = fields.iter().find(|(name, _)| name == "task");
    Task::parse(&task.unwrap().1).unwrap()
}
