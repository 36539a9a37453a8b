"""What makes an SDK pipeline deterministic and deployable; the SDK itself is not needed for any of it."""

import io
import json
import sys
import tarfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

from mlops_constructs import sdk_assets, sdk_pipeline
from mlops_constructs.errors import ConstructError
from mlops_constructs.pipeline_context import PipelineContext
from mlops_constructs.sdk_canonical import (
    ASSETS_BUCKET,
    Substitution,
    clock_readings,
    first_difference,
    with_assets,
    without_nulls,
)
from mlops_constructs.sdk_uploads import ContentStore, Uploads
from mlops_constructs.settings import TrainingSettings

TOKEN = "${{Token[TOKEN.{}]}}"
WHERE = "churn/pipeline.py"


def context() -> PipelineContext:
    return PipelineContext(
        model="churn",
        base_name="mlops-dev-churn",
        role_arn=TOKEN.format(1),
        code_uri=f"s3://{TOKEN.format(2)}/code.tar.gz",
        code_sha256="0" * 64,
        data_bucket=TOKEN.format(3),
        artifacts_bucket=TOKEN.format(4),
        key_arn=TOKEN.format(5),
        package_group="mlops-dev-churn",
        champion_parameter="/mlops/dev/churn/release/champion",
        label_maturity_days=730,
        features={},
        features_workgroup="mlops-local-features",
        features_rows_table="mlops_local_features.churn_rows",
        features_rows_uri="s3://artifacts/churn/feature-rows",
        features_results_uri="s3://artifacts/churn/feature-queries",
        image_uri=lambda framework: f"{TOKEN.format(6)}/{framework}:1",
        built_in=lambda _framework: False,
        settings=TrainingSettings.model_construct(),
    )


def archive(modified: int, *, extra: str = "") -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as target:
        for name in ("train.py", "a/b.py", *([extra] if extra else [])):
            entry = tarfile.TarInfo(name)
            entry.mtime, entry.size = modified, 5
            target.addfile(entry, io.BytesIO(b"pass\n"))
    return packed.getvalue()


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return ContentStore(WHERE, tmp_path / "staging", tmp_path / "churn")


@pytest.fixture
def uploads(tmp_path: Path) -> Uploads:
    return Uploads(tmp_path / "uploads")


class TestSubstitution:
    def test_users_see_no_token_and_the_definition_gets_each_back(self) -> None:
        substitution = Substitution(context())
        seen = substitution.context
        values = {
            "role": seen.role_arn,
            "key": seen.key_arn,
            "data": f"s3://{seen.data_bucket}/raw",
            "output": [f"s3://{seen.artifacts_bucket}/churn/runs"],
            "code": seen.code_uri,
            "image": seen.image_uri("xgboost"),
        }
        assert "Token" not in json.dumps(values)
        assert substitution.undo(WHERE, values) == {
            "role": TOKEN.format(1),
            "key": TOKEN.format(5),
            "data": f"s3://{TOKEN.format(3)}/raw",
            "output": [f"s3://{TOKEN.format(4)}/churn/runs"],
            "code": f"s3://{TOKEN.format(2)}/code.tar.gz",
            "image": f"{TOKEN.format(6)}/xgboost:1",
        }

    def test_values_known_at_synth_stay_as_they_are(self) -> None:
        seen = Substitution(context()).context
        assert (seen.model, seen.package_group, seen.code_sha256) == ("churn", "mlops-dev-churn", "0" * 64)

    @pytest.mark.parametrize(
        "part", [lambda c: c.role_arn.split("/")[-1], lambda c: c.key_arn.split(":")[4], lambda c: c.data_bucket[:20]]
    )
    def test_a_part_of_an_unknown_value_is_refused_with_its_place(self, part: Callable[[Any], str]) -> None:
        substitution = Substitution(context())
        with pytest.raises(
            ConstructError, match=r"^churn/pipeline.py: Steps\[0\].Name: .* use the context's values whole$"
        ):
            substitution.undo(WHERE, {"Steps": [{"Name": part(substitution.context)}]})


