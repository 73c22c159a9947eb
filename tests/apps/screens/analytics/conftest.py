"""What tests of analytics share: the small world of the metrics, with a store in which reports and notes are kept."""

from __future__ import annotations

import shutil

import pytest

from apps.context import open_context
from apps.screens.analytics.desk import AnalyticsDesk
from dmat.settings import load_settings
from dmat.store.users import User


@pytest.fixture(scope="module")
def figures_context(untouched_metric_home, tmp_path_factory):
    """What all pages share, on figures that one can count by hand; today is 10 March 2026."""
    home = shutil.copytree(untouched_metric_home, tmp_path_factory.mktemp("figures") / "home")
    made = open_context(load_settings(home))
    yield made
    made.store.close()


@pytest.fixture
def desk(figures_context):
    return AnalyticsDesk(figures_context)


@pytest.fixture
def marketer():
    return User(1, "mia@example.com", "Mia", "marketer")


@pytest.fixture
def analyst():
    return User(2, "ali@example.com", "Ali", "analyst")
