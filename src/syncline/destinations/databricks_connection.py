"""Connections to a Databricks workspace: SQL through its driver, files and warehouses by REST."""

import json
import logging
import re
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlencode

import urllib3
from databricks.sql.auth.authenticators import CredentialsProvider

from databricks import sql
from syncline import __version__
from syncline.destinations.databricks_errors import (
    FAILURES,
    granting,
    is_unknown,
    refusal,
    translated,
    unsigned,
)
from syncline.errors import (
    CredentialError,
    DestinationRefused,
    PermissionRefused,
    PropertyError,
    RateLimited,
    SynclineError,
    Unavailable,
)

#: Seconds that a token is renewed before it ends.
_EARLY: Final = 60.0
#: Seconds between looks at a warehouse that starts.
_GLANCE: Final = 2.0
_WAREHOUSE: Final = re.compile(r"^/?sql/(?:1\.0|protocolv1)/(?:warehouses|endpoints)/([\w-]+)$")
_ON_ITS_WAY: Final = frozenset({"STARTING", "STOPPING"})
#: How often a warehouse is asked to start.
_ASKED: Final = 2
_REFUSED: Final = frozenset({400, 404, 409})
#: Seconds that a warehouse has to end a session; those that nobody uses it ends by itself.
_FAREWELL: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Which warehouse, who we are there, and where tables and files go."""

    #: Host name of the workspace, and the path of the warehouse.
    server: str
    http_path: str
    port: int = 443
    token: str = field(default="", repr=False)
    auth_scheme: str = "Token"
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    catalog: str = "main"
    #: Schema of tables that are named without one.
    schema: str = "default"
    #: Volume of that schema where files are staged.
    volume: str = "syncline"
    #: FilesAPI or PUT; FilesAPI falls back to PUT where a workspace does not have it.
    staging_method: str = "FilesAPI"
    #: Key: tables are clustered by their key; Auto: from there on as the warehouse sees fit.
    clustering: str = "Key"
    #: Auto: data and checkpoint are one transaction where the tables allow it; On: and new tables
    #: are made so; Off.
    transactions: str = "Auto"
    #: File of certificates to trust besides those of the system.
    certificate: str = ""
    #: Rows and seconds that a commit waits for, see `Traits`.
    commit_rows: int = 1_000_000
    commit_seconds: float = 300.0
    #: Seconds that a statement is tried again for, the start of the warehouse included.
    patience: float = 900.0
    #: Seconds between attempts of the driver.
    retry_seconds: float = 10.0

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no message may hold."""
        return tuple(s for s in (self.token, self.client_secret) if s)


class Authorization(CredentialsProvider):
    """Headers that say who we are; a token of OAuth is renewed before it ends."""

    def __init__(self, settings: Settings, http: urllib3.PoolManager, base: str) -> None:
        self._settings = settings
        self._http = http
        self._base = base
        self._lock = threading.Lock()
        self._token = settings.token
        self._ends = 0.0

    def auth_type(self) -> str:
        """Return the driver's word for it."""
        return "oauth-m2m" if self._is_machine else "token"

    def __call__(self, *_: Any, **__: Any) -> Callable[[], dict[str, str]]:
        """Return what makes headers."""
        return self.headers

    def headers(self) -> dict[str, str]:
        """Return the headers of a request now."""
        if self._is_machine:
            with self._lock:
                if time.monotonic() >= self._ends:
                    self._renew()
        return {"Authorization": f"Bearer {self._token}"}

    def forget(self) -> bool:
        """Get a new token next time; False where there is no other to be had."""
        with self._lock:
            self._ends = 0.0
        return self._is_machine

    @property
    def _is_machine(self) -> bool:
        return self._settings.auth_scheme == "OAuthM2M"

    def _renew(self) -> None:
        given = self._settings
        secret = f"{given.client_id}:{given.client_secret}"
        try:
            answer = self._http.request(
                "POST",
                f"{self._base}/oidc/v1/token",
                body=urlencode({"grant_type": "client_credentials", "scope": "all-apis"}),
                headers={
                    "Content-Type": "application/x-www-form-urlencoded",
                    **urllib3.make_headers(basic_auth=secret),
                },
            )
        except urllib3.exceptions.HTTPError as error:
            raise _unreachable(error) from None
        if answer.status == 429 or answer.status >= 500:  # noqa: PLR2004 (HTTP's)
            raise Unavailable(f"Databricks gives no token now (HTTP {answer.status})")
        if answer.status != 200:  # noqa: PLR2004 (HTTP's)
            # The driver tells it in words of its own: see `databricks_errors`.
            raise CredentialError(
                f"Databricks gives the service principal no token (HTTP {answer.status})",
                hint="check OAuthClientId and OAuthClientSecret; secrets of service principals "
                "expire",
            )
        told = json.loads(answer.data)
        self._token = told["access_token"]
        self._ends = time.monotonic() + max(0.0, float(told.get("expires_in", 3600)) - _EARLY)


