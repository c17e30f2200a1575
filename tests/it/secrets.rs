//! The key of the API is in nothing that the program prints, logs or writes, whatever the server says back.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::thread;

use serde_json::json;

use crate::harness::{Company, Output};
use crate::servers::web::{Reply, Web, json as answer};

/// The key: with characters that JSON, URLs and HTML write in another way, around a part that none of them does.
const KEY: &str = r#"a/"S3cr3tK3y"\b+c=&<d>"#;
/// What must be nowhere.
const MARK: &str = "S3cr3tK3y";

#[track_caller]
fn tells_nothing(output: Output) -> Output {
    assert!(!format!("{output}").contains(MARK), "{output}");
    output
}

/// No file of the company holds the key, except those that are named.
#[track_caller]
fn no_file_holds_it(folder: &Path, but: &[&str]) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            no_file_holds_it(&path, but);
        } else if !but.contains(&name.as_str()) {
            let bytes = fs::read(&path).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            assert!(!text.contains(MARK), "{name} holds the key:\n{text}");
        }
    }
}

/// Three ways to hand over the key, each with the files that hold it by right.
fn companies() -> Vec<(Company, &'static [&'static str])> {
    let with_key = || Company::with("small", |options| options.key = Some(KEY.into()));
    let mut variable = with_key();
    variable.env("SKOVIK_TOKEN", KEY);
    let file = with_key();
    file.write("key", format!("{KEY}\n"));
    file.edit("skovik-sync.toml", "token_env = \"SKOVIK_TOKEN\"", "token_file = \"key\"");
    let command = with_key();
    command.write("vault", format!("{KEY}\r\n"));
    command.edit("skovik-sync.toml", "token_env = \"SKOVIK_TOKEN\"", "token_command = [\"cat\", \"vault\"]");
    vec![(variable, &[]), (file, &["key"]), (command, &["vault"])]
}

#[test]
fn a_whole_run_with_all_logs_tells_and_writes_nothing_of_it() {
    for (company, holders) in companies() {
        for args in [
            &["check", "-vvv"][..],
            &["snapshot", "-o", "snapshot.jsonl", "-vvv", "--log-format", "json"],
            &["plan", "-vvv"],
            &["plan", "-vvv", "--log-format", "json"],
            &["show", "plan.json", "-vvv"],
            &["approve", "plan.json", "--yes", "-vvv", "--comment", "fine"],
            &["verify", "plan.json", "-vvv"],
            &[
                "apply",
                "plan.json",
                "-vvv",
                "--log-format",
                "json",
                "--report",
                "report.json",
                "--events",
                "events.jsonl",
            ],
            &["plan", "-o", "again.json", "-vvv"],
        ] {
            tells_nothing(company.run(args)).ends(0);
        }
        for file in ["plan.json", "plan.json.tester.approval", "report.json", "events.jsonl", "snapshot.jsonl"] {
            assert!(company.exists(file), "{file}");
        }
        assert!(company.journal_path("plan.json").exists());
        no_file_holds_it(company.folder(), holders);
    }
}

/// The log tells each request, so that the test above is about something.
#[test]
fn the_logs_tell_every_request() {
    let company = Company::new("small");
    let output = company.run(&["plan", "-vv"]).ends(0);
    for path in ["/v1/users", "/v1/branches", "/v1/custom_fields"] {
        assert!(output.stderr.contains(path), "{output}");
    }
    let output = company.run(&["plan", "-vv", "--log-format", "json"]).ends(0);
    for line in output.stderr.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(line["timestamp"].is_string() && line["level"].is_string(), "{line}");
    }
}

