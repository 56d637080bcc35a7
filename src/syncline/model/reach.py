"""Which addresses may be connected to: any, or those of the public internet and a few more."""

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

#: IANA's special-purpose blocks, multicast, and the address at which Azure's machines are told
#: about themselves, which is none of these.
_SPECIAL = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "168.63.129.16/32",
    )
)  # fmt: skip
#: All that is given out for the public internet, and what is special in it: tunnels lead
#: anywhere, documentation nowhere.
_GLOBAL = IPv6Network("2000::/3")
_NOT_GLOBAL = tuple(
    IPv6Network(block) for block in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)
#: IPv4 addresses as networks without IPv4 write them (RFC 6052).
_TRANSLATED = IPv6Network("64:ff9b::/96")
#: A machine asks these about itself, passwords included: only who names them may.
_METADATA: tuple[Network, ...] = (
    IPv4Network("169.254.0.0/16"),
    IPv4Network("100.100.100.200/32"),
    IPv4Network("168.63.129.16/32"),
    IPv6Network("fe80::/10"),
    IPv6Network("fd00:ec2::254/128"),
    IPv6Network("fd20:ce::254/128"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Judges addresses that names have been resolved to; names themselves prove nothing."""

    #: No limits: whoever chooses the addresses owns the machine.
    everywhere: bool = False
    #: Private addresses too, but those at which machines are told their own secrets.
    private: bool = False
    #: These too.
    networks: tuple[Network, ...] = ()
    #: Address and port of servers of our own; they come and go while the process runs.
    own: set[tuple[str, int]] = field(default_factory=set, compare=False)

    def allows(self, address: str, port: int = 0) -> bool:
        """Return whether an address in numbers may be connected to; False for anything else."""
        if self.everywhere:
            return True
        found = plain(address)
        if found is None:
            return False
        if (str(found), port) in self.own or any(found in network for network in self.networks):
            return True
        if self.private and not any(found in network for network in _METADATA):
            return not found.is_multicast
        return _public(found)


EVERYWHERE = Reach(everywhere=True)
PUBLIC = Reach()


def plain(address: str) -> Address | None:
    """Return an address in numbers, without zone, IPv4 that is written as IPv6 as itself."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    if not isinstance(found, IPv6Address):
        return found
    if found.ipv4_mapped is not None:
        return found.ipv4_mapped
    if found in _TRANSLATED:
        return IPv4Address(int(found) & 0xFFFFFFFF)
    return found


def networks_of(text: str) -> tuple[Network, ...]:
    """Return the networks and single addresses in a list with commas. Raises `ValueError`."""
    return tuple(
        ip_network(part, strict=False) for each in text.split(",") if (part := each.strip())
    )


def _public(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in block for block in _SPECIAL)
    return address in _GLOBAL and not any(address in block for block in _NOT_GLOBAL)
