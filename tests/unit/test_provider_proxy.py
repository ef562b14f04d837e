"""The proxies of the environment are used, or the log says that they are not."""

from collections.abc import Mapping

import pytest
from structlog.testing import capture_logs

from worker_service.providers.proxy import proxy_for

ADDRESS = "https://api.example.com/v1"
NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    variables: Mapping[str, str] = request.param
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("environment", "proxy"),
    [
        ({}, None),
        ({"HTTPS_PROXY": "http://proxy:3128"}, "http://proxy:3128"),
        ({"https_proxy": "proxy:3128"}, "http://proxy:3128"),
        ({"ALL_PROXY": "http://proxy:3128"}, "http://proxy:3128"),
        ({"HTTP_PROXY": "http://proxy:3128"}, None),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": ".example.com"}, None),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "*"}, None),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "elsewhere"}, "http://proxy:3128"),
    ],
    indirect=["environment"],
    ids=str,
)
@pytest.mark.usefixtures("environment")
def test_the_environment_names_the_proxy_of_an_address(proxy: str | None):
    found = proxy_for(ADDRESS)

    assert (str(found.url) if found else None) == proxy


@pytest.mark.parametrize(
    "environment", [{"HTTPS_PROXY": "http://me:secret@proxy:3128"}], indirect=True
)
@pytest.mark.usefixtures("environment")
def test_a_proxy_gets_its_credential_apart_from_its_address():
    found = proxy_for(ADDRESS)

    assert found is not None
    assert found.raw_auth == (b"me", b"secret")
    assert "secret" not in str(found.url)


@pytest.mark.parametrize("environment", [{"ALL_PROXY": "socks5://proxy:1080"}], indirect=True)
@pytest.mark.usefixtures("environment")
def test_a_proxy_that_cannot_be_used_is_one_line_in_the_log():
    with capture_logs() as lines:
        assert proxy_for(ADDRESS) is None

    (line,) = lines
    assert (line["event"], line["scheme"]) == ("proxy_not_supported", "socks5")
