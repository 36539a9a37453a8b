"""The batch example: which applications a night has, and that answers meet the outcomes of their own lines."""

import csv
import gzip
import io
import json
from types import SimpleNamespace

import pytest

from examples.batch import __main__ as program
from examples.batch import nights
from loan_approval import inference
from loan_approval.schema import INPUT_NAMES
from mlops.errors import CommandError, UsageError

MONTH = "2008-03"


@pytest.fixture(scope="module")
def month():
    return nights.read(MONTH)


def answered(applications, probability="0.2", decision="approve"):
    return "".join(f"{probability},{decision},2\n\n" for _ in applications)


def test_a_month_is_split_by_its_days_and_nothing_is_lost(month):
    assert list(month) == sorted(month)
    assert {each.day for day, rows in month.items() for each in rows if each.day != day} == set()
    with gzip.open(nights.DATA_FILE, "rt", newline="") as file:
        assert sum(map(len, month.values())) == sum(
            row["ApprovalDate"].startswith(MONTH) for row in csv.DictReader(file)
        )


def test_a_month_without_applications_is_refused_with_what_there_is():
    with pytest.raises(UsageError, match=r"--month 2012-01: .* give one of 2000-10 to 2008-12"):
        nights.read("2012-01")


def test_the_endpoints_code_takes_every_line_of_a_file(month):
    rows = [each for night in month.values() for each in night]
    columns = inference.input_fn(nights.body(rows), "text/csv")
    assert {len(columns[name]) for name in INPUT_NAMES} == {len(rows)}


def test_no_line_tells_the_outcome(month):
    (first, *_) = month.values()
    header_less = list(csv.reader(io.StringIO(nights.body(first).decode())))
    assert {len(line) for line in header_less} == {len(INPUT_NAMES)}
    assert "bad" not in INPUT_NAMES
    assert "ChgOffDate" not in INPUT_NAMES


def test_each_answer_meets_the_outcome_of_its_own_line(month):
    rows = max(month.values(), key=len)
    answers = "".join(f"{number / 100},{'decline' if number % 2 else 'approve'},2\n" for number in range(len(rows)))
    scored = nights.join(rows, answers)
    assert [(each.name, each.outcome) for each in scored] == [(each.name, each.outcome) for each in rows]
    assert [each.probability for each in scored] == [number / 100 for number in range(len(rows))]


@pytest.mark.parametrize("change", [lambda text: text + "0.1,approve,2\n", lambda text: text.partition("\n")[2]])
def test_a_missing_or_additional_answer_is_refused_since_all_after_it_would_be_anothers(month, change):
    day, rows = next(iter((day, rows) for day, rows in month.items() if len(rows) > 1))
    with pytest.raises(CommandError, match=f"{day}: {len(rows)} applications, but"):
        nights.join(rows, change(answered(rows)))


def test_nights_are_counted_and_added_up():
    def one(day, outcome, decision, probability):
        return nights.Scored("loan", day, probability, decision, "2", outcome)

    found = nights.summary(
        [one("2", "1", "approve", 0.4), one("1", "0", "approve", 0.1), one("1", "1", "decline", 0.3)]
    )
    assert found == [nights.Night("1", 2, 1, 1, 0, 0.2), nights.Night("2", 1, 1, 1, 1, 0.4)]
    whole = nights.total(found)
    assert (whole.applications, whole.approved, whole.charged_off, whole.approved_charged_off) == (3, 2, 2, 1)
    assert whole.expected == pytest.approx(0.8 / 3)


class Files:
    """What the jobs would do: for each file an answer a line."""

    def __init__(self):
        self.files = {}

    def put_object(self, **given):
        self.files[given["Key"]] = given["Body"]

    def get_object(self, **_given):
        lines = next(reversed(self.files.values())).decode().splitlines()
        return {"Body": io.BytesIO(answered(lines).encode())}


@pytest.fixture
def world(monkeypatch, tmp_path):
    """An environment whose jobs end at once."""
    bucket, asked = Files(), []

    about = SimpleNamespace(
        foundation_stack="foundation",
        names=SimpleNamespace(release_stack="release"),
        settings=SimpleNamespace(batch=SimpleNamespace(input_prefix="batch/input")),
        clients=lambda _service: bucket,
        output=lambda _stack, key: key,
    )

    def start(_functions, _name, payload):
        asked.append(payload["input"])
        return {"job": f"job-{len(asked)}"}

    monkeypatch.setattr(program.target, "find", lambda *_: about)
    monkeypatch.setattr(program.batch, "start", start)
    ended = {"TransformOutput": {"S3OutputPath": "s3://DataBucket/out/"}}
    monkeypatch.setattr(program.batch, "follow", lambda *_: ended)
    monkeypatch.setattr(program, "ROOT", tmp_path)
    return asked


def test_each_night_is_a_job_of_its_own_and_the_rows_are_written(world, tmp_path, capsys):
    assert program.main(["--month", MONTH, "--nights", "3", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [each["day"] for each in told["nights"]] == ["2008-03-01", "2008-03-03", "2008-03-04"]
    assert world[0] == "s3://DataBucket/loan_approval/batch/input/2008-03-01/applications.csv"
    assert len(set(world)) == 3
    rows = list(csv.DictReader((tmp_path / told["file"]).read_text().splitlines()))
    assert len(rows) == sum(each["applications"] for each in told["nights"])


@pytest.mark.parametrize("arguments", [["--month", "2012-01"], ["--nights", "none"]])
def test_what_cannot_be_done_is_one_line_and_a_usage_error(world, capsys, arguments):
    assert program.main(arguments) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert world == []
