"""S6: in whatever form an inside address is written, no crawler asks it; addresses of the world are asked."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers.web.addresses import is_outside, refusal

INSIDE = (
    "http://127.0.0.1/", "http://127.1/", "http://127.0.1/", "http://2130706433/", "http://0x7f000001/", "http://0x7f.0.0.1/", "http://0177.0.0.1/",
    "http://017700000001/", "http://0/", "http://0.0.0.0/", "http://[::1]/", "http://[::]/", "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/",
    "http://[::127.0.0.1]/", "http://[64:ff9b::10.0.0.1]/", "http://[2002:7f00:1::]/", "http://[fe80::1%25eth0]/", "http://[fc00::1]/", "http://[fd12:3456::1]/",
    "http://10.0.0.1/", "http://172.16.0.1/", "http://192.168.1.1/", "http://100.64.0.1/", "http://169.254.169.254/latest/meta-data/", "http://224.0.0.1/",
    "http://255.255.255.255/", "http://localhost/", "http://LOCALHOST./", "http://a.localhost/", "http://router.local/", "http://db.internal/", "http://intranet/",
    "http://１２７.０.０.１/", "http://127。0。0。1/", "http://①②⑦.0.0.1/", "http://%31%32%37.0.0.1/", "http://user@127.0.0.1/", "http://8.8.8.8@127.0.0.1/",
    "http://127.0.0.1:6379/", "http://127.0.0.1./",
)  # fmt: skip
OTHER_SCHEMES = ("file:///etc/passwd", "ftp://city.example/", "data:text/html,x", "gopher://city.example/", "javascript:alert(1)", "//city.example/", "", "http:///x",
                 "http://[::1/", "http://city.example:99999/")  # fmt: skip


def test_there_are_more_forms_than_promised() -> None:
    assert len(set(INSIDE)) >= 25


@pytest.mark.parametrize("url", INSIDE)
def test_an_inside_address_is_refused_in_every_form(url: str) -> None:
    assert "内部" in refusal(url)


@pytest.mark.parametrize("url", OTHER_SCHEMES)
def test_nothing_but_http_and_https_and_nothing_malformed(url: str) -> None:
    assert refusal(url)


@pytest.mark.parametrize("url", ["http://city.example/", "https://www.gov.cn/a?b=http://127.0.0.1", "http://8.8.8.8/", "https://[2606:4700::1111]/",
                         "http://城市.example/", "http://127.0.0.1.city.example/"])  # fmt: skip
def test_the_world_is_asked(url: str) -> None:
    assert refusal(url) == ""


@given(st.integers(0, 2**32 - 1))
def test_every_way_to_write_a_number_is_judged_alike(number: int) -> None:
    address = ipaddress.IPv4Address(number)
    outside = is_outside(address)
    a, b, c, d = address.packed
    for form in (
        str(address),
        str(number),
        hex(number),
        f"{a:#x}.{b:#x}.{c:#x}.{d:#x}",
        f"0{a:o}.0{b:o}.0{c:o}.0{d:o}",
        f"{a}.{b}.{c * 256 + d}",
        f"[::ffff:{address}]",
    ):
        assert (refusal(f"http://{form}/") == "") == outside, form


@given(
    st.sampled_from(
        [
            "10.0.0.0/8",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "100.64.0.0/10",
            "fc00::/7",
            "fe80::/10",
        ]
    ),
    st.integers(0, 2**16 - 1),
)
def test_no_address_of_a_private_network_is_outside(network: str, offset: int) -> None:
    found = ipaddress.ip_network(network)
    assert not is_outside(found[offset % found.num_addresses])
