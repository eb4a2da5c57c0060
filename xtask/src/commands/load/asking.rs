//! Asking over plain HTTP as often as can be. wrk is no use for this: it connects once without
//! asking anything, and `openssl ocsp` never comes back from a connection that ends so.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use super::bench::Shape;
use super::report::Figures;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest answer that is read.
const LIMIT: usize = 64 * 1024;

/// An HTTP request, and where it goes.
#[derive(Debug)]
pub struct Asking<'a> {
    /// Host and port.
    pub host: &'a str,
    /// The path.
    pub path: &'a str,
    /// What is posted, if it is not a GET.
    pub body: Option<&'a [u8]>,
    /// Whether a connection is kept from one request to the next.
    pub keep: bool,
}

impl Asking<'_> {
    /// Asks over as many connections, and for as long, as `shape` says.
    pub fn measure(&self, shape: Shape) -> Option<Figures> {
        let request = self.request();
        let start = Instant::now();
        let until = start + shape.duration;
        let (mut times, errors) = thread::scope(|scope| {
            let ask = || self.ask_until(until, &request);
            let all: Vec<_> = (0..shape.connections).map(|_| scope.spawn(ask)).collect();
            all.into_iter().filter_map(|one| one.join().ok()).fold(
                (Vec::new(), 0),
                |(mut times, errors), (more, failed)| {
                    times.extend(more);
                    (times, errors + failed)
                },
            )
        });
        let taken = start.elapsed();
        times.sort_unstable();
        let at = |hundredth: usize| {
            let index = (times.len() * hundredth / 100).min(times.len().saturating_sub(1));
            times.get(index).copied()
        };
        Some(Figures {
            rate: times.len() as f64 / taken.as_secs_f64(),
            median: at(50)?,
            ninety: at(90)?,
            ninety_nine: at(99)?,
            errors,
        })
    }

    fn request(&self) -> Vec<u8> {
        let connection = if self.keep { "keep-alive" } else { "close" };
        let method = self.body.map_or("GET", |_| "POST");
        let mut request = format!(
            "{method} {} HTTP/1.1\r\nHost: {}\r\nConnection: {connection}\r\n",
            self.path, self.host
        );
        let body = self.body.unwrap_or_default();
        if self.body.is_some() {
            let length = body.len();
            request.push_str("Content-Type: application/ocsp-request\r\n");
            request.push_str(&format!("Content-Length: {length}\r\n"));
        }
        request.push_str("\r\n");
        [request.as_bytes(), body].concat()
    }

    /// How long each request took, connecting included; and how many failed.
    fn ask_until(&self, until: Instant, request: &[u8]) -> (Vec<Duration>, u64) {
        let mut times = Vec::new();
        let mut errors = 0;
        let mut kept = None;
        while Instant::now() < until {
            let start = Instant::now();
            let stream = match kept.take() {
                Some(stream) => Ok(stream),
                None => self.connect(),
            };
            let asked = stream.and_then(|mut stream| {
                stream.write_all(request)?;
                answer(&mut stream).map(|_| stream)
            });
            match asked {
                Ok(stream) => {
                    times.push(start.elapsed());
                    kept = self.keep.then_some(stream);
                }
                Err(_) => errors += 1,
            }
        }
        (times, errors)
    }

    fn connect(&self) -> std::io::Result<TcpStream> {
        let stream = TcpStream::connect(self.host)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(stream)
    }
}

/// Reads one answer to its end; returns its body.
fn answer(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some(body) = whole(&answer)? {
            return Ok(body.to_vec());
        }
        let count = stream.read(&mut buffer)?;
        let ended = count == 0 || answer.len() > LIMIT;
        if ended {
            return Err(bad("an answer that ends too soon"));
        }
        answer.extend_from_slice(buffer.get(..count).unwrap_or_default());
    }
}

/// The body of an answer of status 200, if all of it is there.
fn whole(answer: &[u8]) -> std::io::Result<Option<&[u8]>> {
    let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let (header, body) = answer.split_at(end + 4);
    let header = String::from_utf8_lossy(header).to_ascii_lowercase();
    let status = header.split(' ').nth(1);
    let length = header
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    let length = length.and_then(|length| length.trim().parse::<usize>().ok());
    match (status, length) {
        (Some("200"), Some(length)) => Ok((body.len() >= length).then_some(body)),
        _ => Err(bad("not an answer of status 200 with a length")),
    }
}

fn bad(why: &str) -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn an_answer_is_whole_when_its_length_is_there_and_counts_only_with_status_200() {
        let answer = b"HTTP/1.0 200 OK\r\nContent-length: 3\r\n\r\nabc";
        assert_eq!(whole(answer).unwrap(), Some(&b"abc"[..]));
        assert_eq!(whole(&answer[..answer.len() - 1]).unwrap(), None);
        assert_eq!(whole(b"HTTP/1.0 200 OK\r\n").unwrap(), None);
        assert!(whole(b"HTTP/1.1 503 no\r\nContent-Length: 0\r\n\r\n").is_err());
    }

    #[test]
    fn answers_and_failures_are_counted() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let server = thread::spawn(move || {
            let (mut first, _) = listener.accept().unwrap();
            let mut request = [0; 256];
            let count = first.read(&mut request).unwrap();
            assert!(request[..count].starts_with(b"POST /x HTTP/1.1\r\n"));
            assert!(request[..count].ends_with(b"\r\n\r\nbody"));
            first
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                .unwrap();
            // The rest is refused: the listener is closed with this.
        });
        let asking = Asking {
            host: &host,
            path: "/x",
            body: Some(b"body"),
            keep: false,
        };
        let shape = Shape {
            duration: Duration::from_millis(200),
            connections: 1,
        };
        let figures = asking.measure(shape).unwrap();
        server.join().unwrap();
        assert!(figures.rate > 0.0 && figures.errors > 0);
    }
}
