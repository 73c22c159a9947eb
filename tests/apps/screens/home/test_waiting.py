"""Under test: Home tells of open alerts until somebody looks after them."""

from __future__ import annotations

from quarter_world import LAST_WHOLE_DAY

from apps.context import Context
from apps.screens.home.needs import list_needs
from apps.screens.home.waiting import read_waiting
from dmat.alerts.desk import AlertDesk
from dmat.alerts.records import acknowledge, open_alerts


def test_an_alert_is_told_until_somebody_looks_after_it(quarter):
    quarter.publish({LAST_WHOLE_DAY: 6})
    AlertDesk(quarter.settings, quarter.store, quarter.view).look()
    context = Context(quarter.settings, quarter.view, quarter.store)
    needs = list_needs(None, None, context.pulse(), context.now(), read_waiting(context))
    told = {need.what: (need.tone, need.link) for need in needs}
    assert told["Revenue: unusually low on 09 March"] == ("danger", "/alerts")
    assert told["Orders: unusually low on 09 March"] == ("warning", "/alerts")
    for alert in open_alerts(quarter.store):
        acknowledge(quarter.store, quarter.settings.clock, alert.alert_id, "ann@shop.example")
    assert read_waiting(context).alerts == ()
