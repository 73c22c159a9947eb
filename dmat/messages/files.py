"""A template as the text of a file: YAML with the card, variables and parts; the same for starters and exports.

Belongs here: reading and writing that text. Stays out: folders of files and what applying them does (`as_code.py`).
"""

from __future__ import annotations

from typing import Any

import yaml

from dmat.errors import InvalidInputError
from dmat.messages.contents import checked_content, checked_kind
from dmat.messages.records import Template
from dmat.messages.rows import clean_card, clean_key

ORDER = ("key", "name", "description", "channel", "kind", "folder", "tags", "variables", "locales", "blocks")
NEEDED = ("key", "name", "channel", "kind", "locales")


class _Dumper(yaml.SafeDumper):
    """YAML in which texts of several lines stay readable."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def write_template(template: Template) -> str:
    """A template as the text of its file; what is empty is left out."""
    document: dict[str, Any] = {name: getattr(template, name) for name in ORDER[:6]}
    document |= {"tags": list(template.tags), **template.content.as_document()}
    kept = {name: document[name] for name in ORDER if document[name] not in ("", [], {})}
    return yaml.dump(kept, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def read_template(text: str, place: str) -> Template:
    """The template that a file's text describes.

    Raises:
        InvalidInputError: it is not YAML, a word is missing or unknown, or its content cannot be.
    """
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InvalidInputError(place, f"this is not YAML: {error}"[:300]) from None
    if not isinstance(document, dict) or set(document) - set(ORDER) or set(NEEDED) - set(document):
        raise InvalidInputError(
            place, "this is not a template", f"needs {', '.join(NEEDED)}; may have {', '.join(ORDER)}"
        )
    checked_kind(document["channel"], document["kind"])
    content = {name: document[name] for name in ("variables", "locales", "blocks") if name in document}
    card = clean_card(
        **{name: document[name] for name in ("name", "description", "folder", "tags") if name in document}
    )
    card["tags"] = tuple(card.get("tags", ()))
    return Template(
        key=clean_key(document["key"]), channel=document["channel"], kind=document["kind"], version=1,
        content=checked_content(document["channel"], content), **card,
    )  # fmt: skip
