"""Every error Syncline raises on purpose.

SynclineError
├── ConfigError              someone must change a profile, a job, a property or a credential
│   ├── ProfileError         config.profile      the profile itself is wrong
│   ├── ProjectError         config.project      the project file is wrong
│   ├── PropertyError        config.property     a connection property is wrong or missing
│   ├── QueryError           config.query        the SQL cannot be planned
│   ├── CredentialError      config.credential   the API or database refuses who we are
│   ├── PermissionRefused    config.permission   known, but not allowed
│   ├── NotFound             config.not_found    the API knows no such address
│   ├── DestinationRefused   config.destination  the database cannot be used as configured
│   ├── StoreRefused         config.store        the control plane's store cannot be used
│   ├── VaultError           config.vault        a secret cannot be sealed or opened
│   ├── AddressRefused       config.address      it leads to where only an administrator lets us go
│   └── RequestRefused       request             what was asked of the control plane cannot be done
│       ├── Invalid          request.invalid     it contradicts itself or its form
│       ├── Missing          request.missing     there is no such thing, or not for this user
│       ├── NameTaken        request.name_taken  another one has this name
│       ├── InUse            request.in_use      others need it
│       ├── Conflict         request.conflict    somebody else was quicker; carries ``differences``
│       ├── Unauthenticated  request.sign_in     nobody is signed in
│       └── Forbidden        request.forbidden   this user may not do it
├── TransientError           the same call may work later; may carry ``retry_after`` in seconds
│   ├── RateLimited          transient.rate_limited
│   ├── Unavailable          transient.unavailable
│   ├── CommitUnknown        transient.commit_unknown  the connection broke while committing
│   ├── DestinationBusy      transient.busy      another process holds the file or the lock
│   ├── DestinationFull      transient.disk_full
│   ├── TooManyAttempts      transient.too_many_attempts  wait before trying to sign in again
│   └── OutOfTime            transient.out_of_time  a run took longer than its job allows
├── DataError                the data does not fit what was declared or allowed
│   ├── ResponseRefused      data.response       an answer that is not what the profile says
│   ├── RecordRefused        data.record         a row that does not fit
│   ├── SchemaRefused        data.schema         a schema change the task does not allow
│   └── EmptyRefused         data.empty          nothing where there were rows before
└── StaleGeneration          fenced.generation   another run has committed since; ours may not

Anything else that escapes is a defect.
"""

from typing import ClassVar


class SynclineError(Exception):
    """Base of the tree. ``code`` is stable and documented; ``hint`` says what to do next."""

    code: ClassVar[str] = "syncline"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class ConfigError(SynclineError):
    """Retrying cannot help: someone must change something."""

    code = "config"


class ProfileError(ConfigError):
    """The profile cannot be read or contradicts itself."""

    code = "config.profile"


class ProjectError(ConfigError):
    """The project file cannot be read or contradicts itself."""

    code = "config.project"


class PropertyError(ConfigError):
    """A connection property is unknown, missing or has a value that is not allowed."""

    code = "config.property"


class QueryError(ConfigError):
    """The task's SQL cannot be planned against the source's tables."""

    code = "config.query"


class CredentialError(ConfigError):
    """The API or database does not accept the credentials."""

    code = "config.credential"


class PermissionRefused(ConfigError):
    """The credentials are good but do not allow this."""

    code = "config.permission"


class NotFound(ConfigError):
    """The API has nothing at this address."""

    code = "config.not_found"


class DestinationRefused(ConfigError):
    """The database cannot be used as configured."""

    code = "config.destination"


class StoreRefused(ConfigError):
    """The control plane's own database cannot be used as configured."""

    code = "config.store"


class VaultError(ConfigError):
    """A secret cannot be sealed or opened with the keys at hand."""

    code = "config.vault"


class AddressRefused(ConfigError):
    """An address is private, and no administrator has allowed it."""

    code = "config.address"


class RequestRefused(ConfigError):
    """What was asked of the control plane cannot be done."""

    code = "request"


class Invalid(RequestRefused):
    """What was asked contradicts itself or its form."""

    code = "request.invalid"


class Missing(RequestRefused):
    """There is no such thing."""

    code = "request.missing"


class NameTaken(RequestRefused):
    """Another one has this name."""

    code = "request.name_taken"


class InUse(RequestRefused):
    """Others need it."""

    code = "request.in_use"


class Conflict(RequestRefused):
    """Somebody else changed it meanwhile. ``differences``: (place, theirs, yours) of each."""

    code = "request.conflict"

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        differences: tuple[tuple[str, object, object], ...] = (),
    ) -> None:
        super().__init__(message, hint=hint)
        self.differences = differences


class Unauthenticated(RequestRefused):
    """Nobody is signed in, or not any more."""

    code = "request.sign_in"


class Forbidden(RequestRefused):
    """The user may not do this."""

    code = "request.forbidden"


class TransientError(SynclineError):
    """The same call may work later, after ``retry_after`` seconds if that is known."""

    code = "transient"

    def __init__(self, message: str, *, hint: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class RateLimited(TransientError):
    """The API said: too many requests."""

    code = "transient.rate_limited"


class Unavailable(TransientError):
    """The other side did not answer, or answered that it cannot."""

    code = "transient.unavailable"


class CommitUnknown(TransientError):
    """The connection broke while committing: the rows are there, or they are not."""

    code = "transient.commit_unknown"


class DestinationBusy(TransientError):
    """Another process holds the database file or the lock."""

    code = "transient.busy"


class DestinationFull(TransientError):
    """No space is left where the database writes."""

    code = "transient.disk_full"


class TooManyAttempts(TransientError):
    """Too many attempts to sign in; wait."""

    code = "transient.too_many_attempts"


class OutOfTime(TransientError):
    """A run took longer than its job allows; the next one goes on from there."""

    code = "transient.out_of_time"


class DataError(SynclineError):
    """The data does not fit what was declared or allowed."""

    code = "data"


class ResponseRefused(DataError):
    """An answer of the API is not what its profile says: not JSON, cut off, a page again."""

    code = "data.response"


class RecordRefused(DataError):
    """A row does not fit its table."""

    code = "data.record"


class SchemaRefused(DataError):
    """The source's schema moved in a way the task's schema policy does not allow."""

    code = "data.schema"


class EmptyRefused(DataError):
    """The source answered nothing where there were rows before."""

    code = "data.empty"


class StaleGeneration(SynclineError):
    """Another run has committed this task since we read its checkpoint; nothing was written."""

    code = "fenced.generation"
