//! `[schedule]`, `[serve]`, `[[webhook]]` and `[[notify]]`.

use jiff::civil::time;

use super::*;
use crate::config::notify::{Channel, Form, Occasion};
use crate::config::serve::{Hash, Hmac, Part, Verification, When};
use crate::setting::SecretPlace;

const WEBHOOK: &str = "[[webhook]]\nname = \"hr\"\npath = \"/hr\"\nverify = \"hmac-sha256\"\nheader = \"X-Sig\"\nsecret_env = \"HR_SECRET\"\n";

/// The good file with these tables.
fn with(tables: &str) -> Result<Settings, ConfigError> {
    parse(&format!("{GOOD}\n{tables}"))
}

#[test]
fn a_service_listens_on_this_machine_unless_told_otherwise() {
    let settings = parse(GOOD).unwrap();
    assert!(settings.schedule.is_none() && settings.webhooks.is_empty() && settings.notify.is_empty());
    let serve = &settings.serve;
    assert_eq!(serve.listen, "127.0.0.1:8600".parse().unwrap());
    assert_eq!(serve.debounce, Duration::from_secs(10));
    assert!(serve.token.is_none() && serve.tls.is_none());
}

#[test]
fn a_schedule_has_times_or_an_interval() {
    let schedule = |text: &str| with(&format!("[schedule]\n{text}")).unwrap().schedule.unwrap();
    assert_eq!(schedule("every = \"3h\"").when, When::Every(Duration::from_secs(10_800)));
    let times = schedule("at = [\"18:30\", \"06:00\"]\njitter = \"5m\"");
    assert_eq!(times.when, When::At(vec![time(6, 0, 0, 0), time(18, 30, 0, 0)]));
    assert_eq!(times.jitter, Duration::from_secs(300));
}

#[test]
fn webhooks_are_read_with_what_they_sign() {
    let webhook = |more: &str| with(&format!("{WEBHOOK}{more}")).unwrap().webhooks.remove(0);
    let hr = webhook("ids = \"/employees/*/id\"\nsigned = \"v0:{timestamp}:{body}\"\ntimestamp_header = \"X-Time\"");
    assert_eq!((&*hr.name, &*hr.path, hr.most_a_second, hr.answer), ("hr", "/hr", 500, 202));
    assert_eq!(hr.secret.place(), &SecretPlace::Variable("HR_SECRET".to_owned()));
    let Verification::Hmac(Hmac { hash, header, signed, timestamp, tolerance }) = hr.verify else { panic!("no hmac") };
    assert_eq!((hash, header.as_str(), tolerance), (Hash::Sha256, "x-sig", Duration::from_secs(300)));
    assert_eq!(timestamp.unwrap().as_str(), "x-time");
    let text = |text: &str| Part::Text(text.to_owned());
    assert_eq!(signed, [text("v0:"), Part::Timestamp, text(":"), Part::Body]);
    // The secret is kept from programs that the settings start.
    assert!(format!("{:?}", hr.secret).contains("HR_SECRET"));
}

#[test]
fn an_event_can_be_repeated_within_the_tolerance_before_and_after() {
    let minutes = |more: &str| {
        let webhook = with(&format!("{WEBHOOK}{more}")).unwrap().webhooks.remove(0);
        webhook.repeatable().as_mins()
    };
    let time = "signed = \"{timestamp}{body}\"\ntimestamp_header = \"X-Time\"\n";
    assert_eq!(minutes(""), 10);
    assert_eq!(minutes(&format!("{time}tolerance = \"2h\"")), 240);
    assert_eq!(minutes(&format!("{time}tolerance = \"1m\"")), 10);
}

