//! Webhooks of several kinds, as their senders send them.

use super::{AUTOMATIC, SECRET, Service, house};
use crate::servers::tools;

/// The program that a sender of the Standard Webhooks would write with the project's own library.
const SENDER: &str = "import datetime, sys, urllib.request, urllib.error\n\
    from standardwebhooks.webhooks import Webhook\n\
    url, secret, id, late, body = sys.argv[1:]\n\
    at = datetime.datetime.now(tz=datetime.timezone.utc) - datetime.timedelta(seconds=int(late))\n\
    headers = {'webhook-id': id, 'webhook-timestamp': str(int(at.timestamp())), 'webhook-signature': Webhook(secret).sign(id, at, body)}\n\
    request = urllib.request.Request(url, body.encode(), headers)\n\
    try: print(urllib.request.urlopen(request).status)\n\
    except urllib.error.HTTPError as error: print(error.code)\n";

fn settings(verify: &str) -> String {
    format!(
        "{AUTOMATIC}[serve]\nlisten = \"127.0.0.1:0\"\ndebounce = \"1h\"\n[[webhook]]\nname = \"hr\"\npath = \"/hr\"\n\
         secret_env = \"HR_SECRET\"\n{verify}\n"
    )
}

#[test]
fn standard_webhooks_by_their_own_library() {
    let secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    let house = house(
        &settings("verify = \"standard-webhooks\"").replace("secret_env = \"HR_SECRET\"", "secret_file = \"hook\""),
    );
    std::fs::write(house.path("hook"), secret).expect("written");
    let service = Service::start(&house);
    let url = format!("http://{}/hr", service.address);
    let send = |secret: &str, id: &str, late: &str| {
        let body = "{\"type\":\"employee.updated\",\"data\":{\"name\":\"Åsa\"}}";
        tools::python(SENDER, &[&url, secret, id, late, body]).trim().to_owned()
    };
    assert_eq!(send(secret, "msg_1", "0"), "202");
    assert_eq!(send(secret, "msg_1", "0"), "202", "the sender got no answer and sends it again");
    assert_eq!(send(secret, "msg_2", "0"), "202");
    assert_eq!(send(secret, "msg_3", "400"), "401", "it was kept and sent again later");
    assert_eq!(send("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWU=", "msg_4", "0"), "401");
    assert_eq!(service.metric("queue_events"), Some(2.0));
}

#[test]
fn microsoft_graph_shakes_hands_and_shows_its_state() {
    let house = house(&settings("verify = \"microsoft-graph\"\nids = \"/value/*/resourceData/id\""));
    let service = Service::start(&house);
    let token = "/hr?validationToken=Validation%3A%20Testing%20client%20application%20reachability%3Cscript%3E";
    let answer = service.ask("POST", token, &[], "");
    assert_eq!((answer.status, &*answer.body), (200, "Validation: Testing client application reachability<script>"));
    assert!(answer.head.contains("content-type: text/plain") && answer.head.contains("nosniff"), "{}", answer.head);
    let long = format!("/hr?validationToken={}", "a".repeat(2049));
    for (token, problem) in [("/hr?validationToken=a%0d%0aX%3A1", "has a control character"), (&long, "is too long")] {
        let answer = service.ask("POST", token, &[], "");
        assert_eq!((answer.status, &*answer.body), (400, &*format!("the validation token {problem}\n")));
    }
    let body = |state: &str| {
        format!(
            "{{\"value\":[{{\"subscriptionId\":\"s\",\"changeType\":\"updated\",\"clientState\":\"{state}\",\
             \"resource\":\"users/7\",\"resourceData\":{{\"id\":\"7\"}}}}]}}"
        )
    };
    assert_eq!(service.ask("POST", "/hr", &[], &body(SECRET)).status, 202);
    assert_eq!(service.ask("POST", "/hr", &[], &body("other")).status, 401);
    assert_eq!(service.ask("POST", "/hr", &[], "{}").status, 401);
    assert_eq!(service.metric("queue_events"), Some(1.0));
}

#[test]
fn a_bearer_token_and_another_answer() {
    let house = house(&settings("verify = \"bearer\"\nanswer = 200"));
    let service = Service::start(&house);
    let bearer = format!("Bearer {SECRET}");
    assert_eq!(service.ask("POST", "/hr", &[("Authorization", &bearer)], "\"Ping test\"").status, 200);
    assert_eq!(service.ask("POST", "/hr", &[("Authorization", "Bearer no")], "{}").status, 401);
    assert_eq!(service.metric("queue_events"), Some(1.0));
}

#[test]
fn what_the_service_cannot_start_with_is_said() {
    let house = house(&settings("verify = \"bearer\""));
    let start = |secret: Option<&str>| {
        let mut command = house.command(&["serve"]);
        secret.map(|secret| command.env("HR_SECRET", secret));
        let output = command.output().expect("it runs");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = start(None);
    assert!(
        code == Some(3) && said.contains("[[webhook]] `hr`: the environment variable HR_SECRET is not set"),
        "{said}"
    );
    let (code, said) = start(Some("s3cret"));
    assert!(code == Some(3) && said.contains("has 6 characters") && !said.contains("s3cret"), "{said}");
    house.settings(AUTOMATIC);
    let (code, said) = start(Some(SECRET));
    assert!(code == Some(3) && said.contains("neither [schedule] nor [[webhook]]"), "{said}");
}
