"""A base model's files on their way to the pipeline."""

import pytest

from examples.finetune import put_base
from mlops.cdk import ROOT
from mlops.errors import UsageError


@pytest.fixture
def folder(tmp_path):
    for name in ("config.json", "tokenizer.json", "model.safetensors", "pytorch_model.bin", "README.md"):
        (tmp_path / name).touch()
    return tmp_path


def test_weights_and_tokenizer_go_and_no_pickle_does(folder):
    sent = []

    class Files:
        def upload_file(self, path, bucket, key):
            sent.append((bucket, key))

    put_base.upload(Files(), put_base.wanted(folder), "data", "letters/base")
    assert sent == [("data", f"letters/base/{name}") for name in ("config.json", "model.safetensors", "tokenizer.json")]


def test_a_folder_without_weights_is_refused(folder):
    (folder / "model.safetensors").unlink()
    with pytest.raises(UsageError, match=r"has no \*.safetensors"):
        put_base.wanted(folder)


def test_the_pipeline_reads_them_where_they_are_put():
    definition = (ROOT / "examples" / "finetune" / "message_routing" / "definition.py").read_text()
    assert f'BASE_FOLDER = "{put_base.BASE_FOLDER}"' in definition
