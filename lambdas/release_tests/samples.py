"""Sample requests and the schema of their responses: `pipeline_code/<model>/samples`, packed by CDK as a zip archive.

`requests.jsonl` holds a request a line: {"instances": [{...}, ...]}. `response.schema.json` is the JSON schema of
every response, in the keywords of response_schema.py.
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass

from response_schema import Schema, SchemaError, check_schema

REQUESTS, SCHEMA = "requests.jsonl", "response.schema.json"


class SamplesError(Exception):
    """The model's samples cannot be used; who owns the model must mend them."""


@dataclass(frozen=True)
class Sample:
    """A request as it is sent, and how many predictions it asks for."""

    body: bytes
    instances: int


@dataclass(frozen=True)
class Samples:
    """At least one request, and what every response must look like."""

    requests: tuple[Sample, ...]
    schema: Schema


def read(archive: bytes) -> Samples:
    """Raises SamplesError naming the file and, in requests.jsonl, the line."""
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as files:
            lines, schema = files.read(REQUESTS).decode(), json.loads(files.read(SCHEMA))
        check_schema(schema)
    except KeyError as error:
        raise SamplesError(f"samples: {error.args[0]}") from None
    except (zipfile.BadZipFile, UnicodeDecodeError) as error:
        raise SamplesError(f"samples: {error}") from None
    except (SchemaError, json.JSONDecodeError) as error:
        raise SamplesError(f"{SCHEMA}: {error}") from None
    requests = tuple(_sample(number, line) for number, line in enumerate(lines.splitlines(), 1) if line.strip())
    if not requests:
        raise SamplesError(f"{REQUESTS}: empty, expected a request a line")
    return Samples(requests, schema)


def _sample(number: int, line: str) -> Sample:
    try:
        instances = len(json.loads(line)["instances"])
    except (ValueError, TypeError, KeyError) as error:
        raise SamplesError(
            f'{REQUESTS} line {number}: {type(error).__name__}: {error}, expected {{"instances": [...]}}'
        ) from None
    if not instances:
        raise SamplesError(f"{REQUESTS} line {number}: instances: empty, expected at least one")
    return Sample(line.encode(), instances)