#[test]
fn receivers_are_read() {
    let settings = with(
        "[[notify]]\non = [\"silent\", \"blocked\"]\nsilent_after = \"26h\"\nurl_env = \"SLACK_URL\"\nform = \"slack\"\n\
         [[notify]]\non = [\"failed\"]\ncommand = [\"./tell\"]\npersonal = true\nrepeat = \"1h\"\n",
    );
    let notify = settings.unwrap().notify;
    assert_eq!(notify[0].on, [Occasion::Blocked, Occasion::Silent]);
    assert!(matches!(notify[0].channel, Channel::Url { form: Form::Slack, .. }));
    assert_eq!((notify[0].personal, notify[0].repeat), (false, Duration::from_secs(86_400)));
    assert!(matches!(&notify[1].channel, Channel::Command { argv, .. } if argv == &["./tell"]));
    assert_eq!((notify[1].personal, notify[1].repeat), (true, Duration::from_secs(3600)));
}

/// Neither their place nor what they are told makes another receiver.
#[test]
fn receivers_are_known_by_their_addresses() {
    let tables = |order: &[usize], more: &str, file: &str| {
        let addresses = [
            "url_env = \"A\"",
            "url_file = \"A\"",
            "url_command = [\"A\"]",
            "command = [\"A\"]",
            "command = [\"A\", \"\"]",
        ];
        let tables = order.iter().map(|place| format!("[[notify]]\non = [\"failed\"]\n{}\n{more}", addresses[*place]));
        let settings = Settings::parse(&format!("{GOOD}\n{}", tables.collect::<String>()), Path::new(file)).unwrap();
        settings.notify.iter().map(|notify| notify.address).collect::<Vec<_>>()
    };
    let addresses = tables(&[0, 1, 2, 3, 4], "", "skovik-sync.toml");
    assert_eq!(addresses.iter().collect::<std::collections::BTreeSet<_>>().len(), 5);
    assert_eq!(tables(&[4, 1], "", "skovik-sync.toml"), [addresses[4], addresses[1]]);
    assert_eq!(tables(&[0, 1, 2, 3, 4], "personal = true\nrepeat = \"1h\"\n", "/etc/skovik-sync.toml"), addresses);
}

