//! Requests as other programs write them, and answers that are wrong.
