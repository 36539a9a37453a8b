"""Documents in S3: what is missing is None, what may not be read is an error."""

import io
from typing import Any

import pytest
from botocore.exceptions import ClientError

from monitoring.store import HTML, Store, read_json, split


class S3:
    """One object; a missing one is denied, as to a role that may list below a prefix only."""

    class exceptions:  # noqa: N801
        ClientError = ClientError

    def __init__(self, body: bytes, *, readable: bool = True) -> None:
        self._body, self._readable = body, readable

    def get_object(self, **request: Any) -> dict[str, Any]:
        if request["Key"] == "there.json" and self._readable:
            return {"Body": io.BytesIO(self._body)}
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "GetObject")

    def put_object(self, **request: Any) -> None:
        self._body = request["Body"]

    def list_objects_v2(self, **request: Any) -> dict[str, Any]:
        keys = [key for key in ("there.json", "there.json.old") if key.startswith(request["Prefix"])]
        return {"Contents": [{"Key": key} for key in keys[: request["MaxKeys"]]]} if keys else {}


def test_a_missing_document_is_none_though_s3_says_access_denied() -> None:
    assert read_json(S3(b"{}"), "bucket", "missing.json") is None
    assert read_json(S3(b'{"a": 1}'), "bucket", "there.json") == {"a": 1}


def test_a_document_that_may_not_be_read_is_an_error() -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        read_json(S3(b"{}", readable=False), "bucket", "there.json")


@pytest.mark.parametrize("body", [b"{", b"", b"\xff", b'{"a": NaN}', b'{"a": -Infinity}'])
def test_what_is_no_json_is_named_with_its_place(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"s3://bucket/there.json: not JSON"):
        read_json(S3(body), "bucket", "there.json")


def test_a_place_that_is_no_s3_uri_is_refused() -> None:
    assert split("s3://bucket/a/b/") == ("bucket", "a/b")
    with pytest.raises(ValueError, match="expected s3://bucket/prefix"):
        split("/tmp/a")


def test_a_text_with_half_a_character_is_written() -> None:
    """JSON can hold a lone surrogate, so a caller can send one; UTF-8 cannot."""
    s3 = S3(b"")
    Store(s3, "bucket", "").write_text("there.json", '"é\ud800"', HTML)
    assert s3.get_object(Key="there.json")["Body"].read().decode() == '"é\\ud800"'
