"""Under test: a rule in the making is counted without the lines that are not finished, and each place is remembered."""

from __future__ import annotations

from apps.screens.segments.pruning import nodes_of, prune

GERMANY = {"field": "country_code", "op": "one_of", "value": ["DE"]}
UNFINISHED = {"field": ""}
BUYERS = {"event": "ordered", "did": True}


def rule(where):
    return {"version": 1, "where": where}


def test_a_finished_rule_stays_as_it_is():
    document = rule({"all": [GERMANY, {"any": [BUYERS, {"not": GERMANY}]}]})
    pruned = prune(document, [])
    assert pruned.document == document
    assert pruned.left_out == []
    assert all(path == place for path, place in pruned.places.items())


def test_a_line_with_a_fault_is_left_out_and_the_others_keep_their_places():
    pruned = prune(rule({"all": [UNFINISHED, GERMANY, BUYERS]}), ["where.all[0].field"])
    assert pruned.document["where"] == {"all": [GERMANY, BUYERS]}
    assert pruned.left_out == ["where.all[0]"]
    assert pruned.places["where.all[0]"] == "where.all[1]"
    assert pruned.places["where.all[1]"] == "where.all[2]"


def test_a_not_around_an_unfinished_line_goes_with_it():
    pruned = prune(rule({"any": [{"not": UNFINISHED}, BUYERS]}), ["where.any[0].not.field"])
    assert pruned.document["where"] == {"any": [BUYERS]}
    assert pruned.left_out == ["where.any[0].not"]


def test_the_tenth_line_is_not_taken_for_the_first():
    lines = [GERMANY] * 12
    pruned = prune(rule({"all": lines}), ["where.all[1].value"])
    assert pruned.left_out == ["where.all[1]"]
    assert len(pruned.document["where"]["all"]) == 11


def test_a_rule_of_which_nothing_is_finished_is_everybody():
    assert prune(rule(UNFINISHED), ["where.field"]).document["where"] == {"all": []}


def test_a_group_of_which_nothing_is_finished_does_not_count_as_nobody():
    pruned = prune(rule({"all": [GERMANY, {"any": [UNFINISHED]}, {"any": []}]}), ["where.all[1].any[0].field"])
    assert pruned.document["where"] == {"all": [GERMANY, {"any": []}]}
    assert pruned.places["where.all[1]"] == "where.all[2]"


def test_every_node_is_found_by_its_path():
    paths = set(nodes_of(rule({"all": [GERMANY, {"not": {"any": [BUYERS]}}]})))
    assert paths == {"where", "where.all[0]", "where.all[1]", "where.all[1].not", "where.all[1].not.any[0]"}
