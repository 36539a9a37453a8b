"""Stand-ins for boto3 clients: each method is one call to whoever plays AWS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Client:
    """Stands for a boto3 client of the service."""

    call: Callable[[str, str, dict[str, Any]], Any]
    service: str

    def __getattr__(self, method: str) -> Callable[..., Any]:
        return lambda **parameters: self.call(self.service, method, parameters)

    def get_paginator(self, method: str) -> Paginator:
        return Paginator(self, method)


@dataclass(frozen=True)
class Paginator:
    """Stands for a boto3 paginator: one call a page, made when the page is asked for."""

    client: Client
    method: str

    def paginate(self, **parameters: Any) -> Iterator[Any]:
        config = parameters.pop("PaginationConfig", {})
        if "PageSize" in config:
            parameters["MaxResults"] = config["PageSize"]
        page: dict[str, Any] = {"NextToken": None}
        while "NextToken" in page:
            token = {"NextToken": page["NextToken"]} if page["NextToken"] else {}
            page = getattr(self.client, self.method)(**parameters, **token)
            yield page
