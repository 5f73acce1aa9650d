"""A browser that signs in once is known by a cookie, which opens nothing to anybody else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from http.cookies import SimpleCookie

import httpx
import pytest
from anyio.from_thread import start_blocking_portal

from app.callers.api_keys import Keyring, new_key, read_keys
from app.callers.sessions import COOKIE, Sessions
from app.main import create_app
from app.settings import Settings
from tests.api.asking import GRU
from tests.conftest import running

TEXT, KEPT = new_key("ci")
OTHER_TEXT, OTHER = new_key("other")
KEYS = read_keys([KEPT.line, OTHER.line])
SECRET = "0123456789abcdef" * 4
KEYED = Settings(api_keys=KEYS, session_secret=SECRET)  # type: ignore[arg-type]
LIFETIME_S = 100


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The address of a server that asks for keys."""
    with running(KEYED) as url:
        yield url


@pytest.fixture
def visitor(url: str) -> Iterator[httpx.Client]:
    """A browser that has signed in."""
    with httpx.Client(base_url=url, timeout=60) as client:
        client.post("/v1/session", headers={"X-API-Key": TEXT}).raise_for_status()
        yield client


def signed_in(url: str, key: str = TEXT) -> SimpleCookie:
    answer = httpx.post(f"{url}/v1/session", headers={"Authorization": f"Bearer {key}"})
    answer.raise_for_status()
    return SimpleCookie(answer.headers["Set-Cookie"])


def with_cookie(value: str, **headers: str) -> dict[str, str]:
    return {"Cookie": f"{COOKIE}={value}", **headers}


class TestTheCookie:
    def test_cannot_be_read_by_scripts_nor_sent_from_elsewhere_and_ends_with_the_browser(
        self, url: str
    ):
        cookie = signed_in(url)[COOKIE]

        assert cookie["httponly"]
        assert cookie["samesite"] == "strict"
        assert cookie["path"] == "/"
        assert not cookie["max-age"]
        assert not cookie["expires"]
        assert not cookie["secure"]  # this server speaks plain HTTP

    def test_is_for_https_alone_where_there_is_https(self):
        settings = KEYED.model_copy(update={"trusted_proxies": ("127.0.0.1",)})
        with running(settings) as url:
            answer = httpx.post(
                f"{url}/v1/session", headers={"X-API-Key": TEXT, "X-Forwarded-Proto": "https"}
            )

        assert SimpleCookie(answer.headers["Set-Cookie"])[COOKIE]["secure"]

    def test_has_neither_the_key_nor_its_hash(self, url: str):
        cookie = signed_in(url)[COOKIE].value

        assert TEXT not in cookie
        assert KEPT.sha256.hex() not in cookie

    def test_authenticates_as_the_key_does(self, visitor: httpx.Client, url: str):
        assert visitor.get("/v1/session").json() == {"required": True, "name": "ci"}
        assert visitor.get("/v1").status_code == 200

    def test_downloads_with_ranges_and_etags(self, visitor: httpx.Client):
        origin = {"Origin": str(visitor.base_url).rstrip("/")}
        planned = visitor.post("/v1/plan", json=GRU, headers=origin).json()
        file = planned["files"]["pt"]["url"]
        whole = visitor.get(file)
        part = visitor.get(file, headers={"Range": "bytes=10-19"})

        assert whole.headers["Cache-Control"].startswith("private")
        assert part.status_code == 206
        assert part.content == whole.content[10:20]
        again = visitor.get(file, headers={"If-None-Match": whole.headers["ETag"]})
        assert again.status_code == 304

    def test_is_gone_after_signing_out(self, visitor: httpx.Client):
        origin = {"Origin": str(visitor.base_url).rstrip("/")}
        assert visitor.delete("/v1/session", headers=origin).status_code == 204

        assert COOKIE not in visitor.cookies
        assert visitor.get("/v1").status_code == 401

    def test_does_not_prolong_itself(self, visitor: httpx.Client):
        origin = {"Origin": str(visitor.base_url).rstrip("/")}

        assert visitor.post("/v1/session", headers=origin).status_code == 401

    def test_yields_to_a_key_in_a_header(self, visitor: httpx.Client):
        other = {"X-API-Key": OTHER_TEXT}
        wrong = {"X-API-Key": "stepzero_wrong"}

        assert visitor.get("/v1/session", headers=other).json()["name"] == "other"
        assert visitor.get("/v1", headers=wrong).status_code == 401
        assert visitor.post("/v1/plan", json=GRU, headers=other).status_code == 200


