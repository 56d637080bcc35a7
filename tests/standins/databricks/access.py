"""Who may come in: personal tokens, and OAuth of machines with tokens that end."""

import base64
import time
import uuid
from collections.abc import Mapping
from urllib.parse import parse_qsl


class Access:
    """Tokens that are good, as is any that begins like one, and clients that are given such."""

    def __init__(self, tokens: set[str], client: tuple[str, str], lifetime: float = 3600) -> None:
        self._tokens = tuple(tokens)
        self._ends = dict.fromkeys(tokens, float("inf"))
        self._client = client
        self._lifetime = lifetime
        #: Tokens handed out so far.
        self.issued = 0

    def allows(self, authorization: str) -> bool:
        """Say whether a request's Authorization header is good."""
        token = authorization.removeprefix("Bearer ")
        otherwise = float("inf") if token.startswith(self._tokens) else 0.0
        return self._ends.get(token, otherwise) > time.time()

    def expire(self, authorization: str) -> None:
        """Make the token of a header worthless, unless everybody has it."""
        token = authorization.removeprefix("Bearer ")
        if token not in self._tokens:
            self._ends[token] = 0

    @staticmethod
    def refusal(authorization: str) -> tuple[int, str]:
        """Return the status and the words for who does not come in: a person has other ones."""
        if authorization.startswith("Bearer dapi"):
            return 403, "Invalid access token."
        return 401, "Credential was not sent or was of an unsupported type for this API."

    def token(self, body: bytes, authorization: str) -> tuple[int, Mapping[str, object]]:
        """Answer a request for a token."""
        form = dict(parse_qsl(body.decode()))
        given = form.get("client_id", ""), form.get("client_secret", "")
        if authorization.startswith("Basic "):
            name, _, secret = base64.b64decode(authorization[6:]).decode().partition(":")
            given = name, secret
        if given != self._client:
            return 401, {
                "error": "invalid_client",
                "error_description": "Client authentication failed",
            }
        token = f"oauth-{uuid.uuid4().hex}"
        self._ends[token] = time.time() + self._lifetime
        self.issued += 1
        return 200, {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": int(self._lifetime),
            "scope": "all-apis",
        }
