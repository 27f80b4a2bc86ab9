"""/docs: the OpenAPI document as a page that needs nothing but itself."""

from __future__ import annotations

import json
from typing import Any

from isthmus.report import Block, Code, Page, Section, Table, Text

VERBS = ("get", "post")


def docs_page(document: dict[str, Any]) -> str:
    """The page.

    Args:
        document: OpenAPI.

    Example:
        >>> route = {"get": {"summary": "Whether it lives", "responses": {"200": {"description": "It does."}}}}
        >>> "Whether it lives" in docs_page({"info": {"title": "t"}, "paths": {"/health/live": route}})
        True
    """
    routes = [(path, verb, told[verb]) for path, told in document["paths"].items() for verb in VERBS if verb in told]
    lead = "What the service answers. A program reads the same at `/openapi.json`."
    shapes = document.get("components", {}).get("schemas", {})
    parts: list[Block] = [_route(path, verb, told) for path, verb, told in routes]
    parts.append(Section("Shapes", [Code(json.dumps(shapes, indent=1))]))
    return Page(document["info"]["title"], lead, parts).html()


def _route(path: str, verb: str, told: dict[str, Any]) -> Section:
    """One route: what it takes, and what it answers."""
    blocks: list[Block] = [Text(str(told.get("description") or told.get("summary", "")))]
    taken = [[one["name"], one["in"], json.dumps(one.get("schema", {}))] for one in told.get("parameters", ())]
    if taken:
        blocks.append(Table(["parameter", "in", "what it is"], taken, "Parameters"))
    content = told.get("requestBody", {}).get("content", {})
    blocks += [Code(json.dumps(body.get("schema", {}), indent=1)) for body in content.values()]
    answers = [[status, str(one.get("description", ""))] for status, one in told["responses"].items()]
    blocks.append(Table(["status", "when"], answers, "Answers"))
    return Section(f"{verb.upper()} {path}", blocks)
