"""Under test: nobody sees a page or opens a websocket without signing in, and nobody is led elsewhere."""

from __future__ import annotations

import asyncio
import re

import httpx
import pytest
from bokeh.util.token import get_token_payload
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.httputil import HTTPHeaders, HTTPServerRequest
from tornado.websocket import websocket_connect

from apps.gate import initials, is_same_origin, local_path, theme_of
from apps.screens import SCREENS, entry_of, visible_to
from dmat.store.users import User

PAGES = [entry.path for entry in SCREENS]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_refused_without_a_sign_in(served, path):
    answer = httpx.get(f"{served.url}{path}?id=1")
    assert answer.status_code == 302
    assert answer.headers["location"] == f"/sign-in?next=%2F{path[1:]}%3Fid%3D1"
    assert "Recovered" not in answer.text


@pytest.mark.parametrize("path", [f"{page}/{part}" for page in PAGES for part in ("autoload.js", "metadata")])
def test_no_other_door_of_a_page_is_open_without_a_sign_in(served, path):
    answer = httpx.get(f"{served.url}{path}?bokeh-autoload-element=x")
    assert answer.status_code in {302, 403, 404} or answer.json() == {"url": path.rsplit("/", 1)[0], "data": {}}


def open_socket(served, path: str, cookie: str = "", origin: str = "", token: str = "x"):
    headers = {"Origin": origin or served.url, "Sec-WebSocket-Protocol": f"bokeh, {token}"}
    if cookie:
        headers["Cookie"] = cookie
    address = served.url.replace("http", "ws") + path + "/ws"

    async def connect():
        connection = await websocket_connect(HTTPRequest(address, headers=headers))
        message = await asyncio.wait_for(connection.read_message(), 20)
        connection.close()
        return message

    return asyncio.run(connect())


def page_token(client: httpx.Client, path: str) -> str:
    return re.search(r'"token":"([^"]+)"', client.get(path).text).group(1)


def cookie_of(client: httpx.Client) -> str:
    return f"dmat_session={client.cookies['dmat_session']}"


@pytest.mark.parametrize("path", PAGES)
def test_a_websocket_is_refused_without_a_sign_in_even_with_a_page_token(served, path):
    token = page_token(served.sign_in(), path)
    with pytest.raises(HTTPClientError) as refused:
        open_socket(served, path, token=token)
    assert refused.value.code == 403


def test_a_websocket_from_another_site_is_refused_although_the_browser_sends_the_cookie(served):
    client = served.sign_in()
    with pytest.raises(HTTPClientError) as refused:
        open_socket(served, "/home", cookie_of(client), "http://evil.example", page_token(client, "/home"))
    assert refused.value.code == 403


def test_a_websocket_of_a_signed_in_page_is_served(served):
    client = served.sign_in()
    assert "ACK" in open_socket(served, "/home", cookie_of(client), token=page_token(client, "/home"))


def test_a_page_token_that_the_server_did_not_sign_opens_nothing(served):
    client = served.sign_in()
    token = page_token(client, "/home")
    assert open_socket(served, "/home", cookie_of(client), token=token[:-4] + "AAAA") is None


@pytest.mark.parametrize("path", PAGES)
def test_no_page_carries_the_cookie_where_a_script_could_read_it(served, path):
    client = served.sign_in()
    page = client.get(path).text
    payload = get_token_payload(page_token(client, path))
    assert client.cookies["dmat_session"] not in page
    assert client.cookies["dmat_session"] not in repr(payload)
    assert "dmat_session" not in repr(payload)


@pytest.mark.parametrize("module", ["this", "dmat.settings", "apps.serve", "antigravity", "apps.parts.blockade"])
def test_an_address_cannot_make_the_server_import_a_module(served, module):
    assert httpx.get(f"{served.url}/components/{module}/x/_bundle_path/y.js").status_code == 404


def test_a_role_without_a_screen_gets_neither_its_page_nor_its_websocket(served):
    sales = served.sign_in("sales")
    answer = sales.get("/follow")
    assert answer.status_code == 403
    assert "Your role does not include" in answer.text
    token = page_token(served.sign_in("admin"), "/follow")
    with pytest.raises(HTTPClientError) as refused:
        open_socket(served, "/follow", cookie_of(sales), token=token)
    assert refused.value.code == 403
    assert sales.get("/home").status_code == 200


