//! What is shown, and to whom.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use super::{AUTOMATIC, Service, TOKEN, house, more_people, webhook};
use crate::house::people;
use crate::render::browser;
use crate::servers::certificates::Authority;
use crate::servers::tools;

const LISTEN: &str = "[serve]\nlisten = \"127.0.0.1:0\"\n[schedule]\nevery = \"1h\"\n";
const BEARER: (&str, &str) = ("Authorization", "Bearer a-token-of-the-readers-0123456789");

#[test]
fn the_first_run_comes_at_once_and_the_page_shows_it() {
    let house = house(&format!("{AUTOMATIC}{LISTEN}"));
    house.list(&more_people(1));
    let mut service = Service::start(&house);
    service.has_run(1);
    assert_eq!(house.writes().len(), 1);
    assert_eq!(service.get("/healthz", &[]).body, "ok\n");
    assert_eq!(service.get("/readyz", &[]).status, 200);
    assert_eq!(service.get("/plan", &[]).status, 404);
    let page = service.get("/", &[]);
    assert_eq!(page.status, 200);
    assert!(page.body.contains("schedule") && page.body.contains("succeeded"), "{}", page.body);
    for header in ["x-frame-options: DENY", "x-content-type-options: nosniff", "cache-control: no-store"] {
        assert!(page.head.contains(header), "{header}: {}", page.head);
    }
    assert!(page.head.contains("frame-ancestors 'none'"), "{}", page.head);

    // What was seen of the last runs outlives the program, and does not run at once again.
    service.kill();
    let service = Service::start(&house);
    assert!(service.get("/", &[]).body.contains("succeeded"));
    assert_eq!(service.metric("run_duration_seconds_count"), Some(0.0));
}

/// Otherwise a few hundred clients who ask again and again could shut everybody else out.
#[test]
fn a_connection_has_one_answer_and_ends() {
    let house = house(&webhook("1h", ""));
    let service = Service::start(&house);
    let wish = format!("Host: {}\r\nConnection: keep-alive\r\n", service.address);
    let requests = [
        format!("GET /healthz HTTP/1.1\r\n{wish}\r\n"),
        format!("GET / HTTP/1.0\r\n{wish}\r\n"),
        format!("POST /hr HTTP/1.1\r\n{wish}Content-Length: 2\r\n\r\n{{}}"),
        format!("POST /nowhere HTTP/1.1\r\n{wish}Content-Length: 2\r\n\r\n{{}}"),
    ];
    for request in requests {
        let mut stream = TcpStream::connect(&service.address).expect("a connection");
        stream.write_all(request.repeat(2).as_bytes()).expect("sent");
        let mut answers = String::new();
        stream.read_to_string(&mut answers).expect("the end of the connection");
        assert_eq!(answers.matches("HTTP/1.").count(), 1, "{request}{answers}");
        assert!(request.contains("HTTP/1.0") || answers.contains("connection: close"), "{request}{answers}");
    }
}