#[test]
fn a_wrong_key_and_settings_that_hold_one_are_refused_without_showing_it() {
    let mut company = Company::with("small", |options| options.key = Some("another".into()));
    company.env("SKOVIK_TOKEN", KEY);
    tells_nothing(company.run(&["plan", "-vvv"])).ends(4);
    company.env("SKOVIK_TOKEN", &format!("{KEY}\nsecond line"));
    tells_nothing(company.run(&["plan", "-vvv"])).ends(3);
    company.env("SKOVIK_TOKEN", &format!("{KEY} with spaces"));
    tells_nothing(company.run(&["plan", "-vvv"])).ends(3);
    company.env("SKOVIK_TOKEN", &format!("{KEY}\u{e5}"));
    tells_nothing(company.run(&["plan", "-vvv"])).ends(3);

    let line = "token_env = \"SKOVIK_TOKEN\"";
    let good = company.read("skovik-sync.toml");
    for wrong in [
        format!("token = '{KEY}'"),
        format!("{line}\ntokn_env = '{KEY}'"),
        format!("token_env = 7 # '{KEY}'"),
        format!("token_command = ['vault', '{KEY}'"),
        format!("token_command = [\"sh\", \"-c\", \"echo {MARK}; exit 1\"]"),
        format!("token_command = \"vault {MARK}\""),
        format!("token_file = \"{MARK}"),
        format!("{line}\nauth_scheme = 'Bearer {MARK}'"),
        format!("{line}\nauth_header = 'X: {MARK}'"),
    ] {
        company.write("skovik-sync.toml", good.replace(line, &wrong));
        tells_nothing(company.run(&["plan", "-vvv"])).ends(3);
    }
    let url = company.url();
    for wrong in [
        format!("https://user:{MARK}@api.skovik.com/v1"),
        format!("https://{MARK}@api.skovik.com/v1"),
        format!("https://api.skovik.com/v1?key={MARK}"),
        format!("https://api.skovik.com/v1#{MARK}"),
    ] {
        company.write("skovik-sync.toml", good.replace(&url, &wrong));
        tells_nothing(company.run(&["plan", "-vvv"])).ends(3).says(&["url"]);
    }
    no_file_holds_it(company.folder(), &["skovik-sync.toml"]);
}

/// Stands between the program and the sandbox, and answers some requests itself. It lives as long as the tests.
struct Between {
    url: String,
}

impl Between {
    /// `answer` gets method, path and key of a request.
    fn new(company: &Company, answer: impl Fn(&str, &str, &str) -> Option<String> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let sandbox = company.url().trim_start_matches("http://").trim_end_matches("/v1").to_owned();
        thread::spawn(move || {
            for stream in listener.incoming() {
                // What the client breaks off is its own affair.
                let _ = stream.and_then(|stream| serve(stream, &sandbox, &answer));
            }
        });
        Self { url }
    }
}

fn serve(mut client: TcpStream, sandbox: &str, answer: &impl Fn(&str, &str, &str) -> Option<String>) -> io::Result<()> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 2;
        }
        match client.read(&mut buffer)? {
            0 => return Ok(()),
            read => bytes.extend_from_slice(&buffer[..read]),
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let header = |name: &str| {
        head.lines()
            .find_map(|line| line.split_once(": ").filter(|(key, _)| key.eq_ignore_ascii_case(name)))
            .map(|(_, value)| value)
    };
    let length: usize = header("content-length").map_or(0, |length| length.parse().unwrap());
    while bytes.len() < end + 2 + length {
        let read = client.read(&mut buffer)?;
        bytes.extend_from_slice(&buffer[..read]);
    }
    let mut words = head.split(' ');
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    let key = header("authorization").unwrap().trim_start_matches("Bearer ");
    assert_eq!(key, KEY);
    if let Some(answer) = answer(method, path, key) {
        client.write_all(answer.as_bytes())?;
    } else {
        let mut server = TcpStream::connect(sandbox)?;
        server.write_all(&bytes[..end])?;
        server.write_all(b"connection: close\r\n")?;
        server.write_all(&bytes[end..])?;
        io::copy(&mut server, &mut client)?;
    }
    client.shutdown(Shutdown::Both)
}

fn http(status: u16, kind: &str, more: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n{more}\r\n{body}",
        body.len()
    )
}