class TestContentStore:
    def test_archives_differ_by_their_files_not_by_time(self, store: ContentStore) -> None:
        one, folder = store.add({"sourcedir.tar.gz": archive(1)})
        other, _ = store.add({"sourcedir.tar.gz": archive(1_700_000_000, extra="__pycache__/train.pyc")})
        assert one == other
        assert store.add({"sourcedir.tar.gz": archive(1, extra="more.py")})[0] != one
        with tarfile.open(folder / "sourcedir.tar.gz") as kept:
            assert kept.getnames() == ["a/b.py", "train.py"]
            assert {member.mtime for member in kept.getmembers()} == {0}

    def test_no_path_of_this_machine_is_kept(self, store: ContentStore, tmp_path: Path) -> None:
        written = json.dumps({"source_dir": f"{tmp_path}/churn/code", "root": f"{tmp_path}/churn"})
        _, folder = store.add({"drivers/sourcecode.json": written.encode()})
        kept = json.loads((folder / "drivers" / "sourcecode.json").read_text())
        assert kept == {"source_dir": "code", "root": "."}

    def test_names_are_part_of_the_content(self, store: ContentStore) -> None:
        assert store.add({"a.py": b"x"})[0] != store.add({"b.py": b"x"})[0]

    def test_the_digest_names_the_folder(self, store: ContentStore) -> None:
        digest, folder = store.add({"a.py": b"x"})
        assert folder.name == digest
        assert len(digest) == 64

    def test_an_earlier_synth_leaves_nothing_behind(self, tmp_path: Path) -> None:
        (tmp_path / "staging" / "old").mkdir(parents=True)
        ContentStore(WHERE, tmp_path / "staging", tmp_path).add({"a.py": b"x"})
        assert not (tmp_path / "staging" / "old").exists()

    def test_a_file_cannot_hold_what_only_the_deployment_knows(self, store: ContentStore) -> None:
        bucket = Substitution(context()).context.artifacts_bucket
        with pytest.raises(ConstructError, match=r"^churn/pipeline.py: the uploaded file config.json holds a value"):
            store.add({"config.json": f'{{"output": "s3://{bucket}/x"}}'.encode()})

    def test_what_calls_itself_an_archive_must_be_one(self, store: ContentStore) -> None:
        with pytest.raises(ConstructError, match=r"^churn/pipeline.py: code.tar.gz is no tar archive"):
            store.add({"code.tar.gz": b"text"})


class TestAssets:
    def test_a_file_keeps_its_name_below_its_content(self, store: ContentStore, uploads: Uploads) -> None:
        uploads.put("artifacts", "churn/code-2026-11-21/prepare.py", b"pass")
        uri = "s3://artifacts/churn/code-2026-11-21/prepare.py"
        definition, assets = with_assets(WHERE, {"S3Uri": uri}, uploads, store)
        ((prefix, folder),) = assets.items()
        assert definition == {"S3Uri": f"{prefix}/prepare.py"}
        assert prefix == f"s3://{ASSETS_BUCKET}/{folder.name}"
        assert (folder / "prepare.py").read_bytes() == b"pass"

    def test_a_folder_is_a_prefix(self, store: ContentStore, uploads: Uploads) -> None:
        uploads.put("artifacts", "churn/job-1/code/train.py", b"pass")
        uploads.put("artifacts", "churn/job-1/code/lib/x.py", b"pass")
        uploads.note_folder("s3://artifacts/churn/job-1/code")
        uris = ["s3://artifacts/churn/job-1/code", "s3://artifacts/churn/job-1/code/"]
        definition, assets = with_assets(WHERE, {"S3Uri": uris}, uploads, store)
        ((prefix, folder),) = assets.items()
        assert definition == {"S3Uri": [prefix, f"{prefix}/"]}
        assert sorted(each.relative_to(folder).as_posix() for each in folder.rglob("*.py")) == ["lib/x.py", "train.py"]

    def test_equal_content_is_kept_once(self, store: ContentStore, uploads: Uploads) -> None:
        uploads.put("artifacts", "run-1/x.py", b"pass")
        uploads.put("artifacts", "run-2/x.py", b"pass")
        _, assets = with_assets(
            WHERE, {"a": ["s3://artifacts/run-1/x.py", "s3://artifacts/run-2/x.py"]}, uploads, store
        )
        assert len(assets) == 1

    def test_a_place_for_outputs_above_an_upload_stays(self, store: ContentStore, uploads: Uploads) -> None:
        uploads.put("artifacts", "churn/code/x.py", b"pass")
        uris = {"in": "s3://artifacts/churn/code/x.py", "out": "s3://artifacts/churn"}
        definition, _ = with_assets(WHERE, uris, uploads, store)
        assert definition["out"] == "s3://artifacts/churn"

    def test_an_upload_that_no_argument_names_is_refused(self, store: ContentStore, uploads: Uploads) -> None:
        uploads.put("artifacts", "churn/function.pkl", b"x")
        with pytest.raises(ConstructError, match=r"^churn/pipeline.py: uploads artifacts/churn/function.pkl, which no"):
            with_assets(WHERE, {"Steps": []}, uploads, store)


