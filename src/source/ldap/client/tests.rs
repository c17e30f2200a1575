//! Bytes of a server, in parts and with mistakes.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use proptest::prelude::*;
use tokio::io::duplex;

use super::super::ber::element;
use super::super::entry::Entry;
use super::super::entry::tests::entry;
use super::super::message::addresses;
use super::*;

/// The message with this number and nothing of interest in it.
fn message(number: u8) -> Vec<u8> {
    element(SEQUENCE, &[&[2, 1, number], &[0x65, 7, 10, 1, 0, 4, 0, 4, 0]])
}

/// What a client receives from a server that sends this in parts of this size, then closes the connection.
fn received(bytes: &[u8], part: usize) -> Result<Vec<u32>, ClientError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (ours, mut theirs) = duplex(part);
        let mut client = Client::over(Box::pin(ours));
        let sending = async {
            // An error ends the other side early.
            let _ = theirs.write_all(bytes).await;
            drop(theirs);
        };
        let receiving = async move {
            let mut numbers = Vec::new();
            loop {
                let messages = match client.receive().await {
                    Err(ClientError::Closed) if !numbers.is_empty() => return Ok(numbers),
                    came => came?,
                };
                for message in messages.iter() {
                    numbers.push(message?.number);
                }
                assert_eq!(messages.last()?.number, *numbers.last().unwrap());
                client.reuse(messages);
            }
        };
        let ((), numbers) = tokio::join!(sending, receiving);
        numbers
    })
}

#[test]
fn messages_come_whole_however_they_are_cut() {
    let long = element(SEQUENCE, &[&[2, 1, 9], &element(0x64, &[&vec![4; 300_000]])]);
    let bytes = [message(1), message(2), long, message(3)].concat();
    for part in [7, 1_000, 1_000_000] {
        assert_eq!(received(&bytes, part).unwrap(), [1, 2, 9, 3], "{part}");
    }
}

#[test]
fn what_cannot_be_a_message_is_refused_before_it_has_come() {
    let refused = |bytes: &[u8]| received(bytes, 1_000_000).unwrap_err().to_string();
    let not_ldap = "the server sent what is not LDAP: ";
    assert_eq!(refused(b"\x30\x80\0\0"), format!("{not_ldap}an element has no definite length"));
    assert!(refused(b"HTTP/1.1 400").starts_with(not_ldap));
    assert!(refused(b"\x30\x03\x04\x01\x01").starts_with(not_ldap));
    // One byte more than 64 MiB, and as much as there can be.
    for length in [[0, 0, 0, 0, 4, 0, 0, 1], [255; 8]] {
        assert!(refused(&[&[0x30, 0x88][..], &length].concat()).contains("more than 64 MiB"));
    }
    assert_eq!(refused(b"\x30\x84\x04\x00\x00\x00"), "the server closed the connection");
    assert_eq!(refused(&message(1)[..9]), "the server closed the connection");
}

#[test]
fn an_answer_is_to_the_question() {
    let read = |number: u32, operation: &[u8]| {
        let content = [&[2, 1, u8::try_from(number).unwrap()], operation].concat();
        Message::read(&content).unwrap().answers(5)
    };
    let result = [0x65, 7, 10, 1, 0, 4, 0, 4, 0];
    assert!(read(5, &result).unwrap());
    assert!(matches!(read(4, &result), Err(ClientError::OtherRequest)));
    assert!(matches!(read(0, &result), Err(ClientError::OtherRequest)));
    // An unknown notice.
    assert!(!read(0, &[0x78, 7, 10, 1, 0, 4, 0, 4, 0]).unwrap());
}

/// Looks at everything that a message holds.
fn look_at(message: &Message<'_>) {
    let _ = message.next_page();
    match message.operation {
        Operation::Entry(content) => {
            let Ok(entry) = Entry::read(content) else { return };
            for attribute in entry.attributes() {
                let Ok(attribute) = attribute else { return };
                assert!(attribute.values.take_while(Result::is_ok).count() <= content.len());
            }
        }
        Operation::Reference(content) => drop(addresses(content)),
        Operation::Done(_) | Operation::Bound(_) | Operation::Extended(_) | Operation::Disconnection(_) => {}
        Operation::Notice | Operation::Other(_) => {}
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), prop_oneof![
            any::<u8>(), prop::sample::select(vec![0, 1, 0x7f, 0x80, 0x81, 0x84, 0x88, 0xff, 0x30, 0x04, 0xa0, 0x78]),
        ]), 0..6),
        cut in any::<prop::sample::Index>(),
        part in 1_usize..200,
    ) {
        let text = |text: &[u8]| element(4, &[text]);
        let paged = element(0x30, &[&text(b"1.2.840.113556.1.4.319"), &text(&element(0x30, &[&[2, 1, 0], &text(b"c")]))]);
        let result = |tag, more: &[u8]| element(tag, &[&[10, 1, 0], &text(b""), &text(b"says"), more]);
        let operations = [
            element(0x64, &[&entry(b"cn=x", &[("mail", &[b"a@b", b"c"]), ("none", &[])])]),
            element(0x73, &[&text(b"ldap://x")]),
            [result(0x78, &text(b"1.2")), element(0x8a, &[b"1.3.6.1.4.1.1466.20036"])].concat(),
            [result(0x65, &[]), element(0xa0, &[&paged, &paged])].concat(),
        ];
        let mut bytes: Vec<u8> =
            operations.iter().flat_map(|operation| element(SEQUENCE, &[&[2, 1, 5], operation])).collect();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        bytes.truncate(bytes.len() - cut.index(bytes.len()) / 4);
        let mut rest = Elements(&bytes);
        while let Ok(element) = rest.take() {
            if let Ok(message) = Message::read(element.content) {
                look_at(&message);
            }
        }
        // However the messages come, either all of them are read, or there is an error.
        drop(received(&bytes, part));
    }
}
