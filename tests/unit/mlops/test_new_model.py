"""`mlops new-model`: what is inferred, what is refused, and that all or nothing is made."""

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mlops.__main__ import main
from mlops.cdk import ROOT
from mlops.commands import new_model
from mlops.new_model import columns, example, make, source, table
from mlops.new_model.render import NewModel
from mlops.new_model.table import Table
from tabular.fields import Field, Kind, Role

ROWS = 300


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A repository with nothing but what the command reads."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    (tmp_path / "data" / "loans").mkdir(parents=True)
    shutil.copy(ROOT / example.FILE, tmp_path / example.FILE)
    (tmp_path / "pipeline_code" / "monitoring").mkdir(parents=True)
    monkeypatch.setattr(new_model, "ROOT", tmp_path)
    return tmp_path


def customers(**changed):
    """Rows of customers as texts, column by column."""
    draw = random.Random(1)
    cells = {
        "left": ["yes" if draw.random() < 0.3 else "no" for _ in range(ROWS)],
        "age": [str(draw.randint(18, 80)) for _ in range(ROWS)],
        "balance": ["" if draw.random() < 0.1 else f"{draw.uniform(-500, 9000):.2f}" for _ in range(ROWS)],
        "plan": [draw.choice(["basic", "gold", ""]) for _ in range(ROWS)],
        "town": [draw.choice([f"town {n}" for n in range(80)]) for _ in range(ROWS)],
        "name": [f"customer {n}" for n in range(ROWS)],
        "row": [str(n + 1) for n in range(ROWS)],
        "country": ["DE"] * ROWS,
    }
    return {**cells, **changed}


def write(path, cells):
    path.write_text("\n".join([",".join(cells), *(",".join(row) for row in zip(*cells.values(), strict=True))]) + "\n")
    return str(path)


def inferred(target="left", positive="yes", **changed):
    cells = customers(**changed)
    return columns.infer(Table(tuple(cells), tuple(zip(*cells.values(), strict=True))), target, positive, {})


def state(project):
    return {str(path.relative_to(project)): path.read_bytes() for path in sorted(project.rglob("*")) if path.is_file()}


class TestInference:
    @pytest.fixture(scope="class")
    def fields(self):
        return {field.name: field for field in inferred().fields}

    def test_the_outcome_knows_what_its_positive_side_is(self, fields):
        assert fields["left"].role is Role.OUTCOME
        assert fields["left"].levels == ("no", "yes")

    def test_numbers_have_limits_beyond_the_data_and_may_be_missing_where_some_are(self, fields):
        age, balance = fields["age"], fields["balance"]
        assert (age.kind, age.whole, age.nullable, age.minimum) == (Kind.NUMERIC, True, False, 0)
        assert age.maximum > 100
        assert (balance.whole, balance.nullable) == (False, True)
        assert balance.minimum < -500, "what was negative may be more so"

    def test_categories_are_those_of_the_data_and_of_many_the_rare_ones_count_as_one(self, fields):
        assert fields["plan"].levels == ("basic", "gold")
        assert fields["plan"].nullable
        assert len(fields["town"].levels) == columns.MOST_LEVELS
        assert fields["town"].rest == columns.REST in fields["town"].levels

    def test_what_tells_nothing_is_left_out_and_why_is_said(self):
        assert inferred().left_out == {
            "name": "a text that differs from row to row",
            "row": "counts the rows",
            "country": "the same in all rows",
        }

    def test_codes_of_the_outcome_become_numbers(self):
        found = inferred(positive="1", left=["1" if n % 3 else "0" for n in range(ROWS)])
        assert (found.positive, found.fields[0].levels) == (1, (0, 1))


