"""What strangers may try: other names, other origins, forged addresses; what they learn from
refusals; what logs keep.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import torch
from pydantic import SecretStr

import stepzero_rnn
from app.callers.api_keys import new_key, read_keys
from app.callers.sessions import COOKIE
from app.settings import Settings
from tests.api.asking import GRU, Call, permalink
from tests.conftest import running

JSON = {"Content-Type": "application/json"}
KEY, KEPT = new_key("ci")
WRONG, _ = new_key("wrong")
REVEALING = re.compile(
    rf"Traceback|site-packages|\.py\b|/usr/|/home/|/tmp/|{re.escape(str(Path(stepzero_rnn.__file__).parents[1]))}"
    rf"|uvicorn|starlette|pydantic|fastapi|{re.escape(torch.__version__)}",
    re.IGNORECASE,
)

REFUSED: Mapping[str, tuple[str, str, dict[str, Any]]] = {
    "page": ("GET", "/nope", {}),
    "method": ("DELETE", "/v1/plan", {}),
    "path": ("GET", "/_static/../../etc/passwd", {}),
    "static_file": ("GET", "/_static/nope", {}),
    "token": ("GET", "/v1/checkpoints/1.AAAA", {}),
    "version": ("GET", "/v1/checkpoints/9.AAAA/spec", {}),
    "query": ("GET", "/v1/checkpoints?rnn_type=gru&input_size=1e999&hidden_size=%00", {}),
    "json": ("POST", "/v1/checkpoints", {"content": b"{", "headers": JSON}),
    "text": ("POST", "/v1/checkpoints", {"content": b"\xff", "headers": JSON}),
    "media_type": ("POST", "/v1/checkpoints", {"content": b"\xff"}),
    "device": ("POST", "/v1/checkpoints", {"json": {**GRU, "device": "cuda:99"}}),
    "size": ("POST", "/v1/checkpoints", {"json": {**GRU, "input_size": 2**52}}),
    "scheme": ("POST", "/v1/checkpoints", {"json": {**GRU, "init": {"scheme": "os.system"}}}),
    "overflow": (
        "POST",
        "/v1/checkpoints",
        {"json": {**GRU, "init": {"scheme": "normal", "std": 1e38}, "dtype": "float16"}},
    ),
}


class TestAnotherName:
    @pytest.fixture(scope="class")
    @classmethod
    def url(cls) -> Iterator[str]:
        with running(Settings(allowed_hosts="models.example.com, *.example.org, 127.0.0.1")) as url:  # type: ignore[arg-type]
            yield url

    @pytest.mark.parametrize(
        "host",
        [
            "models.example.com",
            "MODELS.example.com:8000",
            "a.example.org",
            "a.b.example.org",
            "127.0.0.1:1",
        ],
    )
    def test_that_is_known_is_answered(self, host: str, url: str):
        assert httpx.get(f"{url}/v1", headers={"Host": host}).status_code == 200

    @pytest.mark.parametrize(
        "host",
        [
            "example.com",
            "example.org",
            "evilexample.org",
            "models.example.com.evil",
            "[::1]",
            "",
            "x" * 900,
        ],
    )
    def test_that_is_not_known_is_refused(self, host: str, url: str):
        answer = httpx.get(f"{url}/v1", headers={"Host": host})

        assert (answer.status_code, answer.json()["code"]) == (400, "unknown_host")
        assert answer.json()["given"] == host[:200]

    @pytest.mark.parametrize(
        "host",
        [
            "evil.com/.example.org",
            "x y.example.org",
            "a@b.example.org",
            "..example.org",
            ".example.org",
            "a.example.org:8000:1",
            "a.example.org:http",
            "a.example.org#",
            "[::1",
        ],
    )
    def test_that_is_no_host_is_refused_as_such(self, host: str, url: str, client: httpx.Client):
        for answer in (
            httpx.get(f"{url}/v1", headers={"Host": host}),
            client.get("/healthz/live", headers={"Host": host}),  # where every name is answered
        ):
            assert (answer.status_code, answer.json()["code"]) == (400, "invalid_host")
            assert answer.json()["given"] == host

    @pytest.mark.parametrize("hosts", [[], ["a.example.org"] * 2, ["a.example.org", "evil.com"]])
    def test_beside_another_or_none_at_all_is_refused(self, hosts: list[str], url: str):
        lines = "".join(f"Host: {host}\r\n" for host in hosts)
        with Call(url, f"GET /v1 HTTP/1.1\r\n{lines}Connection: close\r\n\r\n".encode()) as call:
            status, _, body = call.read_head()
            problem = json.loads(body + b"".join(call.read_rest()))

        assert status == 400
        assert problem["code"] in ("invalid_host", "malformed_http")  # by the parser, or behind it

    def test_may_lack_in_http_1_0(self, client: httpx.Client, server_url: str):
        with Call(server_url, b"GET /v1 HTTP/1.0\r\n\r\n") as call:
            assert call.read_head()[0] == 200

    def test_is_no_matter_for_probes(self, url: str):
        assert (
            httpx.get(f"{url}/healthz/live", headers={"Host": "10.0.0.7:8000"}).status_code == 200
        )


class TestAnotherOrigin:
    ORIGIN = "https://notebooks.example.com"

    def test_reads_nothing_unless_that_is_set(self, client: httpx.Client):
        answer = client.get("/v1", headers={"Origin": self.ORIGIN})

        assert not [name for name in answer.headers if name.startswith("access-control")]
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"

    def test_that_is_set_reads_answers_and_refusals_and_sends_a_key(self):
        settings = Settings(api_keys=read_keys([KEPT.line]), cors_origins=(self.ORIGIN,))
        asks = {
            "Origin": self.ORIGIN,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type",
        }
        with running(settings) as url:
            before = httpx.options(f"{url}/v1/checkpoints", headers=asks)
            refused = httpx.get(f"{url}/v1", headers={"Origin": self.ORIGIN})
            served = httpx.get(f"{url}/v1", headers={"Origin": self.ORIGIN, "X-API-Key": KEY})
            others = httpx.get(
                f"{url}/v1", headers={"Origin": "https://evil.example", "X-API-Key": KEY}
            )

        assert before.status_code == 200
        for answer in (before, refused, served):
            assert answer.headers["Access-Control-Allow-Origin"] == self.ORIGIN
            assert "Access-Control-Allow-Credentials" not in answer.headers
        assert "ETag" in served.headers["Access-Control-Expose-Headers"]
        assert (refused.status_code, served.status_code) == (401, 200)
        assert "Access-Control-Allow-Origin" not in others.headers


class TestAForgedAddress:
    """Callers without keys are told apart by their addresses, so here the limits tell who was
    believed to ask.
    """

    FORGED = tuple({"X-Forwarded-For": f"192.0.2.{place}"} for place in (1, 2))

    def test_is_not_believed(self):
        with running(Settings(rate_limits="1/hour")) as url:
            asked = [httpx.get(f"{url}/v1", headers=headers).status_code for headers in self.FORGED]

        assert asked == [200, 429]

    def test_is_believed_of_a_proxy_that_is_trusted(self):
        with running(Settings(rate_limits="1/hour", trusted_proxies=("127.0.0.0/8",))) as url:
            asked = [
                httpx.get(f"{url}/v1", headers=headers).status_code for headers in self.FORGED * 2
            ]

        assert asked == [200, 200, 429, 429]

    def test_that_is_no_address_is_one_unknown_caller(self):
        words = [f"for={place}" for place in (1, 2)] + ["unknown", "_hidden", "x" * 60_000]
        with running(Settings(rate_limits="1/hour", trusted_proxies=("127.0.0.0/8",))) as url:
            asked = [
                httpx.get(f"{url}/v1", headers={"X-Forwarded-For": word}).status_code
                for word in words
            ]

        assert asked == [200, 429, 429, 429, 429]

    def test_is_one_caller_whatever_its_port_and_zone(self):
        forms = ["192.0.2.1", "192.0.2.1:80", "192.0.2.1:81", "::ffff:192.0.2.1"]
        zoned = ["2001:db8::1", "[2001:db8::2]:80", "2001:db8::1%eth0"]
        with running(Settings(rate_limits="1/hour", trusted_proxies=("127.0.0.0/8",))) as url:
            asked = [
                httpx.get(f"{url}/v1", headers={"X-Forwarded-For": form}).status_code
                for form in forms + zoned
            ]

        assert asked == [200, 429, 429, 429, 200, 429, 429]


class TestARefusal:
    @pytest.mark.parametrize("asked", REFUSED.values(), ids=REFUSED)
    def test_tells_nothing_of_the_machine(self, asked: tuple[Any, ...], client: httpx.Client):
        method, path, more = asked
        answer = client.request(method, path, **more)

        assert 400 <= answer.status_code < 500
        assert not REVEALING.findall(answer.text.replace(path, ""))
        assert not REVEALING.findall(str(answer.headers).replace(path, ""))


class TestAPage:
    @pytest.mark.parametrize("path", ["/", "/docs"])
    def test_is_shown_in_no_frame_and_shares_no_window(self, path: str):
        with running(Settings(trusted_proxies=("127.0.0.0/8",))) as url:
            over_tls = httpx.get(f"{url}{path}", headers={"X-Forwarded-Proto": "https"}).headers
            plain = httpx.get(f"{url}{path}").headers

        for headers in (over_tls, plain):
            assert headers["X-Frame-Options"] == "DENY"
            assert "camera=()" in headers["Permissions-Policy"]
        assert over_tls["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "Cross-Origin-Opener-Policy" not in plain  # browsers ignore it, and complain

    def test_is_the_only_thing_that_may_load_anything(self, client: httpx.Client):
        for path in ("/v1", "/nope", "/_static/favicon.svg", permalink(client, GRU)):
            policy = client.get(path).headers["Content-Security-Policy"]
            assert policy == "default-src 'none'; frame-ancestors 'none'"


def test_without_the_docs_all_that_belongs_to_them_is_gone():
    with running(Settings(docs=False)) as url:
        for path in (
            "/docs",
            "/openapi.json",
            "/_static/docs.html",
            "/_static/docs.js",
            "/_static/docs.css",
            "/_static/vendor/../docs.html",
            "/_static//docs.html",
            "/_static/vendor/swagger-ui/swagger-ui-bundle.js",
            "/_static/vendor/swagger-ui/LICENSE",
        ):
            assert httpx.get(url + path).status_code == 404, path
        page = httpx.get(f"{url}/")

        assert page.headers["Content-Security-Policy"].startswith("default-src 'self'")
        assert "docs" not in page.text
        for path in re.findall(r'(?:href|src)="([a-z_][^"]*)"', page.text):
            assert httpx.get(f"{url}/{path}").status_code == 200, path


SERVE = """
import sys
from app.runtime.server import serve
from app.settings import Settings
serve(Settings(port=0, log_level="debug", api_keys_file=sys.argv[1], rate_limits="30/hour", rate_limits_url="redis://:hush@127.0.0.1:1"))
"""


def test_no_key_is_in_the_log(tmp_path: Path):
    keys, log = tmp_path / "keys", tmp_path / "log"
    keys.write_text(KEPT.line)
    command = [sys.executable, "-c", SERVE, str(keys)]
    with (
        log.open("w") as stderr,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True) as process,
    ):
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            url = re.findall(r"http://[0-9.]+:\d+", said)[0]
            for key in (KEY, WRONG):
                httpx.get(f"{url}/v1", headers={"X-API-Key": key})
                httpx.get(f"{url}/v1", headers={"Authorization": f"Bearer {key}"})
                httpx.post(f"{url}/v1/plan", headers={"X-API-Key": key}, content=b"{")
            with httpx.Client(base_url=url) as browser:
                browser.post("/v1/session", headers={"X-API-Key": KEY})
                session = browser.cookies[COOKIE]
                browser.get("/v1/none")
                browser.post("/v1/plan", content=b"{")
        finally:
            process.terminate()

    said += log.read_text()
    assert "Started server process" in said
    assert '"key": "ci"' in said  # whose it is
    signature = session.rpartition(".")[2]
    for secret in (KEY, WRONG, KEPT.sha256.hex(), "hush", session, signature):
        assert secret not in said


def test_no_secret_is_in_the_text_of_the_settings():
    settings = Settings(
        api_keys=read_keys([KEPT.line]), rate_limits_url=SecretStr("redis://:hush@x")
    )

    assert "hush" not in repr(settings)
    assert KEY not in repr(settings)