def test_a_wrong_password_is_answered_on_the_form_and_sets_no_cookie(served):
    answer = httpx.post(f"{served.url}/sign-in", data={"email": "admin@example.com", "password": "wrong"})
    assert answer.status_code == 401
    assert "is not right" in answer.text
    assert "dmat_session" not in answer.cookies


def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(served):
    answer = httpx.post(
        f"{served.url}/sign-in", data={"email": "analyst@example.com", "password": "correct horse battery"}
    )
    assert answer.status_code == 303
    told = answer.headers["set-cookie"].lower()
    assert "httponly" in told
    assert "samesite=lax" in told


def test_a_sign_in_form_sent_from_another_site_is_refused(served):
    answer = httpx.post(
        f"{served.url}/sign-in",
        data={"email": "admin@example.com", "password": "correct horse battery"},
        headers={"Origin": "http://evil.example"},
    )
    assert answer.status_code == 403
    assert "dmat_session" not in answer.cookies


def test_signing_out_ends_the_sign_in_on_the_server_too(served):
    client = served.sign_in("marketer")
    old = {"Cookie": cookie_of(client)}
    assert client.post("/sign-out", headers={"Origin": "http://evil.example"}).status_code == 403
    assert httpx.get(f"{served.url}/home", headers=old).status_code == 200
    assert client.post("/sign-out", headers={"Origin": served.url}).status_code == 303
    assert httpx.get(f"{served.url}/home", headers=old).status_code == 302


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "/a\\b", "", None, "/sign-in",
     "/home\r\nSet-Cookie: x=1", "evil"],
)  # fmt: skip
def test_a_sign_in_never_leads_to_another_site(served, target):
    assert local_path(target) == "/home"
    answer = httpx.post(
        f"{served.url}/sign-in",
        data={"email": "analyst@example.com", "password": "correct horse battery", "next": target or ""},
    )
    assert answer.headers["location"] == "/home"


def test_a_sign_in_leads_back_to_where_the_reader_wanted_to_be():
    assert local_path("/follow?id=abc&status=left") == "/follow?id=abc&status=left"


def test_every_answer_forbids_other_hosts_and_frames_around_it(served):
    for path in ("/sign-in", "/home", "/assets/screens.css", "/nowhere"):
        headers = httpx.get(f"{served.url}{path}").headers
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["/assets/build.py", "/assets/package.json", "/assets/../serve.py", "/assets/%2e%2e/gate.py",
             "/assets/node_modules/axe-core/axe.min.js"],
)  # fmt: skip
def test_only_files_made_for_browsers_are_served(served, path):
    assert httpx.get(f"{served.url}{path}").status_code in {403, 404}


def test_the_server_listens_on_the_loopback_interface_only(served):
    import psutil

    doors = psutil.Process(served.process.pid).net_connections(kind="inet")
    assert {door.laddr.ip for door in doors if door.status == psutil.CONN_LISTEN} == {"127.0.0.1"}


def request_with(**headers: str) -> HTTPServerRequest:
    return HTTPServerRequest("POST", "/sign-in", headers=HTTPHeaders({"Host": "127.0.0.1:1", **headers}))


def test_the_origin_of_a_post_must_be_this_server():
    assert is_same_origin(request_with(Origin="http://127.0.0.1:1"))
    assert not is_same_origin(request_with(Origin="http://127.0.0.1:2"))
    assert not is_same_origin(request_with(Origin="null"))
    assert not is_same_origin(request_with(**{"Sec-Fetch-Site": "cross-site"}))
    assert is_same_origin(request_with())  # no browser: nothing it could be tricked into


def test_each_role_sees_its_screens_and_the_parts_of_a_page_belong_to_it():
    assert [entry.path for entry in visible_to("sales")][:2] == ["/home", "/people"]
    assert "/people" not in [entry.path for entry in visible_to("analyst")]
    assert [entry.path for entry in visible_to("admin")] == PAGES
    assert entry_of("/follow/ws").path == "/follow"
    assert entry_of("/sign-in") is None


def test_a_reader_is_known_by_their_initials():
    assert initials(User(1, "ada@example.com", "Ada Lovelace", "admin")) == "AL"
    assert initials(User(1, "ada@example.com", "", "admin")) == "AC"
    assert theme_of("dark") == "dark"
    assert theme_of("<script>") == "light"
