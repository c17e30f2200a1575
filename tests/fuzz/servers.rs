//! Answers of servers over HTTP: Skovik, and sources with lists in pages. The requests are real. A server in the same
//! thread answers them with the input.

use std::fs;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::value::RawValue;
use skovik_sync::config::{Access, Names};
use skovik_sync::employee::{Managed, UserId};
use skovik_sync::provider::skovik::{Client, Skovik};
use skovik_sync::provider::{Collection, Dialect as _, Provider as _, Request, StoredUser};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use url::Url;

use crate::driver::Target;
use crate::records::{SIMPLE_EMPLOYEE, Source, runtime};
use crate::{refused, scratch};

/// The API key. Some answers repeat it. It has characters that are often escaped.
const KEY: &str = "s3cret+/Key0123456789";
/// The part of the key that must not be shown.
const TELLING_PART: &str = "Key0123456789";

/// A server that answers the first request with the input, all others with a valid answer, and closes each connection.
struct Echo {
    answers: Arc<Mutex<Answers>>,
    url: Url,
}

struct Answers {
    first: Option<Vec<u8>>,
    others: Vec<u8>,
}

impl Echo {
    fn new(runtime: &Runtime, others: &str) -> Self {
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = Url::parse(&format!("http://{}/v1", listener.local_addr().unwrap())).unwrap();
        let others = complete(others.as_bytes());
        let answers = Arc::new(Mutex::new(Answers { first: None, others }));
        let next = Arc::clone(&answers);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let mut next = next.lock().unwrap_or_else(PoisonError::into_inner);
                let answer = next.first.take().unwrap_or_else(|| next.others.clone());
                tokio::spawn(Self::answer(stream, answer));
            }
        });
        Self { answers, url }
    }

    async fn answer(mut stream: TcpStream, answer: Vec<u8>) {
        let (mut request, mut buffer) = (Vec::new(), [0; 4_096]);
        // The bodies of these requests are short and come with the head.
        while !request.windows(4).any(|window| window == b"\r\n\r\n") {
            match stream.read(&mut buffer).await {
                Ok(read @ 1..) => request.extend_from_slice(&buffer[..read]),
                _ => return,
            }
        }
        if stream.write_all(&answer).await.is_ok() && stream.shutdown().await.is_ok() {
            // Closing with unread bytes would reset the connection, and the client would lose the answer.
            while matches!(stream.read(&mut buffer).await, Ok(1..)) {}
        }
    }

    fn say(&self, input: &[u8]) {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).first = Some(complete(input));
    }
}

/// An answer with the length of its body, unless it has a length already.
fn complete(answer: &[u8]) -> Vec<u8> {
    let mut complete = answer.to_vec();
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n");
    if let Some(end) = head.filter(|&end| !has_length(&answer[..end])) {
        let length = format!("\r\nContent-Length: {}", answer.len() - end - 4);
        complete.splice(end..end, length.into_bytes());
    }
    complete
}

fn has_length(head: &[u8]) -> bool {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    head.contains("content-length") || head.contains("transfer-encoding")
}

/// Checks that a message with a server's words shows neither the key nor control characters.
#[track_caller]
fn clean(input: &[u8], error: &str) -> Result<String, String> {
    assert!(!error.contains(TELLING_PART), "{error:?} holds the key");
    assert!(error.len() < 4_096, "an error of {} bytes", error.len());
    refused(input, &error)
}