/// The time for the head is not added to the time for the body.
#[test]
fn a_whole_request_has_ten_seconds() {
    let house = house(&webhook("1h", ""));
    let service = Service::start(&house);
    let began = std::time::Instant::now();
    let mut stream = TcpStream::connect(&service.address).expect("a connection");
    stream.write_all(b"POST /hr HTTP/1.1\r\n").expect("sent");
    std::thread::sleep(std::time::Duration::from_secs(6));
    stream.write_all(format!("Host: {}\r\nContent-Length: 9\r\n\r\n", service.address).as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the end of the connection");
    let took = began.elapsed().as_secs();
    assert!(answer.starts_with("HTTP/1.1 408") && (9..14).contains(&took), "{took} s: {answer}");
}

#[test]
fn without_a_token_only_this_machine_itself_may_read() {
    let house = house(&webhook("1h", ""));
    let service = Service::start(&house);
    for path in ["/", "/metrics", "/plan"] {
        for headers in [
            &[("Host", "evil.example")][..],
            &[("Host", "evil.example:8600")],
            &[("X-Forwarded-For", "10.0.0.1")],
            &[("Via", "1.1 proxy")],
            &[("Fly-Client-IP", "10.0.0.1")],
            &[("Fastly-Client-IP", "10.0.0.1")],
            &[("X-ProxyUser-Ip", "10.0.0.1")],
            &[("X-Appengine-User-Ip", "10.0.0.1")],
            &[("X-Amzn-Trace-Id", "Root=1-0-0")],
            &[("CF-Ray", "0")],
            &[("Akamai-Origin-Hop", "1")],
            &[("X-Cloud-Trace-Context", "0/0")],
            &[("X-ARR-ClientIP", "10.0.0.1")],
        ] {
            let answer = service.get(path, headers);
            assert_eq!(answer.status, 403, "{path} {headers:?}");
            assert!(!answer.body.contains(&house.url), "{}", answer.body);
        }
    }
    for target in ["http://evil.example/plan", "http://evil.example/", "http://127.0.0.1@evil.example:80/metrics"] {
        let answer = service.get(target, &[("Host", "127.0.0.1")]);
        assert_eq!(answer.status, 403, "{target}");
        assert!(!answer.body.contains(&house.url), "{}", answer.body);
    }
    assert_eq!(service.get("http://127.0.0.1/", &[("Host", "localhost:1")]).status, 200);
    assert_eq!(service.get("/", &[("Host", "localhost:1")]).status, 200);
    assert_eq!(service.get("/healthz", &[("Host", "10.0.0.1")]).status, 200, "probes come by address");
    assert!(service.said().contains("[serve] has no token"), "{}", service.said());
}

#[test]
fn with_a_token_everybody_has_to_show_it() {
    let house = house(&webhook("1h", "token_env = \"READ_TOKEN\""));
    let service = Service::start(&house);
    for path in ["/", "/metrics", "/plan"] {
        for headers in
            [&[][..], &[("Authorization", "Bearer a-token-of-the-readers-012345678")], &[("Authorization", "x")]]
        {
            for method in ["GET", "HEAD"] {
                let answer = service.ask(method, path, headers, "");
                assert_eq!(answer.status, 401, "{method} {path} {headers:?}");
                assert!(answer.head.contains("www-authenticate: Basic"), "{}", answer.head);
            }
        }
    }
    assert_eq!(service.get("/", &[BEARER]).status, 200);
    assert_eq!(service.get("/", &[BEARER, ("Host", "sync.example.com"), ("X-Forwarded-For", "10.0.0.1")]).status, 200);
    // `admin:` and the token, as a browser sends what was typed.
    let typed = ("Authorization", "Basic YWRtaW46YS10b2tlbi1vZi10aGUtcmVhZGVycy0wMTIzNDU2Nzg5");
    assert_eq!(service.get("/", &[typed]).status, 200);
    assert_eq!(service.get("/healthz", &[]).status, 200);
    assert!(!service.said().contains(TOKEN));
}

#[test]
fn a_plan_that_waits_is_shown_and_cannot_be_approved_here() {
    let house = house(LISTEN);
    house.list(&more_people(2));
    let mut service = Service::start(&house);
    service.has_run(1);
    assert_eq!(service.metric("plan_waiting"), Some(1.0));
    assert_eq!(service.metric("plan_waiting_operations"), Some(2.0));
    let page = service.get("/", &[]).body;
    assert!(page.contains("skovik-sync approve plan.json"), "{page}");
    // Another plan in its place is not shown as the one that waits.
    let made = house.read("plan.json");
    std::fs::write(house.path("plan.json"), "{}").expect("written");
    assert_eq!(service.get("/plan", &[]).status, 409);
    std::fs::write(house.path("plan.json"), made).expect("written");
    let plan = service.get("/plan", &[]);
    assert!(plan.body.contains("P21") && plan.head.contains("frame-ancestors 'none'"), "{}", plan.head);
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
        for path in ["/", "/plan", "/metrics", "/healthz"] {
            assert_eq!(service.ask(method, path, &[], "").status, 405, "{method} {path}");
        }
    }
    for path in ["/", "/plan", "/metrics", "/healthz"] {
        let head = service.ask("HEAD", path, &[], "");
        assert_eq!((head.status, &*head.body), (200, ""), "{path}");
    }
    assert_eq!(house.writes(), []);

    // In a browser: the page breaks no policy, and the plan is the page of `show`.
    let opened = browser::open_url(&format!("http://{}/", service.address));
    assert_eq!(opened.console, Vec::<String>::new());
    assert_eq!(opened.one("#waiting"), "2 to create, 0 to update, 0 to delete, 0 set aside. Read it.");
    assert_eq!(opened.texts("#runs tbody tr").len(), 1);
    let opened = browser::open_url(&format!("http://{}/plan", service.address));
    assert_eq!(opened.console, Vec::<String>::new());
    assert_eq!(opened.one("#count"), "2 changes");

    // Its page was made; what is in the place of the plan by now changes nothing.
    std::fs::write(house.path("plan.json"), "{}").expect("written");
    assert_eq!(service.get("/plan", &[]).body, plan.body);
}

