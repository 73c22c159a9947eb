"""Under test: a discount code has one owner for ever, whoever asks at the same time; too few codes stop the start."""

from __future__ import annotations

import itertools
import threading

import pytest
import sqlalchemy as sa
from sending_fixtures import NOON

from dmat.errors import ConflictError, InvalidInputError, NotFoundError
from dmat.messages.code_patterns import ALPHABET, Pattern
from dmat.messages.codes import (
    CodesExhaustedError,
    add_codes,
    check_room,
    codes_in_csv,
    create_pool,
    get_pool,
    release_returned,
    return_codes,
    take_codes,
)
from dmat.store.tables import audit


def make_pool(store, count=0, pattern=""):
    with store.write() as connection:
        create_pool(connection, "spring", "Spring", "ann@shop.example", NOON, pattern)
        if count:
            add_codes(connection, "spring", [f"CODE-{n:04d}" for n in range(count)], "ann@shop.example", NOON)


def take(store, people, occasion="campaign:1/1"):
    with store.write() as connection:
        return take_codes(connection, "spring", people, occasion, NOON)


def test_every_person_gets_a_code_of_their_own(both_stores):
    make_pool(both_stores, 10)
    codes = take(both_stores, range(1, 9))
    assert len(set(codes.values())) == 8
    assert set(codes) == set(range(1, 9))


def test_taking_twice_for_one_occasion_gives_the_same_codes(both_stores):
    make_pool(both_stores, 10)
    first = take(both_stores, [1, 2, 3])
    assert take(both_stores, [3, 2, 1, 4])[2] == first[2]
    with both_stores.read() as connection:
        assert get_pool(connection, "spring").taken == 4


def test_another_occasion_gives_another_code(both_stores):
    make_pool(both_stores, 10)
    assert take(both_stores, [1])[1] != take(both_stores, [1], "campaign:2/1")[1]


def test_many_who_ask_at_once_never_get_the_same_code(both_stores):
    make_pool(both_stores, 200)
    found, failures = [], []

    def ask(number):
        try:
            found.append(take(both_stores, range(number * 25, number * 25 + 25), f"campaign:{number}/1"))
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert failures == []
    codes = [code for each in found for code in each.values()]
    assert len(codes) == len(set(codes)) == 200


def test_a_pool_with_too_few_codes_says_how_many_are_missing_and_gives_none(both_stores):
    make_pool(both_stores, 3)
    with pytest.raises(CodesExhaustedError, match="add 2 codes"):
        take(both_stores, range(5))
    with both_stores.read() as connection:
        assert get_pool(connection, "spring").free == 3
        with pytest.raises(CodesExhaustedError, match="3 codes left and 5 people"):
            check_room(connection, "spring", 5)


def test_a_code_that_another_pool_has_is_not_added_again(both_stores):
    make_pool(both_stores, 2)
    with both_stores.write() as connection:
        create_pool(connection, "autumn", "Autumn", "ann@shop.example", NOON)
        assert add_codes(connection, "autumn", ["CODE-0001", "NEW", "NEW"], "ann@shop.example", NOON) == (1, 2)


def test_returned_codes_are_given_again_only_when_somebody_says_so(both_stores):
    make_pool(both_stores, 2)
    taken = take(both_stores, [1, 2])
    with both_stores.write() as connection:
        assert return_codes(connection, "campaign:1/1", [1], NOON) == 1
    with pytest.raises(CodesExhaustedError):
        take(both_stores, [3])
    with both_stores.write() as connection:
        assert release_returned(connection, "spring", "ann@shop.example", NOON) == 1
        actions = [row[0] for row in connection.execute(sa.select(audit.c.action))]
    assert take(both_stores, [3])[3] == taken[1]
    assert "returned codes released" in actions


def test_a_returned_code_goes_back_to_its_own_person_who_is_planned_again(both_stores):
    make_pool(both_stores, 2)
    taken = take(both_stores, [1])
    with both_stores.write() as connection:
        return_codes(connection, "campaign:1/1", [1], NOON)
    assert take(both_stores, [1]) == taken
    with both_stores.read() as connection:
        assert get_pool(connection, "spring").returned == 0


def test_a_pattern_makes_as_many_codes_as_are_needed(both_stores):
    make_pool(both_stores, pattern="SPRING-######")
    codes = take(both_stores, range(300))
    assert len(set(codes.values())) == 300
    assert all(Pattern.read("SPRING-######").is_right(code) for code in codes.values())


def test_the_check_character_notices_a_wrong_sign_and_exchanged_neighbours():
    pattern = Pattern.read("A-#####-###")
    for code in pattern.make(40):
        places = [place for place, mark in enumerate(pattern.text) if mark == "#"]
        for place in places:
            for sign in ALPHABET:
                wrong = f"{code[:place]}{sign}{code[place + 1 :]}"
                assert pattern.is_right(wrong) == (sign == code[place])
        for one, other in itertools.pairwise(places):
            signs = list(code)
            signs[one], signs[other] = signs[other], signs[one]
            assert pattern.is_right("".join(signs)) == (code[one] == code[other])


@pytest.mark.parametrize("pattern", ["SPRING", "SPRING-####", "spring-#####", "#" * 21, "A{}#####", "Ä-######"])
def test_a_pattern_that_is_too_short_or_has_other_signs_is_refused(pattern):
    with pytest.raises(InvalidInputError):
        Pattern.read(pattern)


def test_what_is_not_there_and_what_is_there_already_are_errors(both_stores):
    make_pool(both_stores, 1)
    with both_stores.write() as connection:
        with pytest.raises(ConflictError):
            create_pool(connection, "spring", "Again", "ann@shop.example", NOON)
        with pytest.raises(NotFoundError):
            take_codes(connection, "winter", [1])


def test_an_uploaded_file_has_one_column_or_one_called_code():
    assert codes_in_csv("\ufeffA1\nB2\n\n") == ["A1", "B2"]
    assert codes_in_csv("id,Code\n1,A1\n2, B2 \n") == ["A1", "B2"]
    with pytest.raises(InvalidInputError, match="no column is called code"):
        codes_in_csv("id,name\n1,x\n")
    with pytest.raises(InvalidInputError, match="no code"):
        codes_in_csv("code\n\n")
