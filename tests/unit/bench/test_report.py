"""The bench page: every figure with its contrast, the machine, the command, and what is missing."""

import json
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from bench import __main__ as bench
from bench import machine, process, report

MACHINE = {"cores": 2, "memory_gib": 23.5, "cpu": "EPYC", "python": "3.11.7", "system": "Linux x86_64", "load": 0.1}
HEAD = {"machine": MACHINE, "at": "2026-11-22T01:00:00Z", "took_seconds": 3.0, "quick": False}
SECONDS = {"seconds": 1.5, "peak_mb": 100.0, "ratio": 3.0}
RATES = {"false_positive": 0.047, "power": 0.808, "mean_n": 24158}
DETECTOR = {
    "false_windows": 1,
    "true_windows": 24,
    "false_alarm": 0.011,
    "power": 0.995,
    "seconds": 0.3,
    "peak_mb": 22.8,
}
FAIR = {"threshold": 0.3, "disparate_impact": 0.8149, "test_auc": 0.82, "refused": 8, "seeds": 20}
RESULTS = {
    "coldstart": {
        "limit": 1.2,
        "holds": True,
        "worst": {"handler": "release_controller", "ratio": 1.15},
        "handlers": {
            "release_controller": {
                "services": ["dynamodb", "ssm"],
                "calls": 7,
                "cpu_ms": 345.0,
                "bare_cpu_ms": 300.0,
                "ratio": 1.15,
                "wall_ms": 350.0,
                "bare_wall_ms": 305.0,
            }
        },
    },
    "synth": {"import_aws_cdk": SECONDS, "environments": {"prod": {"validation_off": SECONDS}}},
    "scale": {
        "models": {
            "1": {
                "resources": 254,
                "platform": SECONDS,
                "plain": SECONDS,
                "ratio": 4.1,
                "most_resources_of_a_stack": {"measured": 45, "limit": 500},
            }
        }
    },
    "loop": {"empty_account": {"seconds": 365.0, "model_seconds": 30.0, "model_share": 0.082}},
    "verdict": {
        "classical_n": 29502,
        "rules": dict.fromkeys(("planned", "open_ended", "paired_shadow", "naive", "p_best"), RATES),
    },
    "controller": {
        "diverged": 0,
        "crash_points": 100,
        "two_controllers": 50,
        "schedules": 10_000,
        "failing_share": 0.2,
        "retraining": {"crash_points": 10, "two_controllers": 5},
    },
    "drift": {
        "baseline_months": 27,
        "shifted_months": 24,
        "simulation": {"shift": 0.2},
        "detectors": {"ours": DETECTOR, "psi_0_2": DETECTOR},
    },
    "fairness": {"rows": [{"mitigation": "none", **FAIR}, {"mitigation": "reweighing", **FAIR}]},
    "monitoring": {
        "rows": 200_000,
        "columns": 20,
        **{step: {"rows_per_second": 24_184, "peak_mb": 145.0} for step in ("inputs", "outcomes")},
    },
    "features": {
        "rows": 1_000_000,
        "records": 10_000_000,
        "ours": SECONDS,
        "pandas_merge_asof": SECONDS,
        "rows_that_differ_from_pandas": 0,
        "on_a_part": {
            "rows": 100_000,
            "records": 1_000_000,
            "ours": SECONDS,
            "sdk_newest_of_each_row": SECONDS,
            "sdk_rows_that_differ": 0,
        },
    },
}
NAMES = list(bench.BENCHMARKS)


def full():
    return {name: {**HEAD, "command": f"python -m bench {name}", **RESULTS[name]} for name in NAMES}


def cells(line):
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def rows(page):
    return [cells(line) for line in page.splitlines() if line.startswith("| ")]


def test_every_benchmark_has_a_section_with_its_command_and_the_load_before():
    page = report.render(full(), NAMES)
    assert re.findall(r"^## (\w+)$", page, re.MULTILINE) == NAMES
    for name in NAMES:
        assert f"`python -m bench {name}`, at 2026-11-22T01:00:00Z, 3.0 s, load before 0.1" in page


def test_every_figure_has_a_contrast():
    for name in NAMES:
        page = report.render({name: full()[name]}, [name])
        figures = [row for row in rows(page) if row[0] not in ("figure", "---")]
        assert figures, name
        assert all(len(row) == 3 and all(row) for row in figures), name


def test_the_machine_is_said_once_where_it_is_one():
    page = report.render(full(), NAMES)
    assert page.count("2 cores, 23.5 GiB, EPYC, Python 3.11.7, Linux x86_64") == 1


def test_figures_of_two_machines_are_told_apart():
    results = full()
    results["synth"]["machine"] = {**MACHINE, "cores": 64}
    page = report.render(results, NAMES)
    assert "64 cores, 23.5 GiB, EPYC, Python 3.11.7, Linux x86_64: synth" in page


def test_results_of_before_the_page_existed_are_shown_without_what_they_lack():
    old = {"synth": {"machine": {"cores": 2, "python": "3.11.7", "system": "Linux"}, **RESULTS["synth"]}}
    page = report.render(old, NAMES)
    assert "2 cores, memory unknown, processor unknown, Python 3.11.7, Linux." in page
    assert "`python -m bench synth`\n" in page


def test_what_was_not_measured_is_named():
    assert "Not measured here: coldstart, scale, " in report.render({"synth": full()["synth"]}, NAMES)


