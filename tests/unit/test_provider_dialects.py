"""What is asked of a server, in its own dialect."""

import json

import pytest

from schemas.entities import ENTITY_TYPES
from tests.support.model_calls import a_call
from worker_service.providers import Rejection
from worker_service.providers.chat_completions import ChatCompletions
from worker_service.providers.dialect import Dialect, ResponseMode
from worker_service.providers.json_schema import grammar, strict
from worker_service.providers.ollama import Ollama

SCHEMA = ENTITY_TYPES["sentence"].entity.model_json_schema()

each_dialect = pytest.mark.parametrize("dialect", [ChatCompletions(), Ollama()], ids=str)


def test_chat_completions_are_asked_for_json_of_the_strict_schema():
    body = ChatCompletions().body(a_call(), model="m", mode=ResponseMode.STREAMED_AND_COUNTED)

    assert body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "sentence", "strict": True, "schema": strict(SCHEMA)},
    }
    assert (body["model"], body["stream"]) == ("m", True)
    assert body["stream_options"] == {"include_usage": True}


def test_a_router_may_be_told_more():
    dialect = ChatCompletions(extra={"provider": {"require_parameters": True}})

    body = dialect.body(a_call(), model="m", mode=ResponseMode.WHOLE)

    assert body["provider"] == {"require_parameters": True}
    assert not {"stream", "stream_options"} & {*body}


def test_ollama_is_given_a_grammar_and_shows_it_to_the_model():
    body = Ollama().body(a_call(), model="m", mode=ResponseMode.STREAMED)

    assert body["format"] == grammar(SCHEMA)
    assert body["stream"] is True
    assert json.dumps(grammar(SCHEMA), ensure_ascii=False) in body["messages"][0]["content"]


@each_dialect
def test_the_first_call_holds_the_prompt_alone(dialect: Dialect):
    call = a_call("la mer")

    messages = dialect.body(call, model="m", mode=ResponseMode.WHOLE)["messages"]

    assert [message["role"] for message in messages] == ["system", "user"]
    assert messages[0]["content"].startswith(call.prompt.system)
    assert messages[1]["content"] == call.prompt.user


@each_dialect
def test_a_rejected_answer_is_shown_cleaned_and_cut(dialect: Dialect):
    rejection = Rejection(text="a\x00\ud800" + "x" * 100_000, reason="it is no JSON \x00 $x")

    body = dialect.body(a_call(rejection=rejection), model="m", mode=ResponseMode.WHOLE)

    *_, answer, request = body["messages"]
    assert (answer["role"], request["role"]) == ("assistant", "user")
    assert len(answer["content"]) < 10_000
    assert "it is no JSON � $x" in request["content"]
    json.dumps(body, ensure_ascii=False).encode()
