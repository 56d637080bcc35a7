"""Who asks an API, and how the secrets of that are kept out of every text."""

import base64
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus

from syncline.extract.tokens import TokenStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a connection knows of the one who asks; what its auth scheme does not use is ''."""

    #: Name of the profile's auth scheme; '' for the profile's first.
    scheme: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    #: Fills ``{Token}`` and ``{APIKey}`` of the profile, unless a setting is called so.
    token: str = field(default="", repr=False)
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    #: Where OAuth tokens are kept; None keeps them for as long as the source is open.
    tokens: TokenStore | None = field(default=None, repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The values that no text may show, in every form in which they are sent."""
        pairs = ((self.user, self.password), (self.client_id, self.client_secret))
        basic = [base64.b64encode(f"{a}:{b}".encode()).decode() for a, b in pairs if b]
        return tuple(filter(None, (self.password, self.token, self.client_secret, *basic)))


def cut(text: str, secrets: Iterable[str]) -> str:
    """Return the text with every secret in it, plain or as in a URL, replaced by ``***``."""
    forms = {form for s in secrets if s for form in (s, quote(s, safe=""), quote_plus(s))}
    # Invariant 7: the longest first, lest a secret that contains another one leaves its rest.
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, "***")
    return text