fn percent(key: &str) -> String {
    percent_encoding::utf8_percent_encode(key, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// Answers that hold the key, in each way in which a server may write it.
fn echoes(status: u16, key: &str) -> Vec<String> {
    let html = key.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    let escaped: String = key.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
    let error = |text: &str| json!({"errors": [{"status": "422", "code": text, "title": text, "detail": text, "source": {"pointer": text}}]});
    vec![
        http(status, "text/plain", "", &format!("bad key {key}")),
        http(status, "text/plain", "", &format!("Authorization: Bearer {key}")),
        http(status, "text/html", "", &format!("<html><body>no: {html}</body></html>")),
        http(status, "application/json", "", &error(key).to_string()),
        http(status, "application/json", "", &error(&format!("/users?token={}", percent(key))).to_string()),
        http(status, "application/json", "", &error(&json!({ "key": key }).to_string()).to_string()),
        http(status, "application/json", "", &format!("{{\"errors\":[{{\"detail\":\"{escaped}\"}}]}}")),
        http(status, "application/json", "", &json!({ "message": format!("the key {key} is wrong") }).to_string()),
        http(status, "text/plain", &format!("www-authenticate: Bearer {key}\r\n"), "no"),
        http(307, "text/plain", &format!("location: https://elsewhere.example/?key={}\r\n", percent(key)), key),
    ]
}

/// The small company, whose program talks to a server in between.
fn with_between(company: &mut Company, between: &Between) {
    company.env("SKOVIK_TOKEN", KEY);
    company.edit("skovik-sync.toml", &company.url(), &between.url);
    company.edit("skovik-sync.toml", "[target]", "[target]\nretries = 0\nmax_in_flight = 1\ntimeout = \"10s\"");
}

#[test]
fn a_server_that_sends_the_key_back_in_a_list_is_not_quoted() {
    let numbers = 0..echoes(0, KEY).len();
    for (status, number) in
        [400, 401, 500].into_iter().flat_map(|status| numbers.clone().map(move |number| (status, number)))
    {
        let mut company = Company::new("small");
        let between = Between::new(&company, move |_, path, key| {
            path.starts_with("/v1/users").then(|| echoes(status, key).swap_remove(number))
        });
        with_between(&mut company, &between);
        tells_nothing(company.run(&["plan", "-vvv"])).ends(4);
        tells_nothing(company.run(&["plan", "-vvv", "--log-format", "json"])).ends(4);
        no_file_holds_it(company.folder(), &[]);
    }
}

#[test]
fn a_server_that_sends_the_key_back_to_a_write_is_not_quoted() {
    for number in 0..echoes(422, KEY).len() {
        let mut company = Company::new("small");
        let between = Between::new(&company, move |method, _, key| {
            (method == "PUT" || method == "DELETE").then(|| echoes(422, key).swap_remove(number))
        });
        with_between(&mut company, &between);
        company.run(&["plan"]).ends(0);
        company.run(&["approve", "plan.json", "--yes"]).ends(0);
        let args = ["apply", "plan.json", "-vvv", "--report", "report.json", "--events", "events.jsonl"];
        let output = tells_nothing(company.run(&args));
        assert_eq!(output.code, Some(9), "{output}");
        no_file_holds_it(company.folder(), &[]);
    }
}

/// A service that knows a secret of another section, as where two are of one vendor.
#[test]
fn a_server_that_sends_back_a_secret_of_another_section_is_not_quoted() {
    const LISTED: &str = r#"[{"id": "1", "email": "a@example.com", "first": "Anna", "last": "Berg"}]"#;
    for status in [400, 403, 500] {
        let mut company = Company::new("small");
        let web = Web::start(move |_, request| match request.target.starts_with("/hr") {
            true => answer(LISTED),
            false => {
                Reply::Answer(status, Vec::new(), json!({"errors": [{"title": format!("bad {MARK}")}]}).to_string())
            }
        });
        company.env("SKOVIK_TOKEN", "another-key-9");
        company.env("HR_TOKEN", MARK);
        let settings = r#"
            [target]
            kind = "skovik"
            url = "WEB/v1"
            retries = 0
            [[source]]
            name = "hr"
            kind = "http"
            url = "WEB/hr"
            key = "id"
            [source.auth]
            kind = "bearer"
            token_env = "HR_TOKEN"
            [source.paging]
            kind = "none"
            [employee]
            external_identifier = "{{ hr.id }}"
            primary_email = "{{ hr.email }}"
            first_name = "{{ hr.first }}"
            last_name = "{{ hr.last }}"
        "#;
        company.write("skovik-sync.toml", settings.replace("WEB", &web.url));
        for command in ["check", "plan", "run"] {
            let output = tells_nothing(company.run(&[command, "-vvv"])).ends(4);
            assert!(format!("{output}").contains("bad [key]"), "{output}");
        }
        no_file_holds_it(company.folder(), &[]);
    }
}

/// A service whose list has the key of the service in it, and what is said of the list.
#[test]
fn a_list_with_the_key_in_it_is_not_quoted() {
    let person = |id: &str, seen: u64| json!({"id": id, "no": id.len(), "email": format!("p{}@example.com", id.len()), "seen": seen});
    let web = Web::start(move |_, request| {
        let list = match request.number("offset") {
            0 => json!([person("1", 1), person(MARK, 1)]),
            2 => json!([person(MARK, 2)]),
            _ => json!([]),
        };
        answer(json!({"data": list, "total": 3}))
    });
    let settings = r#"
        [target]
        kind = "skovik"
        url = "TARGET"
        [[source]]
        name = "hr"
        kind = "http"
        url = "WEB/hr"
        key = "id"
        records = "/data"
        total = "/total"
        prefer = { greatest = "seen" }
        [source.auth]
        kind = "bearer"
        token_env = "HR_TOKEN"
        [source.paging]
        kind = "offset"
        parameter = "offset"
        [[source]]
        name = "ad"
        kind = "csv"
        path = "ad.csv"
        key = "id"
        missing = "MISSING"
        [employee]
        external_identifier = "{{ hr.no }}"
        primary_email = "{{ hr.email }}"
        first_name = "Anna"
        last_name = "{{ ad.name | default('Berg') }}"
        branch = "SE01"
    "#;
    let mut company = Company::new("small");
    company.env("HR_TOKEN", MARK);
    let settings = settings.replace("TARGET", &company.url()).replace("WEB", &web.url);
    for (missing, ad, says) in [
        ("undefined", format!("id,name,{MARK}\n1,Berg,\n"), "have the same id \"[key]\""),
        ("error", "id,name\n1,Berg\n".to_owned(), "no record of 1 person: \"[key]\""),
        ("error", format!("id,{MARK}\n1,Berg\n"), "it has 2 columns: `id`, `[key]`"),
    ] {
        company.write("skovik-sync.toml", settings.replace("MISSING", missing));
        company.write("ad.csv", ad);
        for command in ["check", "plan", "run"] {
            let output = tells_nothing(company.run(&[command, "-vvv"]));
            assert!(output.stderr.contains(says), "{output}");
            assert!(output.stderr.contains("came on different pages"), "{output}");
        }
        no_file_holds_it(company.folder(), &["ad.csv"]);
    }
}

#[test]
fn a_server_that_gives_the_key_as_a_name_is_not_quoted_by_the_test_of_its_contract() {
    for format in ["text", "json"] {
        let mut company = Company::new("small");
        // A name of letters is shown as it is.
        let row = json!({"type": "users", "id": "u1", MARK: 1, "attributes": {MARK: 1}, "relationships": {MARK: {"data": null}}});
        let page = json!({"data": [row], MARK: 1, "meta": {MARK: {MARK: 7}}, "links": {"next": null}});
        let web = Web::start(move |_, _| answer(page.clone()));
        company.edit("skovik-sync.toml", &company.url(), &web.url);
        company.env("SKOVIK_TOKEN", MARK);
        let output = tells_nothing(company.run(&["check", "--contract", "--format", format]));
        assert_eq!(output.code, Some(4), "{output}");
        assert!(output.stdout.contains("[key]"), "{output}");
    }
}

#[test]
fn no_program_gets_the_secrets_of_a_store_that_the_command_line_names() {
    for by_variable in [false, true] {
        let mut company = Company::new("small");
        company.write("tell.sh", "env >> told; echo any-key-at-all");
        company.edit("skovik-sync.toml", "token_env = \"SKOVIK_TOKEN\"", "token_command = [\"sh\", \"tell.sh\"]");
        company.env("AWS_SECRET_ACCESS_KEY", MARK);
        company.env("AWS_ENDPOINT", "http://127.0.0.1:9");
        company.env("SKOVIK_SYNC_STATE_KEY", &"k".repeat(40));
        let state = "s3://bucket/skovik";
        if by_variable {
            company.env("SKOVIK_SYNC_STATE", state);
        }
        let args: &[&str] = if by_variable { &["plan"] } else { &["plan", "--state", state] };
        tells_nothing(company.run(args));
        let told = company.read("told");
        assert!(told.contains("AWS_ENDPOINT") && !told.contains(MARK), "{told}");
    }
}