#[test]
fn arguments_of_programs_are_kept_as_they_are() {
    let argv = r#"["./tell", " a ", "--sep= ", "", "b\n"]"#;
    let expected = ["./tell", " a ", "--sep= ", "", "b\n"];
    let settings = with(&format!(
        "{}[[notify]]\non = [\"failed\"]\ncommand = {argv}\n",
        WEBHOOK.replace("secret_env = \"HR_SECRET\"", &format!("secret_command = {argv}"))
    ))
    .unwrap();
    assert!(matches!(&settings.notify[0].channel, Channel::Command { argv, .. } if argv == &expected));
    let secret = settings.webhooks[0].secret.place();
    assert!(matches!(secret, SecretPlace::Command { argv, .. } if argv == &expected), "{secret:?}");
    for (argv, problem) in [("[]", "is empty; it is a program"), (r#"[" ", "a"]"#, "begins with an empty text")] {
        let error = with(&format!("[[notify]]\non = [\"failed\"]\ncommand = {argv}\n")).unwrap_err().to_string();
        assert!(error.contains(problem), "{error}");
    }
}

#[test]
fn what_cannot_be_right_is_named() {
    let hook = |more: &str| format!("{WEBHOOK}{more}");
    for (tables, expected) in [
        ("[schedule]\n", "[schedule] (line 29) lacks `every`"),
        ("[schedule]\nevery = \"3h\"\nat = [\"06:00\"]", "`at` in [schedule]"),
        ("[schedule]\nevery = \"10s\"", "at least \"1m\""),
        ("[schedule]\nevery = \"9999h\"", "a month"),
        ("[schedule]\nevery = \"1h\"\njitter = \"2h\"", "longer than `every`"),
        ("[schedule]\nat = []", "at least one time"),
        ("[schedule]\nat = [\"6:00\"]", "times of the day such as \"06:00\""),
        ("[schedule]\nat = [\"24:00\"]", "times of the day"),
        ("[schedule]\nat = [\"06:00\", \"06:00\"]", "the same time twice"),
        ("[schedule]\nevry = \"1h\"", "did you mean `every`?"),
        ("[serve]\nlisten = \"8600\"", "must be an IP address and a port"),
        ("[serve]\nlisten = \"0.0.0.0:8600\"", "needs `token_env`"),
        ("[serve]\nlisten = \"0.0.0.0:8600\"\ntoken_env = \"T\"", "needs `tls_cert` and `tls_key`"),
        ("[serve]\ntls_cert = \"c.pem\"", "needs `tls_key`"),
        ("[serve]\ntls_key = \"c.pem\"", "needs `tls_cert`"),
        ("[serve]\ntls_cert = \"c\"\ntls_key = \"k\"\nplain_http = true", "does not go with `tls_cert`"),
        (&hook(WEBHOOK), "is the name of another [[webhook]]"),
        (&hook(&WEBHOOK.replace("\"hr\"", "\"two\"")), "is the path of another [[webhook]]"),
        (&WEBHOOK.replace("\"/hr\"", "\"/metrics\""), "is a path of `serve` itself"),
        (&WEBHOOK.replace("\"/hr\"", "\"hr?x\""), "must be a path"),
        (&WEBHOOK.replace("\"hr\"", "\"h r\""), "up to 64 letters"),
        (&WEBHOOK.replace("secret_env = \"HR_SECRET\"", ""), "lacks `secret_env`"),
        (&WEBHOOK.replace("header = \"X-Sig\"", ""), "[[webhook]] `hr` (line 29) lacks `header`"),
        (&WEBHOOK.replace("X-Sig", "X Sig"), "not the name of an HTTP header"),
        (&WEBHOOK.replace("hmac-sha256", "hmac-md5"), "must be \"hmac-sha256\" or"),
        (&WEBHOOK.replace("hmac-sha256", "bearer"), "`header` in [[webhook]] `hr`"),
        (&hook("tolerance = \"1m\""), "needs a timestamp"),
        (&hook("timestamp_header = \"X-Time\""), "a time that is not signed proves nothing"),
        (&hook("signed = \"{timestamp}{body}\""), "go together"),
        (&hook("signed = \"{time}{body}\""), "nothing else in braces"),
        (&hook("signed = \"x\""), "must hold {body} once"),
        (&hook("ids = \"employee\""), "must begin with a slash"),
        (&hook("answer = 201"), "must be 200, 202 or 204"),
        ("[[notify]]\ncommand = [\"x\"]", "lacks `on`"),
        ("[[notify]]\non = [\"failed\"]", "lacks `url_env`"),
        ("[[notify]]\non = [\"failing\"]\ncommand = [\"x\"]", "may hold \"blocked\", \"waiting\""),
        ("[[notify]]\non = []\ncommand = [\"x\"]", "is empty"),
        ("[[notify]]\non = [\"failed\"]\ncommand = []", "is empty"),
        ("[[notify]]\non = [\"silent\"]\ncommand = [\"x\"]", "lacks `silent_after`"),
        ("[[notify]]\non = [\"failed\"]\ncommand = [\"x\"]\nsilent_after = \"1h\"", "needs \"silent\""),
        ("[[notify]]\non = [\"failed\"]\ncommand = [\"x\"]\nform = \"slack\"", "goes with a URL only"),
        ("[[notify]]\non = [\"failed\"]\ncommand = [\"x\"]\nurl_env = \"U\"", "write two [[notify]]"),
    ] {
        let Err(error) = with(tables) else { panic!("{tables:?} is accepted") };
        assert!(error.to_string().contains(expected), "{tables:?}: {error}");
    }
}

#[test]
fn nothing_of_this_changes_what_a_plan_is_bound_to() {
    let more = format!("[schedule]\nevery = \"3h\"\n[serve]\ndebounce = \"1m\"\n{WEBHOOK}");
    assert_eq!(with(&more).unwrap().hash(), parse(GOOD).unwrap().hash());
}
