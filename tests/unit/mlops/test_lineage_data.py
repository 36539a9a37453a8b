"""Which versions used some data: manifests answer, and SageMaker's own lineage is held against them."""

from __future__ import annotations

import importlib.util
import json
import sys

import pytest

from mlops import lineage_data
from mlops.__main__ import main
from mlops.cdk import ROOT
from mlops.lineage_data import Use
from tests.unit.mlops.evidenced import DATA, Evidenced
from tests.unit.mlops.manifests import manifest

SNAPSHOT = f"s3://{DATA}/loan_approval/snapshots/until=2002-12-31/"
OTHER = f"s3://{DATA}/loan_approval/snapshots/until=2003-12-31/"
ARTIFACT = "arn:artifact/data"


def other(version: int) -> dict[str, object]:
    told = manifest(version)
    for each in told["data"]["inputs"]:
        each["uri"] = OTHER
        for thing in each["objects"]:
            thing["key"] = thing["key"].replace("2002", "2003")
    told["data"]["sha256"] = "77" * 32
    return told


@pytest.fixture
def kept(evidenced: Evidenced) -> Evidenced:
    """Versions 2 and 3 learned from the snapshot, 4 from another one."""
    for told in (manifest(2), manifest(3), other(4)):
        evidenced.keep(told)
    return evidenced


def package_artifact(version: int) -> str:
    return str(manifest(version)["lineage"]["package_artifact"])


@pytest.mark.parametrize(
    ("wanted", "versions"),
    [
        (SNAPSHOT, [2, 3]),
        (SNAPSHOT.rstrip("/"), [2, 3]),
        (f"{SNAPSHOT}loans.csv.gz", [2, 3]),
        (f"s3://{DATA}/loan_approval/", [2, 3, 4]),
        (f"s3://{DATA}/", [2, 3, 4]),
        (f"{SNAPSHOT}loans", []),  # no beginning of a name: a prefix ends in a slash
        ("s3://elsewhere/", []),
        ("9f" * 32, [2, 3]),
        ("9f" * 8, [2, 3]),
        ("00" * 32, []),
    ],
)
def test_a_place_a_file_or_a_digest_is_found_in_the_manifests(
    kept: Evidenced, wanted: str, versions: list[int]
) -> None:
    found = lineage_data.find([kept.world.target], wanted)
    assert ([use.version for use in found.uses], found.versions) == (versions, 3)
    assert not found.known and found.disagreements == ()


@pytest.mark.parametrize("wanted", ["loans.csv", "9f9f", "9F" * 32, "https://x/"])
def test_what_is_neither_is_refused(kept: Evidenced, wanted: str) -> None:
    assert main(["lineage", "--data", wanted]) == 2


def test_sagemaker_agrees_where_its_lineage_reaches_the_same_packages(kept: Evidenced) -> None:
    kept.sagemaker.artifacts = {ARTIFACT: SNAPSHOT}
    kept.sagemaker.down = {ARTIFACT: ["arn:x", package_artifact(2), "arn:y", package_artifact(3)]}
    found = lineage_data.find([kept.world.target], SNAPSHOT)
    assert found.known and found.disagreements == ()


def test_data_are_asked_for_in_the_state_that_the_record_keeper_names(kept: Evidenced) -> None:
    spec = importlib.util.spec_from_file_location("keeper_lineage", ROOT / "lambdas/record_keeper/lineage.py")
    assert spec and spec.loader
    keeper = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(keeper)
    noted = {each.uri for each in keeper.lineage(manifest(3), "base", "arn").entities if each.type == "DataSet"}
    assert noted and noted < set(lineage_data.sources(manifest(3), f"{SNAPSHOT}loans.csv.gz"))
    kept.sagemaker.artifacts = {ARTIFACT: noted.pop()}
    kept.sagemaker.down = {ARTIFACT: [package_artifact(2), package_artifact(3)]}
    for wanted in (SNAPSHOT, f"{SNAPSHOT}loans.csv.gz", "9f" * 32):
        found = lineage_data.find([kept.world.target], wanted)
        assert found.known and found.disagreements == ()


def test_either_side_alone_is_a_disagreement(kept: Evidenced) -> None:
    kept.sagemaker.artifacts = {ARTIFACT: SNAPSHOT}
    kept.sagemaker.down = {ARTIFACT: [package_artifact(3), package_artifact(4)]}
    assert lineage_data.find([kept.world.target], SNAPSHOT).disagreements == (
        "loan-approval version 2: used it by its manifest, but not by SageMaker's lineage",
        "loan-approval version 4: used it by SageMaker's lineage, but not by its manifest",
    )


def test_a_manifest_without_an_artifact_is_no_agreement() -> None:
    (told,) = lineage_data.disagreements([Use("m", 1, ("s3://x/",))], {}, set())
    assert "names no artifact" in told


def test_the_command_names_the_versions_and_what_sagemaker_says(
    kept: Evidenced, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lineage", "--data", f"{SNAPSHOT}loans.csv.gz"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{SNAPSHOT}loans.csv.gz: used by 2 of 3 versions, in 1 model",
        "  loan-approval        version 2",
        f"{'':25}{SNAPSHOT}loans.csv.gz",
        "  loan-approval        version 3",
        f"{'':25}{SNAPSHOT}loans.csv.gz",
        "SageMaker's lineage knows no artifact of this data, so it can neither agree nor disagree",
    ]
    kept.sagemaker.artifacts = {ARTIFACT: SNAPSHOT}
    assert main(["lineage", "--data", SNAPSHOT, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [use["version"] for use in answer["used_by"]] == [2, 3]
    assert len(answer["disagreements"]) == 2
