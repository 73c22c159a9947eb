"""Under test: a page is small, and its parts are made once.

The bytes of a whole page, as a browser gets them, are counted in `tests/browser`; here only our part of them.
"""

from __future__ import annotations

import pytest
from bokeh.document import Document
from panel.io.document import _cleanup_doc
from panel.io.state import set_curdoc

from apps.screens import SCREENS
from apps.serve import BUILDERS, prepare_panel
from apps.shell import Shell
from dmat.store.users import User

USER = User(1, "admin@example.com", "Ada Person", "admin")
MOST_MODELS, MOST_HTML = 60, 120_000


@pytest.fixture(scope="module", autouse=True)
def panel():
    prepare_panel()


def open_page(context, entry):
    document = Document()
    with set_curdoc(document):
        shell = Shell(context, entry, USER, BUILDERS[entry.path](context, USER))
        shell.build("light", False).server_doc(document)
        shell.screen.refresh(context.pulse())()
    return document, shell


@pytest.mark.parametrize("entry", SCREENS, ids=lambda entry: entry.title)
def test_a_page_stays_within_its_budget_of_models_and_bytes(context, entry):
    document, _ = open_page(context, entry)
    models = list(document.models)
    html = sum(len(model.data.html) for model in models if hasattr(getattr(model, "data", None), "html"))
    _cleanup_doc(document)
    assert len(models) <= MOST_MODELS
    assert 2_000 < html <= MOST_HTML


def test_a_refresh_changes_html_and_never_the_layout(context):
    document, shell = open_page(context, SCREENS[0])
    before = {model.id for model in document.models}
    shell.screen.refresh(context.pulse())()
    assert {model.id for model in document.models} == before
    _cleanup_doc(document)
