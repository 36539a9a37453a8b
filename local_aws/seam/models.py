"""botocore's service models, of which ministack wants to know the protocol only."""

from __future__ import annotations

import functools
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

_HEAD = 4096
_METADATA = '"metadata":'


def read_model_heads() -> None:
    """Let ministack read the beginning of a model for the first answer of a service, not all of it.

    It compares the content type of each answer with the protocol in the model's metadata. To read the whole of the
    models that one deployment meets takes most of a second of each server.
    """
    from ministack.core import responses

    whole = responses._service_model

    @functools.cache
    def model(service: str) -> Any:
        metadata = _metadata(responses._BOTOCORE_NAME.get(service, service))
        return whole(service) if metadata is None else _Head(metadata, lambda: whole(service))

    responses._service_model = model


class _Head:
    """A service model with its metadata; for what else it is asked, the whole is read."""

    def __init__(self, metadata: dict[str, Any], whole: Callable[[], Any]) -> None:
        self.metadata, self._whole = metadata, whole

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whole(), name)


def _metadata(name: str) -> dict[str, Any] | None:
    """Of botocore's newest model of a service; None where there is none, or it does not begin with its metadata."""
    loader = _loader()
    try:
        version = loader.determine_latest_version(name, "service-2")
    except Exception:  # no service of this name: ministack's own way says what follows
        return None
    for folder in loader.search_paths:
        file = Path(folder, name, version, "service-2.json.gz")
        if file.is_file():
            with gzip.open(file, "rt", encoding="utf-8") as text:
                head = text.read(_HEAD)
            try:
                found = json.JSONDecoder().raw_decode(head, head.index(_METADATA) + len(_METADATA))[0]
            except ValueError:
                return None
            return dict(found)
    return None


@functools.cache
def _loader() -> Any:
    from botocore.loaders import create_loader

    return create_loader()