class Workspace:
    """What all calls share: addresses, who we are, and a pool of connections for REST."""

    def __init__(self, settings: Settings) -> None:
        if not settings.server or not settings.http_path:
            raise PropertyError("the properties Server and HTTPPath are required")
        if settings.auth_scheme == "OAuthM2M":
            if not (settings.client_id and settings.client_secret):
                raise PropertyError("AuthScheme=OAuthM2M needs OAuthClientId and OAuthClientSecret")
        elif not settings.token:
            raise PropertyError("the property Token is required, but missing")
        if "${" in settings.catalog + settings.schema + settings.volume:
            raise PropertyError("Databricks takes ${ in Catalog, Schema or Volume for a variable")
        self.settings = settings
        self.base = f"https://{settings.server}:{settings.port}"
        self._http = urllib3.PoolManager(
            maxsize=8,
            ca_certs=settings.certificate or None,
            # Every call of ours may be made twice.
            retries=urllib3.Retry(
                total=8,
                backoff_factor=0.2,
                backoff_max=settings.retry_seconds,
                status_forcelist=(429, 500, 502, 503, 504),
                allowed_methods=None,
                raise_on_status=False,
            ),
            timeout=urllib3.Timeout(connect=30, read=300),
        )
        self.authorization = Authorization(settings, self._http, self.base)

    @property
    def volume(self) -> str:
        """Path of the volume where files are staged."""
        given = self.settings
        return "/Volumes/" + f"{given.catalog}/{given.schema}/{given.volume}".lower()

    def session(self, *, catalog: str | None = None) -> Any:
        """Open a session of the driver; blocks, also while the warehouse starts.

        ``catalog``: another one than that of the settings; '': that of the workspace.
        """
        given = self.settings
        try:
            return sql.connect(
                server_hostname=given.server,
                http_path=given.http_path,
                credentials_provider=self.authorization,
                catalog=given.catalog if catalog is None else catalog or None,
                session_configuration={"ANSI_MODE": "true", "TIMEZONE": "UTC"},
                user_agent_entry=f"Syncline/{__version__}",
                enable_telemetry=False,
                _port=given.port,
                _retry_delay_min=0.5,
                # One 503 costs this long, whatever the server says.
                _retry_delay_max=given.retry_seconds,
                _retry_stop_after_attempts_duration=given.patience,
                **({"_tls_trusted_ca_file": given.certificate} if given.certificate else {}),
            )
        except FAILURES as error:
            raise translated(error, secrets=given.secrets) from None

    def wake(
        self, announce: Callable[[str], None], given_up: Callable[[], bool] = lambda: False
    ) -> None:
        """Start the warehouse if it is stopped, and wait until it runs.

        Who may not look at warehouses can use one all the same: it starts with a statement.
        """
        with suppress(PermissionRefused, DestinationRefused):
            self.started(announce, given_up)

    def started(
        self, announce: Callable[[str], None], given_up: Callable[[], bool] = lambda: False
    ) -> str:
        """Start the warehouse as `wake` does; return its state then, or '' for no warehouse.

        Raises `PermissionRefused`, `DestinationRefused` where it cannot be looked at or started.
        """
        found = _WAREHOUSE.match(self.settings.http_path)
        if found is None:
            return ""
        path = f"/api/2.0/sql/warehouses/{found[1]}"
        state = self._state(path)
        ends = time.monotonic() + self.settings.patience
        asked = 0
        if state != "RUNNING":
            way = "starting" if state == "STARTING" else f"{state.lower()}: starting it"
            announce(f"the warehouse {found[1]} is {way} …")
        while state != "RUNNING" and time.monotonic() < ends and not given_up():
            # One that was being stopped is asked again once it has stopped.
            if state not in _ON_ITS_WAY:
                if asked == _ASKED:
                    break
                self.call("POST", f"{path}/start")
                asked += 1
            time.sleep(_GLANCE if self.settings.retry_seconds > _GLANCE else 0.1)
            state = self._state(path)
        return state

    def _state(self, path: str) -> str:
        return str(json.loads(self.call("GET", path)).get("state", ""))

    def upload(self, path: str, content: Any, size: int) -> None:
        """Put a file into a volume, in the place of one that is there."""
        address = f"/api/2.0/fs/files{quote(path)}?overwrite=true"
        self.call("PUT", address, body=content, headers={"Content-Length": str(size)})

    def entries(self, folder: str) -> list[Mapping[str, Any]]:
        """Return what a folder of a volume has: ``path``, ``is_directory``, ``last_modified``."""
        found: list[Mapping[str, Any]] = []
        page = ""
        while True:
            address = f"/api/2.0/fs/directories{quote(folder)}"
            content = json.loads(self.call("GET", f"{address}?{urlencode({'page_token': page})}"
                                           if page else address) or b"{}")  # fmt: skip
            found += content.get("contents", ())
            page = content.get("next_page_token", "")
            if not page:
                return found

    def remove(self, folder: str) -> None:
        """Remove a folder of a volume and all files in it; one that is not there is removed."""
        try:
            entries = self.entries(folder)
        except DestinationRefused:
            return
        for entry in entries:
            if entry.get("is_directory"):
                self.remove(entry["path"])
            else:
                self.call("DELETE", f"/api/2.0/fs/files{quote(entry['path'])}", missing=True)
        self.call("DELETE", f"/api/2.0/fs/directories{quote(folder)}", missing=True)

    def call(
        self,
        method: str,
        address: str,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        missing: bool = False,
    ) -> bytes:
        """Make a REST call; return the answer. ``missing``: what is not there is no error."""
        what = f"{method} {address.partition('?')[0]}"
        renewed = False
        while True:
            sent = {**self.authorization.headers(), **(headers or {})}
            try:
                answer = self._http.request(
                    method, f"{self.base}{address}", body=body, headers=sent
                )
            except urllib3.exceptions.HTTPError as error:
                raise _unreachable(error) from None
            if answer.status < 300 or (missing and answer.status == 404):  # noqa: PLR2004 (HTTP's)
                return answer.data
            refused = _refused(answer.status, answer.data, what)
            if renewed or not isinstance(refused, CredentialError):
                raise refused
            renewed = self.authorization.forget()
            if not renewed:
                raise refused
            if hasattr(body, "seek"):
                body.seek(0)


