//! Attacks: what somebody who can write beside the plan, another client, or a hostile server tries, and what stops it.
//! `docs/threat-model.md` has the table that these tests prove.

mod accounts;
mod admins;
mod answers;
mod called;
mod carried;
mod confirmed;
mod entailed;
mod figures;
mod files;
mod floods;
mod ids;
mod labels;
mod later;
mod leaves;
mod letters;
mod liar;
mod locks;
mod moved;
mod newcomers;
mod old_lists;
mod outputs;
mod passed_over;
mod pipes;
mod recovery;
mod refills;
mod relabelled;
mod replayed;
mod retries;
mod runs;
mod shell;
mod state;
mod transplants;
mod trials;
mod unsaid;
mod untold;
