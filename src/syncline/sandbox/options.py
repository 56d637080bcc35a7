"""Every switch of the sandbox in one record."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from syncline.sandbox.clock import DEFAULT_START

DEFAULT_CLIENT = "sandbox-client"
DEFAULT_SECRET = "sandbox-secret"  # noqa: S105 (a public default that protects nothing)
DEFAULT_CLICKTIME_TOKEN = "sandbox-token"  # noqa: S105 (likewise)
DEFAULT_CLICKTIME_LOGIN = "admin@example.com:sandbox"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the sandbox serves and how strictly.

    Attributes:
        rows: size of Clio's activities and ClickTime's time entries; others in proportion.
        seed: other seeds give other data of the same shape.
        start: first instant of the virtual clock; None means now.
        frozen: the clock stands still until it is set or advanced.
        utc_offset_minutes: the account's offset in Clio timestamps.
        rate_limit: Clio requests per token and window; 0 turns limits off, for ClickTime too.
        rate_window: seconds of Clio's window.
        clicktime_rate_limit: requests of ``/TimeEntries`` per token and window.
        clicktime_rate_window: seconds of that window.
        limit_over: what a ``limit`` above the maximum does: cut it, or answer 422.
        inclusive_since: ``updated_since`` and ``created_since`` include the instant itself.
        records_total: ``meta.records`` counts all matches, not the page.
        expires_in: seconds an access token lives.
        refresh_rotates: a refresh answers with a new refresh token, and ends the old one.
        auto_consent: the authorize address redirects at once, without a page.
        clients: client id to secret.
        redirect_uris: allowed redirect addresses; empty allows any http(s) address.
        clicktime_tokens: tokens valid from the start.
        clicktime_login: ``email:password`` that ``GET /Me`` accepts as Basic.
        numbers_as_strings: ClickTime writes numbers as texts.
        clicktime_default_limit: rows of a ClickTime page when no limit is asked for.
        api_versions: values of X-API-VERSION that Clio accepts; the last one is the default.
        webhooks_over_http: Clio's webhooks may go to http addresses, which the real one refuses.
        webhook_retry: seconds before a delivery is tried again, doubled each time.
    """

    rows: int = 1000
    seed: int = 1
    start: datetime | None = DEFAULT_START
    frozen: bool = False
    utc_offset_minutes: int = -240
    rate_limit: int = 50
    rate_window: float = 60.0
    clicktime_rate_limit: int = 10
    clicktime_rate_window: float = 5.0
    limit_over: Literal["clamp", "refuse"] = "clamp"
    inclusive_since: bool = False
    records_total: bool = True
    expires_in: int = 2_592_000
    refresh_rotates: bool = False
    auto_consent: bool = False
    clients: Mapping[str, str] = field(default_factory=lambda: {DEFAULT_CLIENT: DEFAULT_SECRET})
    redirect_uris: tuple[str, ...] = ()
    clicktime_tokens: tuple[str, ...] = (DEFAULT_CLICKTIME_TOKEN,)
    clicktime_login: str = DEFAULT_CLICKTIME_LOGIN
    numbers_as_strings: bool = False
    clicktime_default_limit: int = 100
    api_versions: tuple[str, ...] = ("4.0.10", "4.0.11", "4.0.12", "4.0.13")
    webhooks_over_http: bool = True
    webhook_retry: float = 0.5
