"""`mlops outcomes`: a file's outcomes are written where the release controller counts them."""

import json
from pathlib import Path
from typing import Any

import pytest

from mlops.__main__ import main
from tests.unit.mlops.world import REGION, World


def written(world: World) -> list[dict[str, Any]]:
    keys = [each["Key"] for each in world.s3.list_objects_v2(Bucket="capture").get("Contents", [])]
    assert all(key.startswith("loan_approval/ground-truth/") for key in keys)
    bodies = [world.s3.get_object(Bucket="capture", Key=key)["Body"].read().decode() for key in keys]
    return [json.loads(line) for body in bodies for line in body.splitlines()]


@pytest.fixture
def bucket(world: World) -> World:
    world.s3.create_bucket(Bucket="capture", CreateBucketConfiguration={"LocationConstraint": REGION})
    return world


def test_outcomes_are_written_and_what_was_written_is_told(
    bucket: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "outcomes.csv"
    file.write_text("record,outcome\nloan-1,0\nloan-2,1\n")
    assert main(["outcomes", str(file)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"2 outcomes of {file} written:"
    assert lines[1].startswith("  s3://capture/loan_approval/ground-truth/")
    assert {each["eventMetadata"]["eventId"]: each["groundTruthData"]["data"] for each in written(bucket)} == {
        "loan-1": "0",
        "loan-2": "1",
    }
    assert main(["outcomes", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["outcomes"] == 2


def test_a_file_that_cannot_be_read_is_a_usage_error_and_writes_nothing(
    bucket: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["outcomes", str(tmp_path / "gone.csv")]) == 2
    assert "gone.csv: cannot be read" in capsys.readouterr().err
    assert written(bucket) == []