@pytest.mark.parametrize(
    ("changed", "target", "positive", "line"),
    [
        ({}, "gone", "yes", "--target gone: no such column; the file has left, age, balance"),
        ({}, "plan", "gold", "--target plan: empty in "),
        ({}, "town", "town 1", "different values, a binary outcome has 2; name another"),
        ({}, "left", "maybe", "--positive maybe: left is no or yes; give one of them"),
        ({"left": ["yes"] * 3 + ["no"] * (ROWS - 3)}, "left", "yes", "--target left: 3 rows are yes, at least 50"),
        ({"age": ["n/a", *["7", "8"] * 149, "9"]}, "left", "yes", "column age: numbers, but 'n/a' in some rows"),
        ({"age": [" 7", *["8"] * (ROWS - 1)]}, "left", "yes", "row 1, column age: ' 7' has blanks around it"),
    ],
)
def test_a_file_that_nothing_can_be_learned_from_is_refused_in_one_line(
    project, capsys, changed, target, positive, line
):
    before = state(project)
    file = write(project / "customers.csv", customers(**changed))
    assert main(["new-model", "churn", "--data", file, "--target", target, "--positive", positive]) == 2
    said = capsys.readouterr().err
    assert line in said
    assert said.count("\n") == 1
    (project / "customers.csv").unlink()
    assert state(project) == before


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("loan_approval", "config/ has [models.loan_approval] already, in dev"),
        ("monitoring", "is reserved"),
        ("json", "is reserved"),
        ("mlops", "is reserved"),
        ("Churn", "use lower case letters"),
        ("a" * 50, "shorten the project's or the model's name by"),
    ],
)
def test_a_name_that_cannot_be_is_refused_in_one_line(project, capsys, name, line):
    before = state(project)
    assert main(["new-model", name]) == 2
    said = capsys.readouterr().err
    assert line in said
    assert said.count("\n") == 1
    assert state(project) == before


@pytest.mark.parametrize(
    "content", [b"\xff\xfe\x00", b"", b"one\ncolumn\n", b"a,b\n1,2,3\n", b"a,a\n1,2\n", b'a,"b\n1']
)
def test_what_is_no_csv_file_is_refused(project, capsys, content):
    (project / "x.csv").write_bytes(content)
    given = ["--data", str(project / "x.csv"), "--target", "a", "--positive", "1"]
    assert main(["new-model", "churn", *given]) == 2
    assert capsys.readouterr().err.startswith(f"mlops: --data {project / 'x.csv'}: ")


@pytest.mark.parametrize(
    "arguments",
    [["--data", "x.csv"], ["--target", "a"], ["--owner", "nobody"], ["--project-id", "p-1"]],
)
def test_options_that_belong_together_are_given_together(project, arguments):
    assert main(["new-model", "churn", *arguments]) == 2


