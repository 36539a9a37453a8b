"""Stand-ins for boto3 clients: each method is one call to whoever plays AWS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any


class Client:
    """Stands for a boto3 client of the service."""

    def __init__(self, call: Callable[[str, str, dict[str, Any]], Any], service: str) -> None:
        self.call, self.service = call, service

    def __getattr__(self, method: str) -> Callable[..., Any]:
        return lambda **parameters: self.call(self.service, method, parameters)

    def get_paginator(self, method: str) -> Paginator:
        return Paginator(self, method)

    def copy(self, source: dict[str, str], bucket: str, key: str) -> None:
        """The calls that boto3's managed copy makes for an object that is not large."""
        self.head_object(**source)
        self.copy_object(Bucket=bucket, Key=key, CopySource=f"{source['Bucket']}/{source['Key']}")


@dataclass(frozen=True)
class Paginator:
    """Stands for a boto3 paginator: one call a page, made when the page is asked for."""

    client: Client
    method: str

    def paginate(self, **parameters: Any) -> Iterator[Any]:
        config = parameters.pop("PaginationConfig", {})
        if "PageSize" in config:
            parameters["MaxResults"] = config["PageSize"]
        dynamodb = self.client.service == "dynamodb"
        given, asked = ("LastEvaluatedKey", "ExclusiveStartKey") if dynamodb else ("NextToken", "NextToken")
        page: dict[str, Any] = {given: None}
        while given in page:
            token = {asked: page[given]} if page[given] else {}
            page = self.client.call(self.client.service, self.method, {**parameters, **token})
            yield page
