"""WordPress: pages (wp/v2), and the form submissions that our plugin lists.

Belongs here: application passwords, listing, creating and changing pages - two pages with one slug become `name` and
`name-2`, as in reality. Stays out: how WordPress lists things (`wp_rest.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dmat.simulate.records import Row, Wanted
from dmat.simulate.vendors.door import Door, JsonResponse, basic, json_text, same
from dmat.simulate.vendors.wp_rest import ParameterError, answer_error, answer_list, answer_parameter_error, read_list

PAGES = "/wp-json/wp/v2/pages"
FORMS = "/wp-json/dmat/v1/form-submissions"
STATUSES = ("publish", "future", "draft", "pending", "private")
ERRORS = {
    401: ("rest_not_logged_in", "You are not currently logged in."),
    404: ("rest_no_route", "No route was found matching the URL and request method."),
    429: ("rest_too_many_requests", "Too many requests."),
    500: ("internal_server_error", "There has been a critical error on this website."),
}


class WordPress(Door):
    """The web site."""

    name = "wordpress"

    def routes(self) -> list[Route]:
        """Pages and forms."""
        return [
            self.route(PAGES, self.list_pages),
            self.route(PAGES, self.create_page, ("POST",)),
            self.route(PAGES + "/{id:int}", self.get_page),
            self.route(PAGES + "/{id:int}", self.change_page, ("POST", "PUT", "PATCH")),
            self.route(FORMS, self.list_forms),
        ]

    def is_authentic(self, request: Request) -> bool:
        """A user with an application password (spaces in it do not count)."""
        user, password = basic(request)
        expected = self.office.settings.wordpress_token.get_secret_value().replace(" ", "")
        fits = same(password.replace(" ", ""), expected)
        return same(user, self.office.settings.wordpress_user) and fits

    def refuse(self, status: int, message: str = "", headers: Mapping[str, str] | None = None) -> Response:
        """Errors have a code, a message and the status once more."""
        code, words = ERRORS.get(status, ("rest_error", "Error"))
        return answer_error(status, code, message or words, headers)

    def list_pages(self, request: Request, body: bytes) -> Response:
        """A page of pages; by slug and status too."""
        more: list[tuple[str, tuple[str, ...]]] = []
        for name in ("slug", "status"):
            value = request.query_params.get(name, "publish" if name == "status" else "")
            if value and value != "any":
                more.append((f"list_contains(?::varchar[], payload->>'$.{name}')", (value.split(","),)))  # type: ignore[arg-type]
        return self._listed(request, "wordpress_pages", tuple(more), refuses_beyond=True)

    def list_forms(self, request: Request, body: bytes) -> Response:
        """A page of form submissions."""
        return self._listed(request, "wordpress_form_submissions", (), refuses_beyond=False)

    def _listed(self, request: Request, resource: str, more: tuple[Any, ...], refuses_beyond: bool) -> Response:
        try:
            wanted = read_list(request, resource, "date", more)
        except ParameterError as error:
            return answer_parameter_error(error)
        return answer_list(self.office.records, wanted, refuses_beyond)

    def get_page(self, request: Request, body: bytes) -> Response:
        """One page."""
        row = self.office.records.get("wordpress_pages", str(request.path_params["id"]))
        return json_text(row.payload) if row else answer_error(404, "rest_post_invalid_id", "Invalid post ID.")

    def create_page(self, request: Request, body: bytes) -> Response:
        """A new page: 201 and where it is."""
        try:
            asked = _read_page(body)
        except ParameterError as error:
            return answer_parameter_error(error)
        with self.office.records.lock:
            page = self._new_page(asked)
            self._keep(page, page["id"])
        return JsonResponse(page, 201, {"Location": f"{request.url}/{page['id']}"})

    def change_page(self, request: Request, body: bytes) -> Response:
        """Change the title, the content or the status of a page."""
        try:
            asked = _read_page(body)
        except ParameterError as error:
            return answer_parameter_error(error)
        with self.office.records.lock:
            row = self.office.records.get("wordpress_pages", str(request.path_params["id"]))
            if row is None:
                return answer_error(404, "rest_post_invalid_id", "Invalid post ID.")
            moment = self.office.now().strftime("%Y-%m-%dT%H:%M:%S")
            page = row.load() | _given(asked) | {"modified": moment, "modified_gmt": moment}
            self._keep(page, page["id"], row)
        return JsonResponse(page)

    def _new_page(self, asked: dict[str, Any]) -> dict[str, Any]:
        newest = self.office.records.page(Wanted("wordpress_pages", descending=True, limit=1))
        number = int(newest[0].record_id) + 1 if newest else 1
        title = str(_text_of(asked.get("title", "")))
        slug = self._free_slug(_slug(str(asked.get("slug") or title or number)))
        moment = self.office.now().strftime("%Y-%m-%dT%H:%M:%S")
        page = {
            "id": number, "date": moment, "date_gmt": moment, "modified": moment, "modified_gmt": moment,
            "slug": slug, "status": "draft", "type": "page", "link": f"https://www.shop.example/{slug}/",
            "title": {"rendered": title}, "content": {"rendered": "", "protected": False},
            "excerpt": {"rendered": "", "protected": False}, "author": 1, "featured_media": 0, "parent": 0,
            "menu_order": 0, "comment_status": "closed", "ping_status": "closed", "template": "", "meta": {},
        }  # fmt: skip
        return page | _given(asked)

    def _free_slug(self, slug: str) -> str:
        """The slug, with a number when it is taken."""
        known = self.office.records.page(Wanted("wordpress_pages", limit=100_000))
        taken = {row.load()["slug"] for row in known}
        names = [slug, *(f"{slug}-{number}" for number in range(2, len(taken) + 3))]
        return next(name for name in names if name not in taken)

    def _keep(self, page: dict[str, Any], number: int, older: Row | None = None) -> None:
        now = self.office.now()
        created = older.created_at if older else now
        self.office.records.put("wordpress_pages", [Row(str(number), created, now, orjson.dumps(page).decode())])


def _read_page(body: bytes) -> dict[str, Any]:
    try:
        asked = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as error:
        raise ParameterError("body", "Invalid JSON body passed.") from error
    if not isinstance(asked, dict) or asked.get("status", "draft") not in STATUSES:
        raise ParameterError("status", f"status is not one of {', '.join(STATUSES)}.")
    return asked


def _given(asked: dict[str, Any]) -> dict[str, Any]:
    """What a client may set, in the form that the API answers."""
    given: dict[str, Any] = {name: asked[name] for name in ("status", "parent", "template", "meta") if name in asked}
    for name in ("title", "content", "excerpt"):
        if name in asked:
            given[name] = {"rendered": _text_of(asked[name])} | ({} if name == "title" else {"protected": False})
    return given


def _text_of(value: Any) -> Any:
    return value.get("raw", value.get("rendered", "")) if isinstance(value, dict) else value


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "page"
