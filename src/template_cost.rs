//! Limits for the cost of templates and expressions. They come from the settings, which people review, but a mistake or
//! a long cell must not hang a run or exhaust the memory.
//!
//! Fuel bounds the work and the values of one evaluation; the length of a template bounds its nesting. The engine does
//! not count the work of writing a list of lists as a text, or of comparing two of them: so there is also a time limit.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;
use std::{io, thread};

use minijinja::Environment;

use crate::threads::none_left;

/// How many bytes a template may have. That also bounds its nesting.
const LONGEST_TEMPLATE: usize = 8 * 1024;
/// How many bytes the result of a template may have. The longest field of a person needs a hundredth of it.
const LONGEST_RESULT: usize = 16 * 1024;
/// How much work one evaluation may be: each instruction costs one, and each 64 bytes of what it makes or looks at. A
/// list of some thousand groups can be searched with it.
const FUEL: u64 = 100_000;
/// How deep macros may call one another, as the engine counts: about five for each call.
const DEEPEST_CALL: usize = 250;
/// The stack for deeply nested templates and values, in bytes. Unused stack costs nothing.
const ROOM: usize = 256 * 1024 * 1024;
/// How long a template may take for one record; most take some microseconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// Bounds the work of every template and expression of an environment.
pub(crate) fn bound(environment: &mut Environment<'_>) {
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(DEEPEST_CALL);
}

/// Refuses a template that is too long.
pub(crate) fn not_too_long(template: &str) -> Result<(), String> {
    if template.len() <= LONGEST_TEMPLATE {
        return Ok(());
    }
    Err(format!("has {} bytes, more than the {LONGEST_TEMPLATE} that it may have", template.len()))
}

/// Refuses a result that is too long for any field of a person.
pub(crate) fn not_too_large(result: &str) -> Result<(), String> {
    if result.len() <= LONGEST_RESULT {
        return Ok(());
    }
    Err(format!("gives {} bytes, more than the {LONGEST_RESULT} that a value may have", result.len()))
}

/// Tells that work goes on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress(Arc<AtomicU64>);

impl Progress {
    /// One more record is done.
    pub(crate) fn step(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Compiles or evaluates templates on a thread with a large stack: the engine is recursive, and a stack overflow ends
/// the whole program.
///
/// # Errors
/// If no step was made within the time limit. The thread then goes on until the program ends, because a thread cannot
/// be stopped. If the system starts no thread.
///
/// # Panics
/// If the work panics.
pub(crate) fn in_time<T: Send + 'static>(work: impl FnOnce(&Progress) -> T + Send + 'static) -> Result<T, String> {
    in_time_of(PATIENCE, work)
}

fn in_time_of<T: Send + 'static>(
    patience: Duration,
    work: impl FnOnce(&Progress) -> T + Send + 'static,
) -> Result<T, String> {
    let progress = Progress::default();
    let (sender, result) = mpsc::sync_channel(1);
    let told = progress.clone();
    let started = thread::Builder::new().stack_size(ROOM).spawn(move || {
        let result = work(&told);
        // If it took too long, nobody waits for it.
        let _ = sender.send(result);
    });
    let thread = started.map_err(|error| format!("cannot be worked out: {}", none_left(&error)))?;
    let mut steps = 0;
    loop {
        match result.recv_timeout(patience) {
            Ok(result) => {
                // After this, nothing is shared with the thread any more.
                thread.join().unwrap_or_else(|panic| resume_unwind(panic));
                return Ok(result);
            }
            Err(RecvTimeoutError::Disconnected) => match thread.join() {
                Err(panic) => resume_unwind(panic),
                Ok(()) => return Err("it ended without a result".to_owned()),
            },
            Err(RecvTimeoutError::Timeout) => {
                let now = progress.0.load(Ordering::Relaxed);
                if now == steps {
                    return Err(format!(
                        "takes longer than {} seconds: a loop, a repetition or a value in it is too large",
                        patience.as_secs()
                    ));
                }
                steps = now;
            }
        }
    }
}