class TestAPageOfAnotherOrigin:
    ORIGINS: Mapping[str, str | None] = {
        "no origin": None,
        "an opaque one": "null",
        "another host": "http://evil.example",
        "another port": "http://127.0.0.1:1",
        "a longer name": "http://127.0.0.1.evil.example",
    }

    @pytest.mark.parametrize("origin", ORIGINS.values(), ids=ORIGINS)
    @pytest.mark.parametrize(
        ("method", "path"),
        [("POST", "/v1/plan"), ("POST", "/v1/checkpoints"), ("DELETE", "/v1/session")],
    )
    def test_changes_nothing(
        self, visitor: httpx.Client, origin: str | None, method: str, path: str
    ):
        headers = {"Origin": origin} if origin else {}
        body = {"json": GRU} if method == "POST" else {}
        answer = visitor.request(method, path, headers=headers, **body)  # type: ignore[arg-type]

        assert answer.status_code == 403
        assert answer.json()["code"] == "cross_origin"

    @pytest.mark.parametrize("site", ["cross-site", "same-site", "none", "same-origin, none"])
    def test_is_told_by_what_the_browser_says_of_its_site(self, visitor: httpx.Client, site: str):
        own = str(visitor.base_url).rstrip("/")
        answer = visitor.post("/v1/plan", json=GRU, headers={"Origin": own, "Sec-Fetch-Site": site})

        assert answer.status_code == 403

    def test_may_not_be_the_same_host_without_https(self):
        settings = KEYED.model_copy(update={"trusted_proxies": ("127.0.0.1",)})
        with running(settings) as url:
            headers = with_cookie(signed_in(url)[COOKIE].value, **{"X-Forwarded-Proto": "https"})
            _, _, host = url.partition("://")
            statuses = [
                httpx.post(
                    f"{url}/v1/plan",
                    json=GRU,
                    headers=headers | {"Origin": f"{scheme}://{host}"},
                ).status_code
                for scheme in ("http", "https")
            ]

        assert statuses == [403, 200]

    def test_may_not_read_with_the_cookie(self):
        settings = KEYED.model_copy(update={"cors_origins": ("http://notebooks.example",)})
        with running(settings) as url:
            answer = httpx.get(f"{url}/v1/session", headers={"Origin": "http://notebooks.example"})

        assert "Access-Control-Allow-Credentials" not in answer.headers


class TestAPageOfThisOrigin:
    def test_works_behind_an_https_proxy_that_the_server_does_not_know(self, visitor: httpx.Client):
        headers = {"Origin": "https://models.example", "Sec-Fetch-Site": "same-origin"}

        assert visitor.post("/v1/plan", json=GRU, headers=headers).status_code == 200

    def test_is_counted_as_its_key(self):
        with running(KEYED.model_copy(update={"rate_limits": "3/hour"})) as url:
            cookie = signed_in(url)[COOKIE].value
            asked = [{"X-API-Key": TEXT}, with_cookie(cookie), {"X-API-Key": TEXT}]
            answers = [httpx.get(f"{url}/v1", headers=headers) for headers in asked]

        assert [answer.status_code for answer in answers] == [200, 200, 429]


class TestASessionThatIsNone:
    def forged(self, url: str) -> dict[str, str]:
        good = signed_in(url)[COOKIE].value
        name, expiry, mac = good.rsplit(".", 2)
        return {
            "nothing": "",
            "text": "hello",
            "another name": f"other.{expiry}.{mac}",
            "no such name": f"nobody.{expiry}.{mac}",
            "later": f"{name}.{int(expiry) + 1}.{mac}",
            "another signature": f"{name}.{expiry}.{'0' * 64}",
            "cut short": good[:-1],
            "long": good + "0" * 4000,
            "many dots": "." * 500,
            "not ASCII": f"{name}.{expiry}.{'é' * 32}",
            "a key": TEXT,
        }

    def test_opens_nothing(self, url: str):
        for name, value in self.forged(url).items():
            answer = httpx.get(f"{url}/v1", headers={b"Cookie": f"{COOKIE}={value}".encode()})

            assert answer.status_code == 401, name
            assert value == "" or value[:60] not in answer.text or len(value) < 10, name

    def test_is_said_to_have_ended(self, url: str):
        expired = Sessions(Keyring(KEYS), SECRET.encode(), 60, clock=lambda: 0).start("ci")
        answer = httpx.get(f"{url}/v1", headers=with_cookie(str(expired)))

        assert answer.status_code == 401
        assert "session has ended" in answer.json()["detail"]


