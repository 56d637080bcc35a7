"""What a profile says about webhooks, held against the rest of it."""

from collections.abc import Iterator

from syncline.profile.nearest import near
from syncline.profile.schema import Profile
from syncline.profile.template import places
from syncline.profile.webhooks import Subscription

_KNOWN = {"url", "topic", "until"}


def webhook_contradictions(profile: Profile) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield what cannot be right, with its place."""
    given = profile.webhooks
    if given is None:
        return
    for topic, tables in given.topics.items():
        for table in tables:
            if table not in profile.tables:
                guess = near(table, profile.tables)
                yield ("webhooks", "topics", topic), f"there is no table {table!r}{guess}"
    if given.topic_header is not None and given.topic_path is not None:
        yield ("webhooks", "topic_path"), "excludes 'topic_header'"
    if given.subscription is not None:
        yield from _of_subscription(given.subscription)
    elif given.handshake is not None:
        yield ("webhooks", "handshake"), "is for subscriptions, of which there is none"


def _of_subscription(how: Subscription) -> Iterator[tuple[tuple[str, ...], str]]:
    if "id" not in places(how.one):
        yield ("webhooks", "subscription", "one"), "names no {id}"
    for key, content in (("create", how.create), ("renew", how.renew)):
        for name in sorted(set(_named(content)) - _KNOWN):
            known = ", ".join(sorted(_KNOWN))
            yield ("webhooks", "subscription", key), f"{{{name}}} has no value; known: {known}"


def _named(content: object) -> Iterator[str]:
    match content:
        case str():
            yield from places(content)
        case dict():
            for inner in content.values():
                yield from _named(inner)
        case list() | tuple():
            for inner in content:
                yield from _named(inner)
        case _:
            pass
