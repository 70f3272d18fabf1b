"""Search: what the box of the top bar asks."""

from __future__ import annotations

from dataclasses import asdict
from itertools import chain
from typing import Any

from apiflask import APIBlueprint

from database.services.search import Hit
from database.web.api.search_schemas import SearchOut, SearchQuery
from database.web.identity import needs
from database.web.services import services
from database.web.shapes import Shape, moment

bp = APIBlueprint("api_search", __name__, tag="Search")


@bp.get("/search")
@bp.input(SearchQuery, location="query", arg_name="query")
@bp.output(SearchOut)
@needs("read")
def search(query: dict[str, Any]) -> Shape:
    """Scans, samples, queues and instruments that have all of these words"""
    find, archived = services().db.search, query["archived"]
    kinds = [kind.strip() for kind in query["kinds"].split(",") if kind.strip()] or None
    if query["each"]:
        found = find.by_kind(query["q"], kinds, query["limit"], archived=archived)
        return {"items": [_shape(hit) for hit in chain.from_iterable(found.values())], "more": False}
    hits = find(query["q"], kinds, query["limit"] + 1, query["offset"], archived=archived)
    return {
        "items": [_shape(hit) for hit in hits[: query["limit"]]],
        "more": len(hits) > query["limit"],
    }


def _shape(hit: Hit) -> Shape:
    return asdict(hit) | {"created_at": moment(hit.created_at)}
