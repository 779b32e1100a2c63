"""Which addresses a crawler may ask: http and https of hosts outside the house (promise S6).

A page of the world may lead anywhere, by a link, a redirect or a name that resolves to an address inside. Every request is looked at before it
is sent, and every name where it is resolved, so that what was checked is what is connected to.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import Final
from urllib.parse import unquote, urlsplit

SCHEMES: Final = ("http", "https")
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_INSIDE_NAMES: Final = ("localhost", ".localhost", ".local", ".internal", ".intranet", ".lan", ".home.arpa")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_outside(address: Address) -> bool:
    """Whether an address is one of the public internet; an IPv6 form that holds an IPv4 address is judged by that."""
    if isinstance(address, ipaddress.IPv6Address):
        held = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if address in _NAT64 or int(address) >> 32 == 0:
            held = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if held is not None:
            return is_outside(held)
    return address.is_global and not address.is_multicast and not address.is_reserved


def literal(host: str) -> Address | None:
    """The address that a host is, in whatever form libraries take for one: 127.1, 0x7f000001, 2130706433, 0177.0.0.1, [::1]; None for a name."""
    host = host.strip("[]").partition("%")[0].rstrip(".")
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host)) if host and not host[-1].isspace() else None
    except OSError:
        return None


def refusal(url: str) -> str:
    """Why a crawler may not ask this address, in words; empty where it may, as far as can be told before the name is resolved."""
    try:
        parts = urlsplit(url)
        host = unquote(parts.hostname or "")
        _ = parts.port
    except ValueError:
        return "地址写法有误"
    if parts.scheme not in SCHEMES:
        return f"只采集 http 与 https，不采集 {parts.scheme or '无协议'}"
    if not host:
        return "地址没有主机"
    # Full-width and other compatible forms mean the same to whoever resolves them.
    plain = host.translate(_WIDE).lower()
    address = literal(plain)
    if address is not None:
        return "" if is_outside(address) else f"{host} 是内部地址"
    name = plain.rstrip(".")
    if "." not in name or name in _INSIDE_NAMES or name.endswith(_INSIDE_NAMES):
        return f"{host} 是内部名称"
    return ""


_WIDE: Final = {
    **{0xFF01 + n: chr(0x21 + n) for n in range(94)}, ord("。"): ".", ord("．"): ".", ord("｡"): ".", **{0x2460 + n: str(n + 1) for n in range(9)}, 0x24EA: "0",
}  # fmt: skip
