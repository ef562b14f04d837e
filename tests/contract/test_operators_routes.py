"""The documents of the two ports, where the operators' routes have one of their own."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from fastapi import FastAPI
from jsonschema_rs import Draft202012, Registry, validator_for
from pydantic import ValidationError

from api_service.app import create_app, create_operators_app
from api_service.config import ApiSettings
from api_service.context import AppContext
from tests.contract.test_openapi import an_app, components, operations, references

ADMIN_PORT = 9000
OPERATORS = {"/dead-letters", "/dead-letters/{letter_id}", "/metrics"}
HEALTH = {"/livez", "/readyz"}


def settings(**told: Any) -> ApiSettings:
    return ApiSettings(database_url="postgresql://h/n", kafka_bootstrap_servers="h:1", **told)


def applications(**told: Any) -> tuple[FastAPI, FastAPI]:
    """Return what `API_PORT` and `ADMIN_PORT` serve, before anything is opened."""
    opened = SimpleNamespace(settings=settings(admin_port=ADMIN_PORT, **told), tracer=None)
    context = cast("AppContext", opened)
    return create_app(context), create_operators_app(context)


def test_the_public_document_lists_what_stands_on_its_port_and_the_other_one_the_rest():
    whole = {*an_app().openapi()["paths"]}
    public, operators = (app.openapi() for app in applications())

    assert whole > OPERATORS | HEALTH
    assert {*public["paths"]} == whole - OPERATORS
    assert {*operators["paths"]} == OPERATORS | HEALTH


def test_each_document_is_whole():
    for document in (app.openapi() for app in applications()):
        used = {tag for _, _, operation in operations(document) for tag in operation["tags"]}

        assert [*used - {tag["name"] for tag in document["tags"]}] == []
        assert [tag["name"] for tag in document["tags"] if tag["name"] not in used] == []
        assert {*references(document)} <= {*components(document)}


def test_the_examples_of_the_operators_fit_their_schemas():
    _, operators = applications()
    document = operators.openapi()
    registry = Registry([("urn:api", document)], draft=Draft202012)
    names = ("DeadLetter", "DeadLetterPage", "DeadLetterSummary")

    for name in names:
        whole = {"$ref": f"urn:api#/components/schemas/{name}"}
        validator = validator_for(whole, registry=registry)
        for example in document["components"]["schemas"][name]["examples"]:
            validator.validate(example)


def test_the_operators_routes_stand_under_no_prefix():
    public, operators = applications(api_prefix="/v1", public_url="https://api.example/quiz")

    assert all(path.startswith("/v1/") for path in public.openapi()["paths"])
    assert {*operators.openapi()["paths"]} == OPERATORS | HEALTH


def test_one_address_for_both_ports_is_refused_with_the_setting_to_change():
    with pytest.raises(ValidationError, match="ADMIN_PORT is that of the API, 8000: choose"):
        settings(admin_port=8000)

    assert settings(admin_port=8000, admin_host="10.0.0.1").admin_port == 8000
    assert settings(admin_port=0, api_port=0).admin_port == 0
