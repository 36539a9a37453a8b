"""The S3 in memory answers as moto's does, in what steps ask of it."""

import boto3
import pytest
from botocore.exceptions import ClientError, ParamValidationError
from moto import mock_aws

from .buckets import Buckets


@pytest.fixture(params=["memory", "moto"])
def s3(request):
    if request.param == "memory":
        yield Buckets({"capture": {}})
        return
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="capture")
        yield client


def code_of(error):
    return error.value.response["Error"]["Code"]


def test_what_was_put_is_got_whole_and_in_parts(s3):
    s3.put_object(Bucket="capture", Key="a/b", Body="né".encode(), ContentType="text/plain")
    assert s3.get_object(Bucket="capture", Key="a/b")["Body"].read() == "né".encode()
    body = s3.get_object(Bucket="capture", Key="a/b")["Body"]
    assert [body.read(2), body.read(2), body.read(2)] == [b"n\xc3", b"\xa9", b""]
    body.close()


def test_a_missing_object_is_refused_by_its_code(s3, tmp_path):
    with pytest.raises(s3.exceptions.ClientError) as got:
        s3.get_object(Bucket="capture", Key="gone")
    assert code_of(got) == "NoSuchKey"
    with pytest.raises(ClientError) as loaded:
        s3.download_file("capture", "gone", str(tmp_path / "file"))
    assert code_of(loaded) == "404"
    assert not (tmp_path / "file").exists()


def test_objects_are_listed_by_prefix_in_the_order_of_their_bytes(s3):
    for key in ("b/é", "b/z", "b/Z", "a/1", "b/😀", "b/￿"):
        s3.put_object(Bucket="capture", Key=key, Body=b"xyz")
    (page,) = s3.get_paginator("list_objects_v2").paginate(Bucket="capture", Prefix="b/")
    listed = [(each["Key"], each["Size"]) for each in page["Contents"]]
    assert listed == [(key, 3) for key in ("b/Z", "b/z", "b/é", "b/￿", "b/😀")]
    assert [each["Key"] for each in s3.list_objects_v2(Bucket="capture", MaxKeys=1)["Contents"]] == ["a/1"]
    assert "Contents" not in s3.list_objects_v2(Bucket="capture", Prefix="c")


def test_files_come_and_go_and_a_deleted_object_is_gone(s3, tmp_path):
    (tmp_path / "given").write_bytes(b"model")
    s3.upload_file(str(tmp_path / "given"), "capture", "model")
    s3.download_file("capture", "model", str(tmp_path / "taken"))
    assert (tmp_path / "taken").read_bytes() == b"model"
    for _ in range(2):
        s3.delete_object(Bucket="capture", Key="model")
    assert "Contents" not in s3.list_objects_v2(Bucket="capture")


def test_parameters_that_s3_does_not_take_are_refused(s3):
    for given in ({"Kind": "text"}, {"ContentType": 5}):
        with pytest.raises(ParamValidationError):
            s3.put_object(Bucket="capture", Key="a", Body=b"", **given)