#[test]
fn skovik() {
    let ok = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n";
    let user = r#"{"type":"users","id":"u1","attributes":{"primary_email":"a@x.se","first_name":"A","last_name":"B","external_identifier":"1","custom_fields":{"cf":"x","cg":true},"roles":["admin"]},"relationships":{"branch":{"data":{"type":"branches","id":"b1"}},"manager":{"data":null}}}"#;
    let bodies = [
        format!(r#"{{"data":[{user}],"links":{{"next":null}},"meta":{{"total":1}}}}"#),
        format!(r#"{{"data":[{user}],"links":{{"next":{{"href":"/v1/users?page=2"}}}}}}"#),
        format!(r#"{{"data":{user}}}"#),
        r#"{"data":[{"type":"branches","id":"b1","attributes":{"name":"N","external_identifier":"SE"}}],"links":{}}"#.to_owned(),
        r#"{"data":[{"type":"custom-fields","id":"cf","attributes":{"name":"C","field_type":"multiple_choice","options":[{"label":"L","value":"V"}]}}],"links":{}}"#.to_owned(),
    ];
    let mut seeds: Vec<String> =
        ["u", "u", "o", "b", "f"].iter().zip(&bodies).map(|(what, body)| format!("{what}{ok}{body}")).collect();
    seeds.push(format!("cHTTP/1.1 422 No\r\n\r\n{{\"errors\":[{{\"code\":\"taken\",\"detail\":\"{KEY} \\u001b[2J is taken\",\"source\":{{\"pointer\":\"/data\"}}}}]}}"));
    seeds.push("dHTTP/1.1 204 No Content\r\n\r\n".to_owned());
    seeds.push(format!("rHTTP/1.1 503 Gone {KEY}\r\nRetry-After: 9\r\nLocation: http://x/{KEY}\r\n\r\n<html>{KEY}"));
    let seeds = seeds.into_iter().map(String::into_bytes).collect();
    let words = &[
        KEY,
        "s3cret%2B%2FKey0123456789",
        "HTTP/1.1 401 ",
        "HTTP/1.1 302 ",
        "HTTP/1.1 429 ",
        "HTTP/1.1 404 ",
        "HTTP/1.1 206 ",
        "\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n",
        "\r\nContent-Encoding: gzip",
        "\r\nContent-Length: 99999999999",
        "\r\nLocation: //x.example",
        "\r\nRetry-After: 9",
        "\"next\":\"//x\"",
        "\"next\":\"?\"",
        "\"total\":2",
        "\"id\":\"..\"",
        "\"errors\":[",
        "\"branches\"",
        "\u{9b}31m",
        "\u{202e}",
    ];
    let runtime = runtime();
    let server =
        Echo::new(&runtime, &format!("{ok}{}", bodies[0].replace("u1", "u2").replace(r#""total":1"#, r#""total":2"#)));
    let managed = Managed { branch: true, manager: true, custom_fields: vec!["cf".into(), "cg".into()] };
    let known: UserId = "u1".into();
    let stored = StoredUser::new(serde_json::from_str(user).unwrap()).unwrap();
    let body = Skovik::default().update_request(&stored, &[]).unwrap();
    Target { name: "servers::skovik", seeds, words }.run_over_connections(|input| {
        let (what, answer) = input.split_first().map_or((b'u', input), |(what, answer)| (*what, answer));
        server.say(answer);
        runtime.block_on(async {
            // The client would wait here if the answer told it to.
            let client = client(&server.url);
            let said = match what {
                b'o' => {
                    client.user(&known, &managed).await.map(|user| format!("{:?}", user.map(|user| user.id().clone())))
                }
                b'c' => client.create(&body, &managed).await.map(|user| format!("made {:?}", user.id())),
                b'r' => client.update(&known, &body, &managed).await.map(|user| format!("put {}", user.is_some())),
                b'd' => client.delete(&known, &Request::new(String::new())).await.map(|deleted| format!("{deleted:?}")),
                _ => {
                    return match list(&client, what, &managed).await {
                        Ok(rows) => Ok(format!("{rows} rows")),
                        Err(error) => clean(input, &error),
                    };
                }
            };
            said.or_else(|error| clean(input, &error.to_string()))
        })
    });
}

fn client(url: &Url) -> Client {
    let access = Access {
        page_size: 100,
        max_in_flight: 1,
        timeout: Duration::from_secs(10),
        retries: 0,
        list_timeout: Duration::from_secs(10),
        max_rows: 1_000,
        ..Access::default()
    };
    Client::new(&url.as_str().parse().expect("a local address"), KEY.into(), &access, &Names::default()).unwrap()
}

async fn list(client: &Client, what: u8, managed: &Managed) -> Result<usize, String> {
    let list = match what {
        b'b' => client.shape().await.map(|shape| shape.branches.len()),
        // The same answer is not a list of branches.
        b'f' => {
            let mut rows = 0;
            let mut each = |_: &RawValue| {
                rows += 1;
                Ok(())
            };
            client.rows(Collection::CustomFields, &mut each, &|_, _| ()).await.map(|_| rows)
        }
        _ => client.users(managed, &mut |_, _| Ok(()), &|_, _| ()).await.map(|users| {
            assert!(users.users.windows(2).all(|pair| pair[0].id < pair[1].id), "a user appears twice in the list");
            users.users.len()
        }),
    };
    list.map_err(|error| error.to_string())
}

#[test]
fn link_header() {
    let seeds = [
        "Link: </v1?p=2>; rel=\"next\", </v1?p=9>; rel=\"last\"",
        "Link: <?a=b,c>;title=\"x, y; rel=next\";rel=prev\r\nLink: <//127.0.0.1/>; rel=\"start NEXT\"",
        "link: <>; rel=next; rel=prev",
    ];
    let seeds = seeds.map(|link| link.as_bytes().to_vec()).to_vec();
    let words = &[
        "<",
        ">",
        ";",
        ",",
        "\"",
        "rel=",
        "rel=\"next\"",
        "REL = next",
        "; title=\"",
        "\r\nLink: ",
        "</v1>",
        "<http://x/>",
        "<?>",
        "<#>",
        "prev",
        "\u{e5}",
        "\\\"",
        "<javascript:x>",
        "http://[",
        "%00",
    ];
    let target = Target { name: "servers::link_header", seeds, words };
    let others = "HTTP/1.1 200 OK\r\nLink: </v1>; rel=first\r\n\r\n[{\"id\":2,\"email\":\"b@x.se\",\"name\":\"B\"}]";
    paged(target, "", "kind = \"link-header\"", others, |link| {
        [b"HTTP/1.1 200 OK\r\n", link, b"\r\n\r\n[{\"id\":1,\"email\":\"a@x.se\",\"name\":\"A\"}]"].concat()
    });
}

#[test]
fn next_link() {
    let seeds = [
        "{\"data\":[{\"id\":1,\"email\":\"a@x.se\",\"name\":\"A\"}],\"next\":\"?p=2\",\"total\":2}",
        "{\"data\":[{\"id\":1,\"email\":\"a@x.se\"},{\"id\":\"2\",\"x\":{\"y\":[]}}],\"next\":null,\"total\":2}",
    ];
    let seeds = seeds.map(|body| body.as_bytes().to_vec()).to_vec();
    let words = &[
        "\"next\":\"?\"",
        "\"next\":false",
        "\"next\":\"//x\"",
        "\"total\":3",
        "\"total\":1.0",
        "\"data\":[]",
        "{\"id\":3}",
    ];
    let target = Target { name: "servers::next_link", seeds, words };
    let others =
        "HTTP/1.1 200 OK\r\n\r\n{\"data\":[{\"id\":9,\"email\":\"b@x.se\",\"name\":\"B\"}],\"next\":null,\"total\":2}";
    paged(
        target,
        "records = \"/data\"\ntotal = \"/total\"",
        "kind = \"next-link\"\nnext = \"/next\"",
        others,
        |body| [b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n", body].concat(),
    );
}

/// Tests a source that reads pages. `answer` makes an answer from an input.
fn paged(target: Target, list: &str, paging: &str, others: &str, answer: impl Fn(&[u8]) -> Vec<u8>) {
    let runtime = runtime();
    let server = Echo::new(&runtime, others);
    let folder = scratch();
    fs::write(folder.path().join("key"), KEY).unwrap();
    let settings = format!(
        "[[source]]\nname = \"hr\"\nkind = \"http\"\nkey = \"id\"\nurl = \"{}\"\nretries = 0\n{list}\n\
         [source.auth]\nkind = \"bearer\"\ntoken_file = \"key\"\n[source.paging]\n{paging}",
        server.url
    );
    let source = Source::new(runtime, &settings, SIMPLE_EMPLOYEE, folder.path());
    target.run_over_connections(|input| {
        server.say(&answer(input));
        match source.read() {
            Ok(records) => Ok(format!("{} records", records.len())),
            Err(error) => clean(input, &error),
        }
    });
}