/// Starts one of several threads with the same room.
///
/// # Errors
/// The system starts no thread.
pub(crate) fn spawn<'scope, T: Send + 'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> io::Result<thread::ScopedJoinHandle<'scope, T>> {
    thread::Builder::new().stack_size(ROOM).spawn_scoped(scope, work)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use minijinja::context;

    use super::*;
    use crate::setting::Calendar;
    use crate::setting::template::{Engine, Template};

    /// No template may take longer, even in a debug build on a busy machine.
    const LONGEST: Duration = Duration::from_secs(20);

    fn template(text: &str) -> Result<Template, String> {
        Template::parse("`x`", text, &[Arc::from("hr")])
    }

    fn engine() -> Engine {
        Engine::new(&Calendar::on(jiff::civil::date(2026, 11, 28), &jiff::tz::TimeZone::UTC))
    }

    fn expression(text: &str) -> Result<Template, String> {
        Template::parse_expression("`x`", text, &[Arc::from("hr")])
    }

    /// What a template gives for somebody whose every column holds this text.
    fn rendered(text: &str, cell: &str) -> Result<String, minijinja::Error> {
        let hr = context! { text => cell.to_owned(), list => vec![cell.to_owned(); 50] };
        let text = text.to_owned();
        in_time(move |_| engine().template(&text)?.render(context! { hr })).unwrap()
    }

    #[track_caller]
    fn quickly<T>(name: &str, work: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let result = work();
        assert!(begun.elapsed() < LONGEST, "{}: {:?}", &name[..name.len().min(80)], begun.elapsed());
        result
    }

    #[test]
    fn what_takes_too_much_work_for_anybody_is_refused_at_once() {
        let loops = "{% for a in range(100000) %}".repeat(2) + "x" + &"{% endfor %}".repeat(2);
        for text in [
            &*loops,
            "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
            "{{ '%1000000000s' | format('x') }}",
            "{{ '%.1000000000f' | format(1.5) }}",
            "{{ '%0999999999d' | format(1) }}",
            "{{ 'x' * 1000000000 }}",
            "{{ 'x' * 99999999 }}",
            "{{ ([1] * 99999999) | list | length }}",
            "{{ (('x' * 1000000) ~ ('x' * 1000000) ~ ('x' * 1000000) ~ ('x' * 1000000)  ~ ('x' * 1000000) ~ ('x' * 1000000) ~ ('x' * 1000000)) | length }}",
            "{% set a = 'x' * 1000000 %}{% set b = a ~ a ~ a %}{% set c = b ~ b ~ b %}{{ c | length }}",
            "{{ ('x' * 100000) | replace('x', 'y' * 100000) }}",
            "{{ ('x\n' * 100000) | indent(100000) }}",
            "{{ '' | indent(10000000000) }}",
            "{{ range(100000) | join('x' * 1000) }}",
            "{{ range(100000) | batch(1) | list | length }}{{ range(100000) | map('string') | list | length }}",
            "{{ range(100000) | sort(reverse=true) | unique | groupby('x') | list | length }}",
            "{{ range(100000) | list | tojson }}",
            "{{ (range(100000) | list) ~ (range(100000) | list) }}",
            "{{ range(100000) | list | string | upper | lower | title }}",
            "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(11) }}",
        ] {
            let error = quickly(text, || template(text)).expect_err(text);
            assert!(error.contains("more work than a template may"), "{text}: {error}");
        }
        for (list, doubled) in [
            ("['x']", "x + x"),
            ("['x'] | map('upper')", "x + x"),
            ("('x',)", "x + x"),
            ("['x']", "x | chain(x)"),
            ("['x'] | map('upper')", "x | chain(x)"),
            ("['x']", "(x | zip(x) | list) + (x | zip(x) | list)"),
            ("'x'", "x + x"),
        ] {
            let text = format!("{{% set x = {list} %}}{}x", format!("{{% set x = {doubled} %}}").repeat(60));
            let error = quickly(&text, || template(&text)).expect_err(&text);
            assert!(error.contains("more work than a template may"), "{text}: {error}");
        }
        for doubled in ["{'b': 1} | chain(x, x)", "x | chain(x)"] {
            let text =
                format!("{{% set x = {{'a': 1}} %}}{}{{{{ x.a }}}}", format!("{{% set x = {doubled} %}}").repeat(60));
            assert_eq!(quickly(&text, || rendered(&text, "")).unwrap(), "1");
        }
        let zipped = format!("{{% set x = ['x'] %}}{}{{{{ x | length }}}}", "{% set x = x | zip(x) %}".repeat(60));
        assert_eq!(quickly(&zipped, || rendered(&zipped, "")).unwrap(), "1");
        let error = template("{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f('x') }}").unwrap_err();
        assert!(error.contains("recursion limit"), "{error}");
        // What fuel does not count.
        let doubled: String = (1..28).map(|n| format!("{{% set a{n} = [a{}, a{}] %}}", n - 1, n - 1)).collect();
        let text = format!("{{% set a0 = 'x' %}}{doubled}{{{{ a27 == a27 }}}}");
        let error = quickly(&text, || template(&text)).expect_err(&text);
        assert!(error.contains("too large"), "{text}: {error}");
        let error = expression("('x' * 99999999) == hr.text").unwrap_err();
        assert!(error.contains("more work than a template may"), "{error}");
    }

    #[test]
    fn what_takes_too_much_for_one_person_fails_for_that_person() {
        let long = "x".repeat(1_000_000);
        for text in [
            "{% for a in hr.text %}{% for b in hr.text %}{% endfor %}{% endfor %}",
            "{{ hr.text | replace('x', hr.text) }}",
            "{{ hr.text ~ hr.text ~ hr.text ~ hr.text ~ hr.text ~ hr.text ~ hr.text | upper }}",
            "{{ hr.text * 1000 }}",
            "{{ '%s%s%s%s%s%s%s%s' | format(hr.text, hr.text, hr.text, hr.text, hr.text, hr.text, hr.text, hr.text) }}",
            "{{ hr.list | join(hr.text) }}",
            "{{ hr.text | split('x') | sort | join }}",
        ] {
            template(text).unwrap();
            assert!(rendered(text, "a").is_ok(), "{text}");
            let error = quickly(text, || rendered(text, &long)).expect_err(text);
            assert_eq!(error.kind(), minijinja::ErrorKind::OutOfFuel, "{text}: {error}");
        }
    }

    #[test]
    fn what_lies_deep_within_itself_ends_nothing() {
        let fill = |part: &str| part.repeat(LONGEST_TEMPLATE / part.len() - 4);
        for text in [
            format!("{}hr.a", fill("not ")),
            format!("{}1", fill("-")),
            format!("1{}", fill("+1")),
            format!("1{}", fill("~1")),
            format!("2{}", fill("**1")),
            format!("1{}", fill(" or 1")),
            format!("1{}", fill(" if 1 else 1")),
            format!("hr{}", fill(".a")),
            format!("hr{}", fill("[0]")),
            format!("'a'{}", fill("|lower")),
            format!("1{}", fill(" is odd")),
            format!("1{}", fill("<1")),
            fill("("),
            fill("["),
            fill("{1:"),
            fill("not("),
        ] {
            // It does not matter whether it is accepted: it must not end the program.
            let _ = quickly(&text, || expression(&text));
            let _ = quickly(&text, || template(&format!("{{{{ {text} }}}}")));
        }
        let opened = fill("{% if 1 %}");
        let _ = quickly(&opened, || template(&opened));
        let chain = format!("{{% if 0 %}}{}{{% endif %}}", "{% elif 0 %}".repeat(600));
        let _ = quickly(&chain, || template(&chain));
        // With a namespace, a loop could put a value into itself.
        let error = template("{% set n = namespace() %}{% set n.x = n %}{{ n == n }}").unwrap_err();
        assert!(error.contains("`namespace` is not available"), "{error}");
    }

    #[test]
    fn work_that_goes_on_has_time_and_work_that_does_not_is_given_up() {
        let patience = Duration::from_millis(200);
        let slow = in_time_of(patience, |progress| {
            for _ in 0..30 {
                thread::sleep(Duration::from_millis(20));
                progress.step();
            }
            7
        });
        assert_eq!(slow, Ok(7));
        let begun = Instant::now();
        let problem = in_time_of(patience, |_| thread::sleep(Duration::from_secs(60))).unwrap_err();
        assert!(problem.starts_with("takes longer than") && begun.elapsed() < Duration::from_secs(30), "{problem}");
        let panic = std::panic::catch_unwind(|| in_time::<()>(|_| panic!("surprise"))).unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"surprise"));
    }

    #[test]
    fn a_template_has_a_length() {
        let problem = template(&"x".repeat(LONGEST_TEMPLATE + 1)).unwrap_err();
        assert_eq!(problem, "has 8193 bytes, more than the 8192 that it may have");
        assert!(expression(&"not ".repeat(200_000)).unwrap_err().contains("800000 bytes"));
        assert!(template(&"x".repeat(LONGEST_TEMPLATE)).is_ok());
        assert!(not_too_large(&"x".repeat(LONGEST_RESULT + 1)).is_err());
    }

    #[test]
    fn what_people_write_is_far_from_the_bounds() {
        let groups: Vec<String> = (0..2_000).map(|n| format!("CN=Group{n},OU=Groups,DC=example,DC=com")).collect();
        let hr = context! { groups, name => "Anna-Lena", mail => "ANNA@EXAMPLE.COM" };
        let table: String = (0..200).map(|n| format!("'{n:04}': 'SE{n:02}', ")).collect();
        for text in [
            "{% for g in hr.groups %}{% if 'Group1999,' in g %}{{ g | replace('CN=', '') | lower }}{% endif %}{% endfor %}",
            "{{ hr.groups | select('startingwith', 'CN=Group19') | map('upper') | sort | first }}",
            &format!("{{{{ {{{table}}}['0199'] }}}}"),
        ] {
            template(text).unwrap();
            assert!(
                !engine().template(text).unwrap().render(context! { hr => hr.clone() }).unwrap().is_empty(),
                "{text}"
            );
        }
    }
}
