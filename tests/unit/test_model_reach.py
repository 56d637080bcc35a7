"""Which addresses may be connected to: every way to write one that is not public."""

import pytest

from syncline.control.addresses import reach_of
from syncline.errors import PropertyError
from syncline.model.reach import EVERYWHERE, PUBLIC, Reach, networks_of

PRIVATE = (
    "10.1.2.3", "172.31.0.1", "192.168.1.1", "100.64.0.1", "fc00::1", "fd12:3456::1", "fec0::1",
    "::ffff:10.1.2.3", "64:ff9b::a01:203", "198.18.0.1",
)  # fmt: skip
LOOPBACK = (
    "127.0.0.1",
    "127.9.9.9",
    "::1",
    "::ffff:127.0.0.1",
    "0.0.0.0",  # noqa: S104 (nobody listens there)
    "::",
    "64:ff9b::7f00:1",
)
METADATA = (
    "169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "fe80::1", "fe80::1%eth0",
    "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "fd20:ce::254",
)  # fmt: skip
NOWHERE = (
    "224.0.0.1", "255.255.255.255", "240.0.0.1", "192.0.2.1", "203.0.113.9", "2001:db8::1",
    "ff02::1", "2002:7f00:1::", "2001:0:7f00:1::", "64:ff9b:1::1", "100::1", "5f00::1",
)  # fmt: skip
WORDS = ("", "localhost", "example.com", "127.1", "0x7f000001", "2130706433", "[::1]", "1.2.3.4.5")
ANYWHERE = (
    "93.184.216.34",
    "1.1.1.1",
    "2606:4700:4700::1111",
    "::ffff:1.1.1.1",
    "64:ff9b::101:101",
)


@pytest.mark.parametrize("address", [*PRIVATE, *LOOPBACK, *METADATA, *NOWHERE, *WORDS])
def test_what_is_not_public_is_out_of_reach(address: str) -> None:
    assert not PUBLIC.allows(address, 443)


@pytest.mark.parametrize("address", ANYWHERE)
def test_what_is_public_is_not(address: str) -> None:
    assert PUBLIC.allows(address, 443)


def test_private_addresses_can_be_allowed_but_not_what_machines_are_told_their_secrets_at() -> None:
    allowed = reach_of({"SYNCLINE_ALLOW_PRIVATE_ADDRESSES": "true"})
    assert all(allowed.allows(address) for address in (*PRIVATE, *LOOPBACK, *ANYWHERE))
    assert not any(allowed.allows(address) for address in (*METADATA, *WORDS, "224.0.0.1"))


def test_networks_can_be_allowed() -> None:
    given = "10.1.0.0/16, 192.168.1.1 ,fd12::/16,169.254.169.254"
    allowed = reach_of({"SYNCLINE_ALLOW_PRIVATE_ADDRESSES": given})
    for address in ("10.1.2.3", "::ffff:10.1.2.3", "192.168.1.1", "fd12::5", "169.254.169.254"):
        assert allowed.allows(address)
    for address in ("10.2.0.1", "192.168.1.2", "127.0.0.1", "169.254.0.1"):
        assert not allowed.allows(address)
    assert networks_of("") == ()


@pytest.mark.parametrize("given", ["", "false", "NO", "0"])
def test_nothing_is_allowed_unless_somebody_says_so(given: str) -> None:
    assert reach_of({"SYNCLINE_ALLOW_PRIVATE_ADDRESSES": given}) == PUBLIC
    assert reach_of({}) == PUBLIC


def test_a_setting_that_cannot_be_read() -> None:
    with pytest.raises(PropertyError, match="cannot be read"):
        reach_of({"SYNCLINE_ALLOW_PRIVATE_ADDRESSES": "localhost"})


def test_servers_of_our_own_are_known_by_address_and_port() -> None:
    reach = Reach(own={("127.0.0.1", 8765)})
    assert reach.allows("127.0.0.1", 8765)
    assert not reach.allows("127.0.0.1", 8766)
    assert EVERYWHERE.allows("127.0.0.1", 1)
