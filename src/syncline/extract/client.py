"""Asking an API politely and stubbornly: proof of identity, limits, retries, one error tree."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from urllib.parse import urljoin, urlsplit

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    wait_random_exponential,
)

from syncline.errors import (
    CredentialError,
    RateLimited,
    ResponseRefused,
    TransientError,
    Unavailable,
)
from syncline.extract.answer import Answer, Send, retry_after
from syncline.extract.auth import Auth, Proof
from syncline.extract.faults import described, refusal, shown
from syncline.extract.graphql import graphql_refusal
from syncline.extract.limits import Limiter
from syncline.extract.posted import posted
from syncline.model.run import Clock, Observer, Waiting
from syncline.profile.pagination import Request
from syncline.profile.schema import Limits, Retry

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5
_SUCCESS = range(200, 300)
_LONGEST_PAUSE = 30.0
#: Shorter waits are not worth telling.
_TELL = 1.0


class Client:
    """One connection's way to its API, shared by all that reads over it."""

    def __init__(
        self,
        *,
        send: Send,
        auth: Auth,
        clock: Clock,
        limits: Limits,
        retry: Retry,
        headers: Mapping[str, str],
        errors: Sequence[str],
        table_limits: Mapping[str, Limits],
        observe: Observer | None = None,
    ) -> None:
        self._send = send
        self._auth = auth
        self._clock = clock
        self._observe = observe
        self._retry = retry
        self._headers = tuple(headers.items())
        self._errors = errors
        limiter = partial(
            Limiter, clock=clock, observe=observe, patience=retry.seconds, after=retry.after
        )
        self._limiter = limiter(limits)
        self._own = {table: limiter(each) for table, each in table_limits.items()}
        self._backoff = wait_random_exponential(multiplier=0.5, max=_LONGEST_PAUSE)

    @property
    def clock(self) -> Clock:
        """The clock by which requests are timed."""
        return self._clock

    async def fetch(
        self, request: Request, *, table: str = "", accept: Collection[int] = ()
    ) -> Answer:
        """Return the answer to a request: a success, or one of the statuses to ``accept``.

        Answers worth asking again are asked again. Raises `CredentialError`,
        `PermissionRefused`, `NotFound` or another `ConfigError` where someone must change
        something, `RateLimited` or `Unavailable` after too many attempts, and
        `ResponseRefused` for an answer that no API gives.
        """
        spent = 0
        renewed = False
        asked = request

        async def attempt() -> Answer:
            nonlocal spent, renewed, asked
            for _ in range(_MOST_REDIRECTS):
                spent += 1
                answer, proof = await self._once(asked, table)
                if answer.status == HTTPStatus.UNAUTHORIZED and not renewed:
                    renewed = await self._auth.renew(proof)
                    if renewed:
                        continue
                if answer.status not in _REDIRECTS:
                    break
                asked = self._redirected(asked, answer)
            self._judge(asked, answer, accept, renewed=renewed)
            return replace(answer, requests=spent)

        try:
            try:
                return await attempt()
            except TransientError as error:
                return await self._again(attempt, error)
        except _Final as final:
            raise final.error from None

    async def _again(
        self, attempt: Callable[[], Awaitable[Answer]], failed: TransientError
    ) -> Answer:
        """Return the answer of a later attempt, after a first one that failed so.

        The first is made without all this: nearly all succeed, and the time between an answer
        and the next request is waited for at each page.
        """
        failures = [failed]

        async def next_attempt() -> Answer:
            if failures:
                raise failures.pop()
            return await attempt()

        retrying = AsyncRetrying(
            sleep=self._sleep,
            retry=retry_if_exception_type(TransientError),
            wait=self._wait,
            stop=_patience(self._retry, self._clock),
            reraise=True,
        )
        return await retrying(next_attempt)

    async def pause(self, attempt: int) -> None:
        """Let a moment pass before asking again for an answer that could not be read."""
        await self._sleep(min(2.0 ** (attempt - 1), _LONGEST_PAUSE))

    def plain(self, request: Request, before: Request) -> Request:
        """Return the request without secrets that the API itself put into its links.

        Those that the request ``before`` has sent, because the profile says so, stay.
        """
        own, secrets = self._auth.parameter, set(self._auth.secrets)
        kept = tuple(
            p
            for p in request.parameters
            if p[0] != own and (p[1] not in secrets or p in before.parameters)
        )
        return request if kept == request.parameters else replace(request, parameters=kept)

    def shown(self, request: Request) -> str:
        """Return method and address of a request without secrets."""
        return shown(request, self._auth.secrets)

    def described(self, request: Request, answer: Answer) -> str:
        """Return one line on an answer: what was asked, what came, the API's own words."""
        return described(request, answer, errors=self._errors, secrets=self._auth.secrets)

    async def _once(self, request: Request, table: str) -> tuple[Answer, Proof]:
        async with AsyncExitStack() as turns:
            told = [
                await turns.enter_async_context(limiter.turn())
                for limiter in (self._own.get(table), self._limiter)
                if limiter is not None
            ]
            # Only now: a token may end while its request waits for its turn.
            proof = await self._auth.proof()
            plain, body = posted(request)
            try:
                answer = await self._send(_signed(plain, proof, self._headers), body)
            except TransientError as error:
                message = f"{self.shown(request)}: {error}"
                raise Unavailable(message, hint=error.hint) from error
            except ResponseRefused as error:
                message = f"{self.shown(request)}: {error}"
                raise ResponseRefused(message, hint=error.hint) from error
            for turn in told:
                turn.answer = answer
        return answer, proof

    def _judge(
        self, request: Request, answer: Answer, accept: Collection[int], *, renewed: bool
    ) -> None:
        status = answer.status
        if status in _SUCCESS and request.body is not None and request.body.kind == "graphql":
            self._judge_graphql(request, answer)
        # 202 may say that the answer is not ready yet.
        if status in accept or (status in _SUCCESS and status not in self._retry.statuses):
            return
        if status in _REDIRECTS:
            raise ResponseRefused(f"{self.shown(request)} is redirected again and again")
        wait = retry_after(answer, self._clock.time(), self._retry.after)
        if status in self._retry.statuses:
            message = self.described(request, answer)
            if status == HTTPStatus.TOO_MANY_REQUESTS:
                raise RateLimited(message, retry_after=wait)
            raise Unavailable(message, retry_after=wait)
        error = refusal(
            request, answer, errors=self._errors, secrets=self._auth.secrets, retry_after=wait
        )
        if isinstance(error, TransientError):
            # The profile says that this status is not worth asking again.
            raise _Final(error)
        if isinstance(error, CredentialError) and renewed:
            raise CredentialError(
                str(error), hint="connect again: the API refuses even a token just renewed"
            )
        raise error

    def _judge_graphql(self, request: Request, answer: Answer) -> None:
        kind = graphql_refusal(answer.body)
        if kind is None:
            return
        message = self.described(request, answer)
        if issubclass(kind, RateLimited):
            raise kind(message)
        raise kind(message, hint="the API answered with errors; check the query in the profile")

    def _redirected(self, request: Request, answer: Answer) -> Request:
        here = urlsplit(request.url)
        there = urlsplit(urljoin(request.url, answer.headers.get("location", "")))
        if (here.scheme, here.netloc) != (there.scheme, there.netloc):
            # Invariant 7: the credentials are for one host.
            raise ResponseRefused(
                f"{self.shown(request)} answered {answer.status}, to another host: {there.netloc}",
                hint="set BaseURL to the address that answers itself",
            )
        return request.moved(f"{there.scheme}://{there.netloc}{there.path}", there.query)

    async def _sleep(self, seconds: float) -> None:
        if seconds > _TELL and self._observe is not None:
            self._observe(Waiting(seconds=seconds, reason="asking again after a failure"))
        await self._clock.sleep(seconds)

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, RateLimited) and error.retry_after is not None:
            return 0.0  # the limiter keeps us, and everyone else, back for that long
        asked = error.retry_after if isinstance(error, TransientError) else None
        return max(self._backoff(state), asked or 0.0)


class _Final(Exception):
    """Carries an error that the same call may not have later, whatever its class says."""

    def __init__(self, error: TransientError) -> None:
        super().__init__()
        self.error = error


def _signed(request: Request, proof: Proof, headers: tuple[tuple[str, str], ...]) -> Request:
    own = () if proof.header is None else (proof.header,)
    signed = replace(request, headers=(*headers, *request.headers, *own))
    return signed if proof.parameter is None else signed.having(**dict([proof.parameter]))


def _patience(retry: Retry, clock: Clock) -> Callable[[RetryCallState], bool]:
    """Return what says when to give up: after so many attempts, or so many seconds of failing."""
    began: float | None = None

    def over(state: RetryCallState) -> bool:
        nonlocal began
        now = clock.monotonic()
        began = now if began is None else began
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after if isinstance(error, TransientError) else None
        wait = max(state.upcoming_sleep, asked or 0.0)
        return state.attempt_number >= retry.attempts or now - began + wait > retry.seconds

    return over
