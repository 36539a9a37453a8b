"""What comes from and goes to S3."""

import io
import json
import tarfile

import pytest

from local_aws.sagemaker import staging

from .conftest import BUCKET


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        (f"{BUCKET}/data/train", ["a.csv", "deep/b.csv", "train.txt", "training/c.csv"]),
        (f"{BUCKET}/data/train/", ["a.csv", "deep/b.csv"]),
        (f"{BUCKET}/data/train/a.csv", ["a.csv"]),
        (f"{BUCKET}/code/9f/validate.py", ["validate.py"]),
    ],
)
def test_a_prefix_takes_every_key_that_starts_with_it(s3, tmp_path, uri, expected):
    for key in ("data/train/a.csv", "data/train/deep/b.csv", "data/train/", "data/train.txt", "data/training/c.csv"):
        s3.objects[f"{BUCKET}/{key}"] = b"x"
    s3.objects[f"{BUCKET}/code/9f/validate.py"] = b"x"
    staging.download(s3, uri, tmp_path)
    assert files(tmp_path) == expected


def test_a_manifest_names_its_keys(s3, tmp_path):
    s3.objects[f"{BUCKET}/data/x/a.csv"] = s3.objects[f"{BUCKET}/data/b.csv"] = b"x"
    s3.objects[f"{BUCKET}/manifest"] = json.dumps([{"prefix": f"{BUCKET}/data/"}, "x/a.csv"]).encode()
    staging.download(s3, f"{BUCKET}/manifest", tmp_path, "ManifestFile")
    assert files(tmp_path) == ["x/a.csv"]


def test_nothing_to_download_is_an_error(s3, tmp_path):
    with pytest.raises(staging.NothingFoundError, match="No S3 objects found under S3 URL 's3://bucket/nothing'"):
        staging.download(s3, f"{BUCKET}/nothing", tmp_path)


def test_a_key_cannot_leave_the_folder(s3, tmp_path):
    s3.objects[f"{BUCKET}/data/../../escape"] = b"x"
    with pytest.raises(staging.StagingError, match="cannot become a file"):
        staging.download(s3, f"{BUCKET}/data/", tmp_path)


def test_upload_keeps_relative_paths(s3, tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a").write_text("1")
    (tmp_path / "b").write_text("2")
    staging.upload(s3, tmp_path, f"{BUCKET}/out/")
    assert s3.objects == {f"{BUCKET}/out/deep/a": b"1", f"{BUCKET}/out/b": b"2"}


def test_the_same_files_give_the_same_archive(tmp_path):
    import os

    archives = []
    for number, names in enumerate((["b", "a"], ["a", "b"])):
        folder = tmp_path / str(number)
        (folder / "code").mkdir(parents=True)
        for name in names:
            (folder / "code" / name).write_text(name)
            os.utime(folder / "code" / name, (number, number))
        archives.append(staging.pack(folder, tmp_path / f"{number}.tar.gz").read_bytes())
    assert archives[0] == archives[1]
    staging.unpack(archives[0], tmp_path / "back")
    assert files(tmp_path / "back") == ["code/a", "code/b"]


@pytest.mark.parametrize("filtered", [True, False], ids=["filter", "older Python"])
@pytest.mark.parametrize("name", ["../outside", "inner/../../outside"])
def test_an_archive_cannot_write_outside_its_folder(tmp_path, monkeypatch, name, filtered):
    """Python before 3.11.4 has no extraction filter."""
    if not filtered:
        monkeypatch.delattr(tarfile, "data_filter", raising=False)
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for each in ("good", name):
            member = tarfile.TarInfo(each)
            member.size = 1
            tar.addfile(member, io.BytesIO(b"x"))
    with pytest.raises(staging.StagingError):
        staging.unpack(archive.getvalue(), tmp_path / "in")
    assert not list(tmp_path.glob("outside"))