class TestComparison:
    def test_nulls_go(self) -> None:
        assert without_nulls({"a": None, "b": [{"c": None, "d": 0}]}) == {"b": [{"d": 0}]}

    @pytest.mark.parametrize(
        ("one", "other", "place"),
        [
            ({"a": [1, 2]}, {"a": [1, 3]}, ("a[1]", 2, 3)),
            ({"a": {"b": "x"}}, {"a": {"b": "y"}}, ("a.b", "x", "y")),
            ({"a": [1]}, {"a": [1, 2]}, ("a", [1], [1, 2])),
            ({"a": 1}, {"a": 1}, None),
        ],
    )
    def test_the_first_difference_has_a_place(self, one: object, other: object, place: object) -> None:
        assert first_difference(one, other) == place

    @pytest.mark.parametrize("form", ["%Y-%m-%d-%H-%M-%S", "%Y%m%d%H%M%S", "%Y-%m-%dT%H:%M:%S", "%y%m%d-%H%M", "%s"])
    def test_moments_of_the_build_are_recognized(self, form: str) -> None:
        began = datetime(2026, 11, 21, 23, 59, 59, tzinfo=UTC)
        readings = clock_readings(began, began + timedelta(seconds=2))
        moment = began + timedelta(seconds=1)
        assert (str(int(moment.timestamp())) if form == "%s" else moment.strftime(form)) in readings
        assert (began - timedelta(hours=30)).strftime("%Y%m%d%H%M%S") not in readings


class TestPublish:
    @staticmethod
    def _loaded(outdir: Path) -> sdk_pipeline.LoadedPipeline:
        folder = outdir / "sdk" / "churn" / ("a" * 64)
        (folder / "lib").mkdir(parents=True)
        (folder / "train.py").write_text("pass")
        (folder / "lib" / "__init__.py").write_text("")
        (folder / "Makefile").write_text("")
        prefix = f"s3://{ASSETS_BUCKET}/{folder.name}"
        return sdk_pipeline.LoadedPipeline({"code": prefix, "file": f"{prefix}/train.py"}, {prefix: folder})

    def test_files_are_assets_that_keep_their_names(self, tmp_path: Path) -> None:
        app = cdk.App(outdir=str(tmp_path / "cdk.out"))
        stack = cdk.Stack(app, "Train", env=cdk.Environment(account="111122223333", region="eu-west-1"))
        published = sdk_assets.publish(stack, self._loaded(tmp_path / "cdk.out"))
        assert published.bucket is not None
        cdk.CfnOutput(stack, "Definition", value=stack.to_json_string(published.definition))
        assembly = app.synth()
        template = assembly.get_stack_by_name("Train").template
        bucket = "s3://cdk-hnb659fds-assets-111122223333-eu-west-1"
        written = json.loads(template["Outputs"]["Definition"]["Value"])
        assert written == {"code": f"{bucket}/{'a' * 64}", "file": f"{bucket}/{'a' * 64}/train.py"}
        manifest = json.loads((tmp_path / "cdk.out" / "Train.assets.json").read_text())
        published_files = {
            destination["objectKey"]: file["source"]["path"]
            for file in manifest["files"].values()
            for destination in file["destinations"].values()
            if destination["objectKey"].startswith("a" * 64)
        }
        assert published_files == {
            f"{'a' * 64}/{name}": f"sdk/churn/{'a' * 64}/{name}" for name in ("Makefile", "lib/__init__.py", "train.py")
        }

    def test_a_pipeline_without_code_needs_no_bucket(self, tmp_path: Path) -> None:
        stack = cdk.Stack(cdk.App(outdir=str(tmp_path)), "Train")
        published = sdk_assets.publish(stack, sdk_pipeline.LoadedPipeline({"Steps": []}, {}))
        assert published == sdk_assets.PublishedPipeline({"Steps": []}, None)


class TestLoad:
    def test_a_missing_sdk_is_told_with_its_remedy(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "churn").mkdir()
        (tmp_path / "churn" / "pipeline.py").write_text("")
        for name in [name for name in sys.modules if name.split(".")[0] == "sagemaker"]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.delitem(sys.modules, "mlops_constructs.sdk_session", raising=False)
        monkeypatch.delattr("mlops_constructs.sdk_session", raising=False)
        monkeypatch.setitem(sys.modules, "sagemaker", None)
        with pytest.raises(ConstructError) as error:
            sdk_pipeline.load(tmp_path / "churn", context(), tmp_path / "staging", region="eu-west-1")
        assert str(error.value).startswith("churn/pipeline.py: needs the SageMaker SDK 3 (")
        assert str(error.value).endswith(f"install with: {sdk_pipeline.INSTALL}")
        assert "\n" not in str(error.value)

    def test_the_region_must_be_known(self, tmp_path: Path) -> None:
        with pytest.raises(ConstructError, match=r"^churn/pipeline.py: needs a concrete region"):
            sdk_pipeline.load(tmp_path / "churn", context(), tmp_path, region=TOKEN.format(9))

    def test_there_must_be_a_file(self, tmp_path: Path) -> None:
        with pytest.raises(ConstructError, match=r"^churn/pipeline.py: does not exist$"):
            sdk_pipeline.load(tmp_path / "churn", context(), tmp_path / "staging", region="eu-west-1")