/// Readers share one page, and one that leaves does not let another plan be read meanwhile.
#[test]
fn many_readers_of_a_plan_cost_no_more_than_one() {
    let house = house(LISTEN);
    house.list(&more_people(3000));
    let mut service = Service::start(&house);
    service.has_run(1);
    let request = b"GET /plan HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    let threads = |service: &Service| {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", service.id())).expect("its threads");
        tasks.count()
    };
    let before = threads(&service);
    for _ in 0..30 {
        let mut leaves = std::net::TcpStream::connect(&service.address).expect("it listens");
        std::io::Write::write_all(&mut leaves, request).expect("sent");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let more = threads(&service).saturating_sub(before);
    assert!(more < 5, "{more} threads more");
    service.until("the page is there", |service| (service.get("/plan", &[]).status == 200).then_some(()));
}

#[test]
fn metrics_are_read_by_a_published_parser() {
    let listed = people("SE01", 10);
    let house = crate::house::House::new(&listed, &people("SE01", 20), &webhook("100ms", ""), &[]);
    let mut service = Service::start(&house);
    assert_eq!(service.event("{}"), Some(202));
    service.has_run(1);
    let metrics = service.get("/metrics", &[]).body;
    std::fs::write(house.path("metrics.txt"), &metrics).expect("written");
    let script = "import sys\n\
        from prometheus_client.parser import text_string_to_metric_families as families\n\
        found = {s.name + str(sorted(s.labels.items())): int(s.value) for f in families(open(sys.argv[1]).read()) for s in f.samples}\n\
        for name, value in sorted(found.items()): print(name, value)\n";
    let parsed = tools::python(script, &[&house.path("metrics.txt").to_string_lossy()]);
    for line in [
        "skovik_sync_people[('group', 'delete')] 10",
        "skovik_sync_guard_blocks[('guard', 'max_delete_percent'), ('subject', '')] 1",
        "skovik_sync_guard_limit[('guard', 'max_delete_percent'), ('subject', '')] 20",
        "skovik_sync_runs_total[('outcome', 'blocked')] 1",
        "skovik_sync_events_total[('result', 'accepted'), ('webhook', 'hr')] 1",
        "skovik_sync_run_duration_seconds_count[] 1",
        "skovik_sync_plan_waiting[] 1",
        "skovik_sync_last_run_exit_code[] 5",
    ] {
        assert!(parsed.lines().any(|found| found == line), "{line}:\n{parsed}");
    }
    assert!(!parsed.contains("last_success"), "there was none: {parsed}");
}

#[test]
fn tls_needs_a_certificate_and_its_key() {
    let house = house(&webhook("1h", "tls_cert = \"cert.pem\"\ntls_key = \"key.pem\""));
    let authority = Authority::new("Serve Test");
    let certificate = authority.for_loopback();
    let start = || house.command(&["serve"]).env("HR_SECRET", super::SECRET).output().expect("it runs");
    let refused = |expected: &str| {
        let output = start();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(3) && said.contains(expected), "{said}");
    };
    let write = |name: &str, text: &str| std::fs::write(house.path(name), text).expect("written");
    refused("`tls_cert` in [serve]: cannot read");
    write("cert.pem", "nothing");
    write("key.pem", &certificate.key);
    refused("holds no certificate in PEM");
    write("cert.pem", &certificate.pem);
    write("key.pem", "nothing");
    refused("holds no private key in PEM");
    write("key.pem", &authority.for_loopback().key);
    refused("cannot be used together");
    write("key.pem", &certificate.key);
    write("ca.pem", authority.pem());
    let service = Service::start(&house);
    let script = "import ssl, sys, urllib.request\n\
        context = ssl.create_default_context(cafile=sys.argv[1])\n\
        print(urllib.request.urlopen(sys.argv[2], context=context).read().decode())\n";
    let url = format!("https://{}/healthz", service.address);
    let ca: &Path = &house.path("ca.pem");
    assert_eq!(tools::python(script, &[&ca.to_string_lossy(), &url]).trim(), "ok");
    assert!(service.try_to_ask("GET", "/healthz", &[], "").is_none(), "no plain HTTP on this port");
}
