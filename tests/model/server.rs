//! The account in the model: users with the few values that an apply compares, and the effect of each request.

/// The most users that there can be, deleted ones included.
pub(crate) const SLOTS: usize = 7;

/// A user's id. The server never uses an id twice.
pub(crate) type Id = u8;

/// The id of nobody.
pub(crate) const NOBODY: Id = 9;

/// Another client gives users identifiers from here on.
pub(crate) const RENUMBERED: u8 = 30;

/// The managed fields. `name` represents all fields without special rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Fields {
    pub(crate) identifier: u8,
    pub(crate) email: u8,
    pub(crate) name: u8,
    pub(crate) branch: u8,
    pub(crate) manager: Option<Id>,
}

/// A user of the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct User {
    pub(crate) fields: Fields,
    /// A custom field that the plan does not manage; 0: empty. A change of branch empties it.
    pub(crate) custom: u8,
    /// Whether the user has the protected role. No request of the apply changes it.
    pub(crate) is_admin: bool,
    /// The operation that created the user. Only the laws read it.
    pub(crate) made_by: Option<u8>,
}

/// A request that writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Request {
    Post(Fields),
    Put(Id, Fields, u8),
    Delete(Id),
}

/// The server's answer to a request that it has looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Answer {
    Created(Id),
    Stored(User),
    Removed,
    NotFound,
    /// The identifier or e-mail is in use.
    Taken,
    /// 422 for any other reason.
    Refused,
}

/// The account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Server {
    pub(crate) users: [Option<User>; SLOTS],
    /// How many ids were given.
    pub(crate) given: u8,
    /// Each user's custom field before the last change of branch: as the account held it, and as the request had it. Only
    /// the laws read it.
    pub(crate) moved: [[u8; 2]; SLOTS],
}

impl Fields {
    /// How a plan shows the user: identifier and name.
    pub(crate) fn label(&self) -> (u8, u8) {
        (self.identifier, self.name)
    }
}

impl Request {
    /// The user that it changes or deletes; `None` for a POST.
    pub(crate) fn user(&self) -> Option<Id> {
        match self {
            Self::Post(_) => None,
            Self::Put(id, ..) | Self::Delete(id) => Some(*id),
        }
    }
}

impl Server {
    pub(crate) fn new(users: &[User]) -> Self {
        let mut server = Self { users: [None; SLOTS], given: 0, moved: [[0; 2]; SLOTS] };
        for user in users {
            server.add(*user);
        }
        server
    }

    pub(crate) fn user(&self, id: Id) -> Option<&User> {
        self.users.get(usize::from(id))?.as_ref()
    }

    pub(crate) fn user_mut(&mut self, id: Id) -> Option<&mut User> {
        self.users.get_mut(usize::from(id))?.as_mut()
    }

    /// All users, by id.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Id, &User)> {
        (0..).zip(&self.users).filter_map(|(id, user)| Some((id, user.as_ref()?)))
    }

    pub(crate) fn add(&mut self, user: User) -> Id {
        let id = self.given;
        self.users[usize::from(id)] = Some(user);
        self.given += 1;
        id
    }

    pub(crate) fn remove(&mut self, id: Id) {
        self.users[usize::from(id)] = None;
        for user in self.users.iter_mut().flatten().filter(|user| user.fields.manager == Some(id)) {
            user.fields.manager = None;
        }
    }

    /// Whether two users have one identifier or e-mail.
    pub(crate) fn contradicts_itself(&self) -> bool {
        self.iter().any(|(id, user)| self.is_taken(&user.fields, Some(id)))
    }

    /// Whether a user other than `own` has the identifier or e-mail.
    pub(crate) fn is_taken(&self, fields: &Fields, own: Option<Id>) -> bool {
        self.iter().any(|(id, user)| {
            own != Some(id) && (user.fields.identifier == fields.identifier || user.fields.email == fields.email)
        })
    }

    /// Carries a request out. A new user gets `made_by`.
    pub(crate) fn carry_out(&mut self, request: Request, is_unique: bool, made_by: u8) -> Answer {
        if let Request::Post(fields) | Request::Put(_, fields, _) = request {
            let own = request.user();
            if own.is_some_and(|own| self.user(own).is_none()) {
                return Answer::NotFound;
            }
            if is_unique && self.is_taken(&fields, own) {
                return Answer::Taken;
            }
            if fields.manager.is_some_and(|manager| self.user(manager).is_none() || own == Some(manager)) {
                return Answer::Refused;
            }
        }
        match request {
            Request::Post(fields) => {
                Answer::Created(self.add(User { fields, custom: 0, is_admin: false, made_by: Some(made_by) }))
            }
            Request::Put(id, fields, custom) => {
                let Some(user) = self.user_mut(id) else { return Answer::NotFound };
                let before = *user;
                let moves = before.fields.branch != fields.branch;
                *user = User { fields, custom: if moves { 0 } else { custom }, ..before };
                let after = *user;
                if moves {
                    self.moved[usize::from(id)] = [before.custom, custom];
                }
                Answer::Stored(after)
            }
            Request::Delete(id) if self.user(id).is_none() => Answer::NotFound,
            Request::Delete(id) => {
                self.remove(id);
                Answer::Removed
            }
        }
    }
}
