from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_dd_distro.stats.peers import quantised

B = "blocked-ip-address"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        # The same everywhere
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1:5432", "127.0.0.1:5432"),
        ("::1", "::1"),
        ("[::1]:80", "[::1]:80"),
        ("169.254.169.254", "169.254.169.254"),
        ("http://169.254.169.254/latest", "http://169.254.169.254/latest"),
        ("fd00:ec2::254", "fd00:ec2::254"),
        ("169.254.170.2", "169.254.170.2"),
        # No addresses
        ("", ""),
        ("orders", "orders"),
        ("foo.dog", "foo.dog"),
        ("db:5432", "db:5432"),
        ("1-foo", "1-foo"),
        ("1-2-3-foo", "1-2-3-foo"),
        ("7-55-2-app.agent.example.com", "7-55-2-app.agent.example.com"),
        ("1.2.3", "1.2.3"),
        ("1.2.3.", "1.2.3."),
        ("1.2.3.999", "1.2.3.999"),
        ("1.2.999.4", "1.2.999.4"),
        ("1.2.3.256", "1.2.3.256"),
        ("1.2.03.4", "1.2.03.4"),
        ("1.2.3.04", "1.2.3.04"),
        ("1.2-3.4", "1.2-3.4"),
        ("12345", "12345"),
        ("::1-foo", "::1-foo"),
        ("fe80::1%eth0", "fe80::1%eth0"),
        ("[nonsense]:80", "[nonsense]:80"),
        ("[fe80::1", "[fe80::1"),
        ("cafe", "cafe"),
        ("host-10.1.2.3", "host-10.1.2.3"),
        ("ftps://10.1.2.3", "ftps://10.1.2.3"),
        # Version 4
        ("192.168.1.1", B),
        ("0.0.0.0", B),
        ("255.255.255.255", B),
        ("192.168.1.1:1234", f"{B}:1234"),
        ("192.168.1.1.foo", f"{B}.foo"),
        ("192.168.1.1.2.3.4.5", f"{B}.2.3.4.5"),
        ("192_168_1_1", B),
        ("192-168-1-1", B),
        ("127-0-0-1", B),
        ("192-168-1-1-foo", f"{B}-foo"),
        ("10-60-160-172.my-service.local", f"{B}.my-service.local"),
        ("ip-10-152-4-129.ec2.internal", f"ip-{B}.ec2.internal"),
        ("dnspoll:///10.21.120.145:6400", f"dnspoll:///{B}:6400"),
        ("http://10.21.120.145:6400", f"http://{B}:6400"),
        ("https://10.21.120.145", f"https://{B}"),
        ("ftp://10.21.120.145", f"ftp://{B}"),
        ("file:///10.21.120.145", f"file:///{B}"),
        # Version 6
        ("2001:db8:3333:4444:CCCC:DDDD:EEEE:FFFF", B),
        ("2001:db8:3c4d:15::1a2f:1a2b", B),
        ("::ffff:10.0.0.1", B),
        ("[fe80::1ff:fe23:4567:890a]:8080", f"{B}:8080"),
        # Several
        ("192.168.1.1:1234,10.23.1.1:53,10.23.1.1,fe80::1,foo.dog", f"{B}:1234,{B}:53,{B},foo.dog"),
        ("10.0.0.1,10.0.0.2,10.0.0.3", B),
        ("http://172.24.160.151:80,172.24.163.33:80,172.24.164.111:80", f"http://{B}:80,{B}:80"),
        ("a,b,a", "a,b"),
        ("10.0.0.1,127.0.0.1", f"{B},127.0.0.1"),
    ],
)
def test_addresses_become_one(value: str, expected: str) -> None:
    assert quantised(value) == expected


@settings(max_examples=500, deadline=None)
@given(st.text(alphabet="0123456789.:-_,[]abf%\0/ip\u0663é", max_size=40))
def test_no_value_makes_it_fail_and_what_is_done_is_done(value: str) -> None:
    once = quantised(value)
    assert set(once.split(",")) == {quantised(item) for item in value.split(",")}