def _refused(status: int, body: bytes, what: str) -> SynclineError:
    try:
        message = unsigned(str(json.loads(body).get("message", "")))[:300]
    except (ValueError, AttributeError):
        message = ""
    told = f"{what}: HTTP {status} {message}".strip()
    # A personal token that is wrong or has ended is refused as one that lacks a right is.
    if status == 401 or (status == 403 and is_unknown(message)):  # noqa: PLR2004 (HTTP's)
        return CredentialError(
            f"Databricks does not accept the credentials: {told}",
            hint="check Token, or OAuthClientId and OAuthClientSecret; tokens expire",
        )
    if status == 403:  # noqa: PLR2004 (HTTP's)
        return PermissionRefused(
            f"Databricks does not allow it: {refusal(told)}", hint=granting(message)
        )
    if status == 429:  # noqa: PLR2004 (HTTP's)
        return RateLimited(f"Databricks has too much to do: {told}")
    if status in _REFUSED:
        return DestinationRefused(f"Databricks refuses it: {told}")
    return Unavailable(f"Databricks cannot now: {told}", hint="run again")


def _unsigned(record: logging.LogRecord) -> bool:
    record.msg, record.args = unsigned(record.getMessage()), ()
    return True


# They repeat addresses at levels that are heard everywhere, those of uploads included.
for _name in ("databricks.sql.common.unified_http_client", "urllib3.connectionpool",
              "urllib3.util.retry"):  # fmt: skip
    logging.getLogger(_name).addFilter(_unsigned)
# Whole requests and answers, rows and signed addresses included, whatever level the root has.
logging.getLogger("databricks.sql.unsafe").addFilter(lambda _: False)


def _unreachable(error: Exception) -> Unavailable:
    return Unavailable(
        f"no answer from Databricks: {type(error).__name__}",
        hint="check Server, and that this computer may connect to it; run again",
    )


def ended(session: Any) -> None:
    """End a session, or leave it to the warehouse: the driver takes minutes if nobody answers."""

    def end() -> None:
        with suppress(*FAILURES):
            session.close()

    ending = threading.Thread(target=end, name="syncline-farewell", daemon=True)
    ending.start()
    ending.join(_FAREWELL)