def test_everything_is_made_and_the_next_commands_are_said(project, capsys):
    comments = (project / "config" / "base.toml").read_text()
    file = write(project / "customers.csv", customers())
    given = ["--data", file, "--target", "left", "--positive", "yes", "--owner", "a@example.com"]
    studio = ["--project-id", "p-abc1", "--project-name", "churn"]
    assert main(["new-model", "churn-risk", *given, *studio, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["made"] == ["data/churn_risk", "pipeline_code/churn_risk", "tests/unit/churn_risk"]
    assert answer["next"] == [
        "make snapshots",
        "make synth deploy ENV=local",
        "mlops train --model churn-risk --data data/churn_risk",
        "mlops approve 1 --model churn-risk --wait",
        "mlops invoke --model churn-risk",
    ]
    base = (project / "config" / "base.toml").read_text()
    assert base.startswith(comments.rstrip("\n")), "settings and comments that were there stay"
    from stacks.settings import load

    for environment in ("local", "dev", "staging", "prod"):
        model = load(project / "config", environment).models["churn_risk"]
        assert (model.governance.owner, model.sagemaker_project.id) == ("a@example.com", "p-abc1")
    assert table.read(project / "data" / "churn_risk" / "churn_risk.csv.gz").column("left") == customers()["left"]
    assert "to be said" in (project / "data" / "churn_risk" / "SOURCE.md").read_text()
    assert main(["new-model", "churn-risk"]) == 2, "the name is taken now"


def test_the_steps_are_those_of_the_front_page(project, capsys):
    assert main(["new-model", "churn", "--json"]) == 0
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    block = page.partition("## Bring your model\n")[2].partition("```\n")[2].partition("```")[0]
    shown = [line.partition("#")[0].strip() for line in block.splitlines()]
    assert json.loads(capsys.readouterr().out)["next"] == shown[1:], "the first makes the model"


def test_where_the_model_is_now_and_how_to_have_it_elsewhere_or_not_at_all_is_said(project, capsys):
    assert main(["new-model", "churn-risk"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert "joined   every environment: dev, local, prod, staging" in said
    assert "keep out of one of them: [models.churn_risk] with enabled = false in config/<env>.toml" in said
    away = said.index(
        "undo     npx cdk destroy 'mlops-local-churn-risk-*' -c env=local, if it was deployed (docs/new-model.md)"
    )
    assert said[away + 1] == ("         then delete data/churn_risk, pipeline_code/churn_risk, tests/unit/churn_risk")
    assert said[away + 2] == ("         and all [models.churn_risk…] of config/base.toml; make snapshots")
    assert "next     make snapshots  # the new stacks, for review: make test compares with them" in said
    assert said[-1] == "         mlops invoke --model churn-risk  # asks the model that serves"


def test_a_section_that_switches_it_off_is_taken_by_an_environment(project):
    from stacks.settings import load

    assert main(["new-model", "churn"]) == 0
    with (project / "config" / "prod.toml").open("a") as file:
        file.write("\n[models.churn]\nenabled = false\n")
    enabled = {each: load(project / "config", each).models["churn"].enabled for each in ("dev", "prod")}
    assert enabled == {"dev": True, "prod": False}


def test_help_says_how_many_rows_it_takes(capsys):
    assert main(["new-model", "--help"]) == 0
    told = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert f"{columns.LEAST_ROWS} rows or more, {columns.LEAST_OF_EACH} of each outcome" in told


def test_nothing_is_left_half_done(project, monkeypatch):
    before = state(project)
    renamed = Path.rename

    def fails(self, target):
        if "tests" in str(target):
            raise OSError("the disk is full")
        return renamed(self, target)

    monkeypatch.setattr(Path, "rename", fails)
    assert main(["new-model", "churn"]) == 1
    assert state(project) == before


@pytest.mark.parametrize("name", ["a", "zz_top", "n" * 44])
def test_what_is_made_passes_lint_whatever_its_name(tmp_path, name):
    cells = customers(plan=[f"plan with a 'name' and \"{n % 3}\"" for n in range(ROWS)])
    rows = Table(tuple(cells), tuple(zip(*cells.values(), strict=True)))
    model = NewModel(name, "", rows, columns.infer(rows, "left", "yes", {}))
    for place, content in model.files().items():
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_bytes(content)
    for package in ("monitoring", "tabular"):
        (tmp_path / "pipeline_code" / package).mkdir()
        (tmp_path / "pipeline_code" / package / "__init__.py").touch()
    for module in ("__init__.py", "tabular_run.py"):
        (tmp_path / "tests" / module).touch()
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for command in (["check"], ["format", "--check"]):
        ran = subprocess.run([Path(sys.executable).parent / "ruff", *command, "."], cwd=tmp_path, capture_output=True)
        assert ran.returncode == 0, ran.stdout.decode()


def test_literals_are_what_python_reads():
    for value in ("plain", 'a "quoted" one', "it's", "both ' and \"", "back\\slash", 7, 0.5):
        assert eval(source.literal(value)) == value


def test_a_field_is_written_as_it_is():
    fields = inferred().fields
    text = "(\n" + "\n".join(map(source.field, fields)) + "\n)"
    written = eval(text, {"Field": Field, "Kind": Kind, "Role": Role})
    assert written == fields
    assert max(map(len, text.splitlines())) <= source.WIDTH


def test_the_data_of_a_model_that_is_given_none_are_real_and_always_the_same():
    first, note = example.table(ROOT)
    assert example.table(ROOT) == (first, note)
    assert len(first.rows) == example.ROWS
    assert "public domain" in note
    assert make.plan(ROOT, "second_example", "", None, "", "").inferred.left_out == {}


def test_a_copy_of_an_example_has_a_name_and_an_owner_of_its_own(project, capsys):
    assert main(["new-model", "post-routing", "--like", "finetune", "--owner", "post@example.com"]) == 0
    assert "mlops train --model post-routing --data data/post_routing" in capsys.readouterr().out
    made = [path for place in ("pipeline_code", "data") for path in files(project / place / "post_routing")]
    assert {"definition.py", "inference.py", "messages.csv", "card.toml"} <= {path.name for path in made}
    assert not [path for path in made if b"message_routing" in path.read_bytes()]
    section = (project / "config" / "base.toml").read_text().partition("[models.post_routing]")[2]
    assert 'owner = "post@example.com"' in section


def files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--like", "nothing"], "--like nothing: no such example; use "),
        (["--like", "finetune", "--target", "x"], "--like: brings its own data"),
    ],
)
def test_what_cannot_be_copied_is_refused_in_one_line(project, capsys, arguments, said):
    before = state(project)
    assert main(["new-model", "post-routing", *arguments]) == 2
    assert capsys.readouterr().err.startswith(f"mlops: {said}")
    assert state(project) == before
