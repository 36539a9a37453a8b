"""The bank's book as snapshots: what is in one, and what an earlier demo left."""

import gzip
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from mlops.demo import loans

BUCKET = "data"


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket=BUCKET)
        yield client


def keys(s3: Any) -> list[str]:
    return [item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def test_a_snapshot_holds_the_loans_up_to_its_day_and_no_later_one(s3: Any) -> None:
    uri = loans.upload(s3, BUCKET, "loan_approval", "2002-12-31", b"months")
    months, key = keys(s3)
    assert months == key.rpartition("/")[0] + "/bank_months.csv.gz"
    assert uri == f"s3://{BUCKET}/" + key.rpartition("/")[0] + "/"
    assert key.startswith("loan_approval/until=2002-12-31/")
    header, *rows = gzip.decompress(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()).decode().splitlines()
    days = [row.split(",")[header.split(",").index("ApprovalDate")] for row in rows]
    assert max(days) == "2002-12-31"
    assert len(days) == 27 * 600


def test_the_same_day_is_the_same_object(s3: Any) -> None:
    assert len({loans.upload(s3, BUCKET, "loan_approval", "2001-06-30", b"x") for _ in range(2)}) == 1
    assert len({loans.upload(s3, BUCKET, "loan_approval", "2001-06-30", months) for months in (b"x", b"y")}) == 2


def test_a_demo_begins_again_without_the_snapshots_of_its_future(s3: Any) -> None:
    for until in ("2002-12-31", "2003-03-31", "2008-12-31"):
        s3.put_object(Bucket=BUCKET, Key=f"loan_approval/until={until}/x/loans.csv.gz", Body=b"")
    s3.put_object(Bucket=BUCKET, Key="loan_approval/batch/input/file.csv", Body=b"")
    loans.begin_again(s3, BUCKET, "loan_approval", "2002-12-31")
    assert keys(s3) == ["loan_approval/batch/input/file.csv", "loan_approval/until=2002-12-31/x/loans.csv.gz"]


def test_a_loan_knows_when_it_was_charged_off_and_how_old_it_was_then() -> None:
    found = list(loans.approved_in("2003-01", "2003-01"))
    bad = [loan for loan in found if loan.outcome == "1"]
    assert len(found) == 600
    assert bad and all(loan.charged_off >= loan.month and loan.age_days > 0 for loan in bad)
    assert all((loan.charged_off, loan.age_days) == ("", 0) for loan in found if loan.outcome == "0")