def test_what_failed_says_why_on_one_line():
    page = report.render({"synth": {**HEAD, "failed": "RuntimeError: app.py ended with 1\nTraceback"}}, ["synth"])
    assert "Failed: RuntimeError: app.py ended with 1\n" in page
    assert "Traceback" not in page


def test_a_result_of_an_older_form_does_not_keep_the_page_from_being_written():
    results = full()
    del results["monitoring"]["rows"]
    page = report.render(results, NAMES)
    assert "Measured by an older version, without 'rows': `make bench ARGS=monitoring` measures it anew." in page
    assert "| point-in-time join, 1,000,000 rows with 10,000,000 records |" in page


def test_a_quick_run_says_that_it_is_not_to_be_quoted():
    quick = {"synth": {**full()["synth"], "quick": True}}
    assert "figures not to be quoted" in report.render(quick, ["synth"])
    assert "figures not to be quoted" not in report.render(full(), NAMES)


def test_a_missed_limit_stands_out():
    results = full()
    results["coldstart"] |= {"holds": False, "worst": {"handler": "record_keeper", "ratio": 1.3}}
    assert ["highest ratio of CPU", "1.3 (record_keeper)", "limit 1.2: MISSED"] in rows(report.render(results, NAMES))


def test_the_machine_is_described_on_this_one():
    found = machine.describe()
    assert found["cores"] >= 1
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["memory_gib"] is None or found["memory_gib"] > 0


@pytest.fixture
def fakes(monkeypatch, tmp_path):
    """Benchmarks that answer at once, with the arguments that each got."""
    answers = {"synth": {**RESULTS["synth"]}, "loop": {**RESULTS["loop"]}}

    class Module:
        def __init__(self, name):
            self.name = name

        def measure(self, **given):
            if isinstance(answer := answers[self.name], Exception):
                raise answer
            return {**(answer() if callable(answer) else answer), "given": given}

    monkeypatch.setattr(bench, "OUTPUT", tmp_path)
    monkeypatch.setattr(bench.importlib, "import_module", lambda name: Module(name.removeprefix("bench.")))
    return answers, tmp_path


def given(folder):
    return {file.stem: json.loads(file.read_text())["given"] for file in folder.glob("*.json")}


def test_a_run_keeps_json_and_writes_the_page(fakes):
    _, folder = fakes
    assert bench.main(["synth", "loop"]) == 0
    assert given(folder) == {"synth": {}, "loop": {}}
    assert {file.name for file in folder.iterdir()} == {"synth.json", "loop.json", "report.md"}
    assert "## synth\n\n`python -m bench synth`" in (folder / "report.md").read_text()


def test_quick_makes_smaller_what_can_be_smaller(fakes):
    _, folder = fakes
    assert bench.main(["--quick", "synth", "loop"]) == 0
    assert given(folder) == {"synth": {"repeats": 1}, "loop": {}}
    page = (folder / "report.md").read_text()
    assert "`python -m bench --quick synth`" in page
    assert "`python -m bench loop`" in page


def test_a_benchmark_that_fails_leaves_the_others_their_figures(fakes, capsys):
    answers, folder = fakes
    answers["synth"] = RuntimeError("no Node.js\nmore")
    assert bench.main(["synth", "loop"]) == 1
    assert "bench: synth failed: RuntimeError: no Node.js\n" in capsys.readouterr().err
    assert "| the demo, empty account |" in (folder / "report.md").read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc for the memory of this process")
def test_what_one_benchmark_holds_is_not_the_memory_of_what_the_next_one_starts(fakes):
    answers, folder = fakes
    own_mb = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20
    held = []

    def hold():
        held.append(b"1" * (400 << 20))
        return RESULTS["synth"]

    def start():
        return {**RESULTS["loop"], "peak_mb": process.run([sys.executable, "-c", ""], {}).peak_mb}

    answers |= {"synth": hold, "loop": start}
    assert bench.main(["synth", "loop"]) == 0
    assert json.loads((folder / "loop.json").read_text())["peak_mb"] < own_mb + 200


def test_a_missed_limit_is_a_failure_of_the_command(fakes, capsys):
    answers, _ = fakes
    answers["synth"] = {**RESULTS["synth"], "holds": False}
    assert bench.main(["synth"]) == 1
    assert "bench: synth: a limit is missed, see report.md" in capsys.readouterr().err


def test_an_unknown_name_is_refused_with_those_there_are(capsys):
    assert bench.main(["sinth"]) == 2
    assert "'sinth' is not a benchmark; there are coldstart, synth" in capsys.readouterr().err


@pytest.mark.parametrize("name", NAMES)
def test_each_benchmark_takes_its_quick_arguments(name):
    """By its source, since importing some takes seconds."""
    source = (bench.OUTPUT.parents[1] / "bench" / f"{name}.py").read_text()
    [given] = re.findall(r"^def measure\((.*)\) ->", source, re.MULTILINE)
    assert set(bench.BENCHMARKS[name].quick) <= set(re.findall(r"(\w+): ", given))


def test_help_is_there_without_importing_a_benchmark():
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "bench", "--help"], capture_output=True, text=True, check=True
    )
    assert "--quick" in done.stdout
    assert not re.search(r"\b(numpy|aws_cdk|bench\.drift)$", done.stderr, re.MULTILINE)


def test_the_documentation_lists_every_benchmark():
    text = (bench.OUTPUT.parents[1] / "docs" / "benchmarks.md").read_text(encoding="utf-8").partition("\n## ")[0]
    assert re.findall(r"^\| (\w+) \| (?!measures)", text, re.MULTILINE) == NAMES