class TestSessions:
    @pytest.fixture
    def sessions(self) -> Sessions:
        return Sessions(Keyring(KEYS), SECRET.encode(), LIFETIME_S, clock=lambda: 1000)

    def test_end_after_their_lifetime(self, sessions: Sessions):
        started = str(sessions.start("ci"))
        for passed_s, owner in {0: "ci", LIFETIME_S - 1: "ci", LIFETIME_S: None}.items():
            later = replace(sessions, clock=lambda s=passed_s: 1000 + s)  # type: ignore[misc]

            assert later.owner(started) == owner

    def test_need_the_secret_and_the_key(self, sessions: Sessions):
        started = str(sessions.start("ci"))
        _, renewed = new_key("ci")

        assert replace(sessions, secret=b"another").owner(started) is None
        assert replace(sessions, keyring=Keyring((renewed,))).owner(started) is None
        assert replace(sessions, keyring=Keyring((OTHER,))).owner(started) is None
        assert replace(sessions, keyring=Keyring((OTHER,))).start("ci") is None

    def test_of_names_with_dots_are_told_apart(self):
        keys = [new_key(name)[1] for name in ("a", "a.1", "a.1.2")]
        sessions = Sessions(Keyring(keys), b"secret", LIFETIME_S, clock=lambda: 1000)

        for key in keys:
            assert sessions.owner(str(sessions.start(key.name))) == key.name


class TestSeveralProcesses:
    def test_know_each_others_sessions(self, url: str):
        with running(KEYED) as other:
            cookie = signed_in(url)[COOKIE].value

            assert httpx.get(f"{other}/v1", headers=with_cookie(cookie)).status_code == 200

    def test_of_one_server_share_a_random_secret(self):
        worker = Settings(workers=2, api_keys=KEYS).of_a_worker()

        assert worker.session_secret is not None
        assert len(worker.session_secret.get_secret_value()) >= 32
        assert worker.session_secret != Settings(workers=2).of_a_worker().session_secret

    def test_without_a_secret_forget_sessions_when_they_end(self):
        keyed = Settings(api_keys=KEYS)
        with running(keyed) as one, running(keyed) as other:
            cookie = signed_in(one)[COOKIE].value

            assert httpx.get(f"{other}/v1", headers=with_cookie(cookie)).status_code == 401


def test_a_server_below_a_path_keeps_its_cookie_there():
    transport = httpx.ASGITransport(create_app(KEYED), root_path="/factory")

    async def cookie() -> str:
        async with httpx.AsyncClient(transport=transport, base_url="http://host") as client:
            answer = await client.post("/factory/v1/session", headers={"X-API-Key": TEXT})
            return str(SimpleCookie(answer.headers["Set-Cookie"])[COOKIE]["path"])

    with start_blocking_portal() as portal:
        assert portal.call(cookie) == "/factory"


def test_without_keys_there_is_nothing_to_sign_in_to(client: httpx.Client):
    open_to_all = {"required": False, "name": None}

    assert client.get("/v1/session").json() == open_to_all
    answer = client.post("/v1/session", headers={"X-API-Key": "any"})
    assert (answer.status_code, answer.json()) == (200, open_to_all)
    assert "Set-Cookie" not in answer.headers


def test_a_stranger_learns_that_a_key_is_needed_and_no_more(url: str):
    assert httpx.get(f"{url}/v1/session").json() == {"required": True, "name": None}
    assert httpx.post(f"{url}/v1/session").status_code == 401
    assert httpx.delete(f"{url}/v1/session").status_code == 401


def test_where_pages_are_closed_nobody_is_told_anything():
    with running(KEYED.model_copy(update={"open_pages": False})) as url:
        assert httpx.get(f"{url}/v1/session").status_code == 401
