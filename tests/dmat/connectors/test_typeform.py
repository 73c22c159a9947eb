"""Under test: what Typeform's webhook tells, as the fields of a form of our own."""

from __future__ import annotations

import pytest

from dmat.connectors.typeform import is_response, read_response
from dmat.errors import InvalidInputError

BODY = {
    "event_id": "01H5", "event_type": "form_response",
    "form_response": {
        "form_id": "r7kCCJJp", "token": "a3a12ec6", "submitted_at": "2026-03-10T12:00:00Z",
        "hidden": {"client_id": "111.222", "utm_source": "linkedin"},
        "definition": {"id": "r7kCCJJp", "title": "Demo", "fields": [
            {"id": "q1", "ref": "01H531GWT0DN41H4C16PFP05NS", "type": "short_text", "title": "First name"},
            {"id": "q2", "ref": "01H531GWVKAT474T5MS32VKKS9", "type": "email", "title": "Where may we write to?"},
            {"id": "q3", "ref": "company", "type": "short_text", "title": "Who do you work for?"},
        ]},
        "answers": [
            {"type": "text", "text": "Ann", "field": {"id": "q1", "ref": "01H531GWT0DN41H4C16PFP05NS"}},
            {"type": "email", "email": "ann@shop.example", "field": {"id": "q2", "ref": "01H531GWVKAT474T5MS32VKKS9"}},
            {"type": "text", "text": "Shop", "field": {"id": "q3", "ref": "company"}},
            {"type": "phone_number", "phone_number": "+4930123456", "field": {"id": "q4"}},
            {"type": "boolean", "boolean": True, "field": {"id": "q5", "ref": "consent_email"}},
            {"type": "choice", "choice": {"label": "51-200"}, "field": {"id": "q6", "ref": "size"}},
            {"type": "choices", "choices": {"labels": ["Mail", "Texts"]}, "field": {"id": "q7", "ref": "wants"}},
            {"type": "choice", "choice": {"other": "Something else"}, "field": {"id": "q8", "ref": "why"}},
        ],
    },
}  # fmt: skip


def test_answers_come_under_our_names_by_ref_by_title_or_by_kind():
    response = read_response(BODY)
    assert response.token == "a3a12ec6"
    assert response.fields == {
        "client_id": "111.222", "utm_source": "linkedin", "first_name": "Ann", "email": "ann@shop.example",
        "company": "Shop", "phone": "+4930123456", "consent_email": True, "size": "51-200", "wants": "Mail, Texts",
        "why": "Something else",
    }  # fmt: skip


def test_an_answer_does_not_replace_a_hidden_field():
    answer = {"type": "text", "text": "999.999", "field": {"id": "q", "ref": "client_id"}}
    body = {"form_response": {"token": "t", "hidden": {"client_id": "111.222"}, "answers": [answer]}}
    assert read_response(body).fields == {"client_id": "111.222"}


def test_only_a_response_is_taken_for_one():
    assert is_response(BODY)
    assert not is_response({"email": "ann@shop.example", "token": "x"})


@pytest.mark.parametrize("found", [
    None, [], {}, {"token": ""}, {"token": 7}, {"token": "t", "answers": {"a": 1}}, {"token": "t", "answers": [1]},
    {"token": "t", "hidden": ["x"]},
])  # fmt: skip
def test_what_is_no_response_names_what_is_allowed(found):
    with pytest.raises(InvalidInputError, match=r"form_response|answers"):
        read_response({"event_type": "form_response", "form_response": found})


def test_answers_without_question_or_value_break_nothing():
    answers = [{"type": "text", "text": "x"}, {"field": {"id": "q"}}, {"type": "choices", "choices": {"labels": "x"}}]
    body = {"form_response": {"token": "t", "answers": answers, "definition": {"fields": [None]}}}
    assert read_response(body).fields == {"text": "x", "q": None, "choices": ""}
