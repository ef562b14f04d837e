"""What is asked of a server, in its own dialect."""

import json

import pytest

from schemas.entities import ENTITY_TYPES
from tests.support.model_calls import a_call
from worker_service.providers import Rejection
from worker_service.providers.anthropic import Anthropic
from worker_service.providers.chat_completions import ChatCompletions
from worker_service.providers.dialect import Dialect
from worker_service.providers.json_schema import grammar, strict
from worker_service.providers.ollama import Ollama
from worker_service.providers.request_form import (
    AnswerFormat,
    OutputLimit,
    RequestForm,
    ResponseMode,
    SystemRole,
)

SCHEMA = ENTITY_TYPES["sentence"].entity.model_json_schema()

WHOLE = RequestForm(response=ResponseMode.WHOLE)

each_dialect = pytest.mark.parametrize("dialect", [ChatCompletions(), Ollama()], ids=str)


def test_chat_completions_are_asked_for_json_of_the_strict_schema():
    body = ChatCompletions().body(a_call(), model="m", form=RequestForm())

    assert body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "sentence", "strict": True, "schema": strict(SCHEMA)},
    }
    assert (body["model"], body["stream"]) == ("m", True)
    assert body["stream_options"] == {"include_usage": True}


def test_a_router_may_be_told_more():
    dialect = ChatCompletions(extra={"provider": {"require_parameters": True}})

    body = dialect.body(a_call(), model="m", form=WHOLE)

    assert body["provider"] == {"require_parameters": True}
    assert not {"stream", "stream_options"} & {*body}


def test_ollama_is_given_a_grammar_and_shows_it_to_the_model():
    body = Ollama().body(a_call(), model="m", form=RequestForm(response=ResponseMode.STREAMED))

    assert body["format"] == grammar(SCHEMA)
    assert body["stream"] is True
    assert json.dumps(grammar(SCHEMA), ensure_ascii=False) in body["messages"][0]["content"]


@each_dialect
def test_the_first_call_holds_the_prompt_alone(dialect: Dialect):
    call = a_call("la mer")

    messages = dialect.body(call, model="m", form=WHOLE)["messages"]

    assert [message["role"] for message in messages] == ["system", "user"]
    assert messages[0]["content"].startswith(call.prompt.system)
    assert messages[1]["content"] == call.prompt.user


@each_dialect
def test_a_rejected_answer_is_shown_cleaned_and_cut(dialect: Dialect):
    rejection = Rejection(text="a\x00\ud800" + "x" * 100_000, reason="it is no JSON \x00 $x")

    body = dialect.body(a_call(rejection=rejection), model="m", form=WHOLE)

    *_, answer, request = body["messages"]
    assert (answer["role"], request["role"]) == ("assistant", "user")
    assert len(answer["content"]) < 10_000
    assert "it is no JSON � $x" in request["content"]
    json.dumps(body, ensure_ascii=False).encode()


@each_dialect
def test_an_empty_answer_is_not_shown(dialect: Dialect):
    call = a_call(rejection=Rejection(text=" \n", reason="it calls a tool"))

    messages = dialect.body(call, model="m", form=WHOLE)["messages"]

    assert [message["role"] for message in messages] == ["system", "user"]
    assert messages[1]["content"].startswith(call.prompt.user)
    assert "it calls a tool" in messages[1]["content"]


@each_dialect
def test_without_a_system_role_its_part_begins_the_users_message(dialect: Dialect):
    call = a_call()

    messages = dialect.body(call, model="m", form=RequestForm(system=SystemRole.USER))["messages"]

    assert [message["role"] for message in messages] == ["user"]
    assert messages[0]["content"].startswith(call.prompt.system)
    assert messages[0]["content"].endswith(call.prompt.user)


@pytest.mark.parametrize(
    ("answer_format", "asked", "is_shown"),
    [
        (
            AnswerFormat.SCHEMA,
            {
                "type": "json_schema",
                "json_schema": {"name": "sentence", "schema": strict(SCHEMA)},
            },
            False,
        ),
        (AnswerFormat.JSON_OBJECT, {"type": "json_object"}, True),
        (AnswerFormat.PROMPT, None, True),
    ],
)
def test_a_schema_that_is_not_enforced_is_shown(
    answer_format: AnswerFormat, asked: object, *, is_shown: bool
):
    form = RequestForm(format=answer_format)

    body = ChatCompletions().body(a_call(), model="m", form=form)

    assert body.get("response_format") == asked
    shown = json.dumps(strict(SCHEMA), ensure_ascii=False)
    assert (shown in body["messages"][0]["content"]) is is_shown


def test_the_output_is_limited_by_the_name_that_the_server_takes():
    dialect = ChatCompletions(max_output_tokens=300)
    first = dialect.ladder.first()
    other = RequestForm(limit=OutputLimit.MAX_COMPLETION_TOKENS)

    assert dialect.body(a_call(), model="m", form=first)["max_tokens"] == 300
    assert dialect.body(a_call(), model="m", form=other)["max_completion_tokens"] == 300
    assert "max_tokens" not in ChatCompletions().body(a_call(), model="m", form=WHOLE)


def test_anthropic_is_told_the_system_beside_the_messages_and_a_schema():
    call = a_call()
    dialect = Anthropic()

    body = dialect.body(call, model="m", form=dialect.ladder.first())

    assert body["system"] == call.prompt.system
    assert body["messages"] == [{"role": "user", "content": call.prompt.user}]
    schema = {"type": "json_schema", "schema": strict(SCHEMA)}
    assert body["output_config"] == {"format": schema}
    assert (body["max_tokens"], body["stream"]) == (8192, True)


def test_anthropic_that_takes_no_schema_is_shown_it():
    form = RequestForm(format=AnswerFormat.PROMPT, response=ResponseMode.WHOLE)

    body = Anthropic().body(a_call(), model="m", form=form)

    assert "output_config" not in body
    assert json.dumps(strict(SCHEMA), ensure_ascii=False) in body["system"]
    assert body["stream"] is False


def test_each_dialect_names_the_key_in_its_own_way():
    assert ChatCompletions().headers("sk-1") == {"Authorization": "Bearer sk-1"}
    assert Ollama().headers(None) == {}
    assert Anthropic().headers("sk-1")["x-api-key"] == "sk-1"
    assert {*Anthropic().headers(None)} == {"anthropic-version"}
