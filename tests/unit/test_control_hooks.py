"""Which deliveries are genuine, and what they are about."""

import base64
import hmac
import json

import pytest

from syncline.control.hooks import Delivery, Listening, changed_tables, genuine, listening
from syncline.errors import ProfileError
from syncline.profile.loader import load_profile, parse_profile
from syncline.profile.webhooks import Signature

SECRET = "what both sides know"
BODY = b'{"meta": {"event": "a.b"}, "list": [{"kind": "x"}]}'


def signed(algorithm: str = "sha256", content: bytes = BODY, secret: str = SECRET) -> bytes:
    return hmac.digest(secret.encode(), content, algorithm)


def judged(signature: Signature, body: bytes = BODY, **headers: str) -> bool:
    how = Listening(signature=signature, topics={"*": ("T",)})
    named = {name.replace("_", "-").lower(): value for name, value in headers.items()}
    return genuine(how, SECRET, Delivery(headers=named, body=body))


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512"])
def test_signatures_in_hex(algorithm: str) -> None:
    signature = Signature.model_validate({"header": "X-Sign", "algorithm": algorithm})
    right = signed(algorithm).hex()
    assert judged(signature, X_Sign=right)
    assert judged(signature, X_Sign=right.upper())
    assert not judged(signature, X_Sign=base64.b64encode(signed(algorithm)).decode())


@pytest.mark.parametrize(
    "wrong",
    [
        "", "0", "ü", signed().hex()[:-1], signed().hex() + "0", signed(secret="x").hex(),
        signed(content=BODY + b" ").hex(), f"sha256={signed().hex()}", "A" * 100_000,
    ],
    ids=["none", "short", "umlaut", "cut", "longer", "secret", "body", "prefix", "long"],
)  # fmt: skip
def test_wrong_signatures(wrong: str) -> None:
    for encoding in ("hex", "base64", "either"):
        signature = Signature.model_validate({"header": "X-Sign", "encoding": encoding})
        assert not judged(signature, X_Sign=wrong)
    assert not judged(Signature(header="X-Sign"))
    assert not judged(Signature(header="X-Sign"), BODY + b"!", X_Sign=signed().hex())


def test_signatures_in_base64_and_where_it_is_not_known() -> None:
    written = base64.b64encode(signed()).decode()
    for encoding, right in (("base64", {written}), ("either", {written, signed().hex()})):
        signature = Signature.model_validate({"header": "X-Sign", "encoding": encoding})
        assert {w for w in (written, signed().hex()) if judged(signature, X_Sign=w)} == right


def test_a_prefix_is_part_of_it() -> None:
    signature = Signature(header="X-Hub-Signature-256", prefix="sha256=")
    assert judged(signature, X_Hub_Signature_256=f"sha256={signed().hex()}")
    assert not judged(signature, X_Hub_Signature_256=signed().hex())
    assert not judged(signature, X_Hub_Signature_256=f"sha1={signed().hex()}")


def test_headers_of_parts_and_what_is_signed_beside_the_body() -> None:
    stripe = Signature(header="Stripe-Signature", part="v1", content="{t}.{body}")
    right = signed(content=b"1700000000." + BODY).hex()
    assert judged(stripe, Stripe_Signature=f"t=1700000000,v1={right}")
    # While a secret is being changed, both sign.
    assert judged(stripe, Stripe_Signature=f"t=1700000000, v1={signed().hex()}, v1={right}")
    assert not judged(stripe, Stripe_Signature=f"t=1700000001,v1={right}")
    assert not judged(stripe, Stripe_Signature=f"t=1700000000,v0={right}")
    slack = Signature(header="X-Slack-Signature", prefix="v0=", content="v0:{X-Time}:{body}")
    right = signed(content=b"v0:17:" + BODY).hex()
    assert judged(slack, X_Slack_Signature=f"v0={right}", X_Time="17")
    assert not judged(slack, X_Slack_Signature=f"v0={right}", X_Time="18")


@pytest.mark.parametrize(
    ("where", "headers", "body", "tables"),
    [
        ({"topic_header": "X-Topic"}, {"x-topic": "matter"}, b"", {"Matters"}),
        ({"topic_header": "X-Topic"}, {"x-topic": "task.created"}, b"", {"Tasks", "Steps"}),
        ({"topic_header": "X-Topic"}, {"x-topic": "moon"}, b"", set()),
        ({"topic_path": "meta.event"}, {}, b'{"meta": {"event": "matter"}}', {"Matters"}),
        ({"topic_path": "0.kind"}, {}, b'[{"kind": "matter"}]', {"Matters"}),
        ({"topic_path": "meta.event"}, {}, b"[", {"Matters", "Tasks", "Steps"}),
        ({"topic_path": "meta.event"}, {}, b'{"meta": 1}', {"Matters", "Tasks", "Steps"}),
        ({}, {}, b"", {"Matters", "Tasks", "Steps"}),
    ],
)
def test_what_a_delivery_is_about(
    where: dict[str, str], headers: dict[str, str], body: bytes, tables: set[str]
) -> None:
    how = Listening.model_validate(
        {
            "signature": {"header": "X"},
            "topics": {"matter": ("Matters",), "task.*": ("Tasks", "Steps")},
            **where,
        }
    )
    assert changed_tables(how, Delivery(headers=headers, body=body)) == tables


def test_profiles_name_tables_that_they_have_and_that_tell_changes() -> None:
    clio = load_profile("clio")
    how = listening(clio, "matter")
    assert how is not None
    assert list(how.topics) == ["matter"]
    assert how.topics["matter"] == ("Matters",)
    for name in ("clio", "github", "jira", "shopify", "stripe"):
        profile = load_profile(name)
        assert profile.webhooks is not None
        for tables in profile.webhooks.topics.values():
            assert set(tables) <= set(profile.tables)
    # What would be read as a whole waits for its schedule.
    text = """
name: Mine
auth: [{scheme: None}]
base_url: https://example.com
webhooks: {signature: {header: X}, topics: {all: [Whole, Changing]}}
tables:
  Whole: {path: /w, columns: {id: integer}}
  Changing:
    path: /c
    primary_key: [id]
    incremental: {column: at, parameter: since}
    columns: {id: integer, at: datetime}
"""
    mine = listening(parse_profile(text, "mine.yaml"))
    assert mine is not None
    assert mine.topics == {"all": ("Changing",)}
    assert listening(load_profile("clicktime")) is None
    subscribed = (
        "topics: {a: []}, subscription: {path: /h, one: '/h/{id}', create: {a: ['{x}']}, "
        "renew: {}, id: id, days: 3}"
    )
    for wrong, said in (
        ("topics: {all: [Wohle]}", "webhooks.topics.all: there is no table 'Wohle'"),
        ("topics: {a: []}, topic_header: X, topic_path: y", "excludes 'topic_header'"),
        ("topics: {a: []}, handshake: X", "for subscriptions, of which there is none"),
        (
            subscribed.replace("/{id}", ""),
            "names no {id}",
        ),
        (
            subscribed,
            "{x} has no value",
        ),
    ):
        with pytest.raises(ProfileError) as refused:
            parse_profile(text.replace("topics: {all: [Whole, Changing]}", wrong), "mine.yaml")
        assert said in str(refused.value)
    assert json.loads(mine.model_dump_json())["topic_path"] is None
