"""Builds a SageMaker SDK pipeline where there is no account and no network, and must be none.

Needs the SageMaker SDK 3; only `sdk_pipeline` imports this module, when a model brings a `pipeline.py`.
"""

import contextlib
import io
import logging
import socket
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

from sagemaker.core.config.config_manager import SageMakerConfig
from sagemaker.core.workflow.pipeline_context import PipelineSession

from mlops_constructs.errors import ConstructError
from mlops_constructs.pipeline_context import PipelineContext
from mlops_constructs.sdk_uploads import ACCOUNT, Uploads

_CONFIG = {
    "SchemaVersion": "1.0",
    "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}},
}


def open_session(uploads: Uploads, region: str, context: PipelineContext) -> PipelineSession:
    """A session whose S3 is `uploads` and whose every other service refuses to answer.

    Its default bucket is the artifacts bucket, below the model's prefix.
    """
    bucket = context.artifacts_bucket
    session = PipelineSession(
        boto_session=_Boto(uploads, region),
        default_bucket=bucket,
        default_bucket_prefix=context.model,
        sagemaker_config=_CONFIG,
    )
    session._default_bucket = bucket  # otherwise default_bucket() would look for it in S3 and create it
    upload_data = session.upload_data

    def upload(path: str, *args: Any, **kwargs: Any) -> str:
        uri = str(upload_data(path, *args, **kwargs))
        if Path(path).is_dir():
            uploads.note_folder(uri)
        return uri

    session.upload_data = upload
    return session


@contextlib.contextmanager
def offline(folder: Path) -> Iterator[None]:
    """Inside: relative paths start at `folder`, any connection raises, the SDK's chatter is silent."""
    with (
        contextlib.chdir(folder),
        warnings.catch_warnings(),
        _replaced(socket.socket, "connect", _refuse_address),
        _replaced(socket, "getaddrinfo", _refuse_host),
        _replaced(SageMakerConfig, "validate_sagemaker_config", staticmethod(_validate_once)),
    ):
        warnings.simplefilter("ignore")
        logging.disable(logging.ERROR)
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)


@contextlib.contextmanager
def _replaced(owner: Any, name: str, value: object) -> Iterator[None]:
    inherited = name not in vars(owner)
    before = None if inherited else vars(owner)[name]
    setattr(owner, name, value)
    try:
        yield
    finally:
        if inherited:
            delattr(owner, name)
        else:
            setattr(owner, name, before)


_validate = SageMakerConfig.validate_sagemaker_config


def _validate_once(config: object = None) -> None:
    """The SDK checks a session's configuration each time it looks for a value: nine tenths of a build."""
    if config is not _CONFIG:
        _validate(config)


def _refuse_address(_socket: object, address: object) -> NoReturn:
    raise ConstructError(f"connects to {address}: synth has no network; {_FIX}")


def _refuse_host(host: object, *_: object, **__: object) -> NoReturn:
    raise ConstructError(f"connects to {host}: synth has no network; {_FIX}")


_FIX = "take what only the account knows from the context, or make it a pipeline parameter"


class _Boto:
    """The part of a boto3 session that the SDK uses while it builds a pipeline."""

    def __init__(self, uploads: Uploads, region: str) -> None:
        self.region_name = region
        self._s3 = _S3(uploads)

    def client(self, name: str, *_: Any, **__: Any) -> object:
        return {"s3": self._s3, "sts": _Sts()}.get(name) or _Refuses(name)

    def resource(self, name: str, *_: Any, **__: Any) -> object:
        return self._s3 if name == "s3" else _Refuses(name)


class _Refuses:
    """A service without answers."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, operation: str) -> Callable[..., NoReturn]:
        if operation.startswith("__"):
            raise AttributeError(operation)

        def refuse(*_: object, **__: object) -> NoReturn:
            raise ConstructError(f"calls {self._name}.{operation}: synth has no account; {_FIX}")

        return refuse


class _Sts(_Refuses):
    def __init__(self) -> None:
        super().__init__("sts")

    def get_caller_identity(self) -> dict[str, str]:
        return {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:role/synth"}


class _S3(_Refuses):
    """Client and resource in one: whatever way the SDK uploads, the bytes end in `Uploads`."""

    def __init__(self, uploads: Uploads) -> None:
        super().__init__("s3")
        self._uploads = uploads

    def upload_file(self, Filename: str, Bucket: str, Key: str, **_: Any) -> None:  # noqa: N803 - boto3's names
        self._uploads.put(Bucket, Key, Path(Filename).read_bytes())

    def upload_fileobj(self, Fileobj: Any, Bucket: str, Key: str, **_: Any) -> None:  # noqa: N803
        self._uploads.put(Bucket, Key, Fileobj.read())

    def put_object(self, *, Bucket: str, Key: str, Body: Any = b"", **_: Any) -> dict[str, Any]:  # noqa: N803
        self._uploads.put(Bucket, Key, _bytes(Body))
        return {}

    def get_object(self, *, Bucket: str, Key: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        """The SDK reads again what it has just written; nothing else is there to be read."""
        if not self._uploads.is_object(Bucket, Key):
            raise ConstructError(f"reads s3://{Bucket}/{Key}: synth has no account; {_FIX}")
        return {"Body": io.BytesIO(self._uploads.read(Bucket, Key))}

    def Object(self, bucket_name: str, key: str) -> "_Object":  # noqa: N802
        return _Object(self._uploads, bucket_name, key)

    def Bucket(self, name: str) -> "_Bucket":  # noqa: N802
        return _Bucket(self._uploads, name)


class _Object:
    def __init__(self, uploads: Uploads, bucket: str, key: str) -> None:
        self._uploads, self._bucket, self._key = uploads, bucket, key

    def put(self, Body: Any = b"", **_: Any) -> dict[str, Any]:  # noqa: N803
        self._uploads.put(self._bucket, self._key, _bytes(Body))
        return {}

    def upload_file(self, Filename: str, **_: Any) -> None:  # noqa: N803
        self._uploads.put(self._bucket, self._key, Path(Filename).read_bytes())

    def upload_fileobj(self, Fileobj: Any, **_: Any) -> None:  # noqa: N803
        self._uploads.put(self._bucket, self._key, Fileobj.read())


class _Bucket:
    def __init__(self, uploads: Uploads, name: str) -> None:
        self._uploads, self._name = uploads, name

    def upload_file(self, Filename: str, Key: str, **_: Any) -> None:  # noqa: N803
        self._uploads.put(self._name, Key, Path(Filename).read_bytes())

    def upload_fileobj(self, Fileobj: Any, Key: str, **_: Any) -> None:  # noqa: N803
        self._uploads.put(self._name, Key, Fileobj.read())

    def put_object(self, Key: str, Body: Any = b"", **_: Any) -> None:  # noqa: N803
        self._uploads.put(self._name, Key, _bytes(Body))


def _bytes(body: Any) -> bytes:
    if isinstance(body, str):
        return body.encode()
    return bytes(body) if isinstance(body, bytes | bytearray) else bytes(body.read())
