import pytest

from loan_approval import score
from loan_approval.inference import model_fn
from tabular.serving import RequestError

from .conftest import SPLIT


def test_file_is_scored_as_the_endpoint_would(channels, model_dir, parts, tmp_path):
    output = tmp_path / "probabilities.csv"
    arguments = ["--input", str(channels / "test" / "test.csv"), "--output", str(output), "--model-dir", str(model_dir)]
    score.main(arguments)
    header, *lines = output.read_text().splitlines()
    columns = {name: parts.test[name].tolist() for name in parts.test}
    assert header == "probability"
    assert [float(text) for text in lines] == model_fn(str(model_dir)).probabilities(columns).tolist()
    assert len(lines) == 1800, SPLIT


def test_a_bad_row_is_named(channels, tmp_path):
    header, first, *_ = (channels / "test" / "test.csv").read_text().splitlines()
    (tmp_path / "rows.csv").write_text(f"{header}\n{first}\n{first.replace(',N,', ',?,')}\n")
    with pytest.raises(RequestError, match=r"instances\[1\]\.(RevLineCr|LowDoc): '\?' is not one of N, U, Y"):
        score.read_columns(tmp_path / "rows.csv")
