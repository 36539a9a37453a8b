"""build/bench/report.md: every figure beside its contrast of the same run, with the machine and the command."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

NAME = "report.md"
Result = Mapping[str, Any]


class Row(NamedTuple):
    """A figure in words, what was measured, and what it is to be held against: measured in the same run, or a limit."""

    figure: str
    measured: str
    contrast: str


def read(folder: Path, names: Iterable[str]) -> dict[str, Result]:
    """What is there of these benchmarks, by name: of this run or of an earlier one."""
    files = {name: folder / f"{name}.json" for name in names}
    return {name: json.loads(file.read_text()) for name, file in files.items() if file.is_file()}


def render(results: Mapping[str, Result], names: Sequence[str]) -> str:
    """The whole page, as Markdown; names: all benchmarks there are, in the order of their sections."""
    missing = [name for name in names if name not in results]
    parts = ["# Benchmarks", _MEANS, _machines(results)]
    parts += [_section(name, results[name]) for name in names if name in results]
    if missing:
        parts.append(f"Not measured here: {', '.join(missing)}. `make bench` measures all.")
    return "\n\n".join(parts) + "\n"


_MEANS = """\
Written by `make bench`. A contrast was measured in the same run on the same machine, unless it is called a limit.
Seconds depend on the machine and on what else it does (the load is that of the minute before the benchmark); ratios
depend on them less. What each benchmark does, and how: docs/benchmarks.md."""


def _machines(results: Mapping[str, Result]) -> str:
    """One line for each machine that figures are from; they may have been measured on several days."""
    lines: dict[str, list[str]] = {}
    for name, result in results.items():
        given = result["machine"]
        memory = f"{given['memory_gib']} GiB" if given.get("memory_gib") else "memory unknown"
        cpu = given.get("cpu") or "processor unknown"
        about = f"{given['cores']} cores, {memory}, {cpu}, Python {given['python']}, {given['system']}"
        lines.setdefault(about, []).append(name)
    if len(lines) == 1:
        return f"Machine: {next(iter(lines))}."
    return "\n".join(["Machines:", "", *(f"- {about}: {', '.join(names)}" for about, names in lines.items())])


def _section(name: str, result: Result) -> str:
    load = result["machine"].get("load")
    said = [
        f"`{result.get('command', f'python -m bench {name}')}`",
        *([f"at {result['at']}"] if "at" in result else []),
        *([f"{result['took_seconds']} s"] if "took_seconds" in result else []),
        *([f"load before {load}"] if load is not None else []),
        *(["**quick: smaller sizes, figures not to be quoted**"] if result.get("quick") else []),
    ]
    head = f"## {name}\n\n{', '.join(said)}"
    if "failed" in result:
        return f"{head}\n\nFailed: {_cell(result['failed'].splitlines()[0])}"
    try:
        rows = _ROWS[name](result)
    except KeyError as error:
        return f"{head}\n\nMeasured by an older version, without {error}: `make bench ARGS={name}` measures it anew."
    table = [Row("figure", "measured", "contrast"), Row("---", "---", "---"), *rows]
    return "\n".join([head, "", *(f"| {' | '.join(map(_cell, row))} |" for row in table)])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _coldstart(result: Result) -> list[Row]:
    rows = [
        Row(
            f"{name}: import and first call ({each['calls']} calls of {', '.join(each['services'])})",
            f"{each['cpu_ms']} ms of CPU, {each['wall_ms']} ms",
            f"bare boto3 {each['bare_cpu_ms']} ms of CPU, {each['bare_wall_ms']} ms: {each['ratio']} times the CPU",
        )
        for name, each in result["handlers"].items()
    ]
    worst = result["worst"]
    holds = "holds" if result["holds"] else "MISSED"
    return [
        *rows,
        Row("highest ratio of CPU", f"{worst['ratio']} ({worst['handler']})", f"limit {result['limit']}: {holds}"),
    ]


def _synth(result: Result) -> list[Row]:
    base = result["import_aws_cdk"]
    contrast = f"import aws_cdk {base['seconds']} s, {base['peak_mb']} MB"
    return [
        Row(
            f"synthesis of {name}, {validation.replace('_', ' ')}",
            f"{each['seconds']} s, {each['peak_mb']} MB",
            f"{contrast}: {each['ratio']} times",
        )
        for name, ways in result["environments"].items()
        for validation, each in ways.items()
    ]


def _scale(result: Result) -> list[Row]:
    rows = []
    for models, each in result["models"].items():
        ours, plain, most = each["platform"], each["plain"], each["most_resources_of_a_stack"]
        rows += [
            Row(
                f"synthesis, models: {models}, resources: {each['resources']:,}",
                f"{ours['seconds']} s, {ours['peak_mb']} MB",
                f"the same written plainly {plain['seconds']} s, {plain['peak_mb']} MB: {each['ratio']} times",
            ),
            Row(f"most resources of a stack, models: {models}", f"{most['measured']}", f"limit {most['limit']}"),
        ]
    return rows


def _loop(result: Result) -> list[Row]:
    return [
        Row(
            f"the demo, {run.replace('_', ' ')}",
            f"{each['seconds']} s",
            f"the models' own computation {each['model_seconds']} s, {each['model_share']:.1%} of it",
        )
        for run, each in result.items()
        if run in ("empty_account", "second_run")
    ]


def _verdict(result: Result) -> list[Row]:
    rules = result["rules"]
    contrasts = {"planned": ("naive", "p_best"), "open_ended": ("naive", "p_best"), "paired_shadow": ("planned",)}

    def told(name: str) -> str:
        each = rules[name]
        return f"{each['false_positive']:.1%}, {each['power']:.1%}, {each['mean_n']:,}"

    rows = [
        Row(
            f"{name}: false positives, power, mean sample",
            told(name),
            "; ".join(f"{other} {told(other)}" for other in others),
        )
        for name, others in contrasts.items()
    ]
    planned = rules["planned"]["mean_n"]
    return [*rows, Row("mean sample of the planned rule", f"{planned:,}", f"fixed size {result['classical_n']:,}")]


def _controller(result: Result) -> list[Row]:
    points = 2 * (result["crash_points"] + result["retraining"]["crash_points"])
    others = result["two_controllers"] + result["retraining"]["two_controllers"]
    of = "undisturbed runs, of which none may differ"
    return [
        Row("a run ends after a call", f"{result['diverged']} of {points:,} ended otherwise", of),
        Row("another run between two calls", f"{result['diverged']} of {others:,} ended otherwise", of),
        Row(
            f"random schedules, {result['failing_share']:.0%} of calls failing",
            f"{result['diverged']} of {result['schedules']:,} ended otherwise",
            of,
        ),
    ]


def _drift(result: Result) -> list[Row]:
    ours, others = result["detectors"]["ours"], {k: v for k, v in result["detectors"].items() if k != "ours"}
    months = {"false_windows": result["baseline_months"], "true_windows": result["shifted_months"]}
    told: Mapping[str, Callable[[Result], str]] = {
        "false windows of real months": lambda each: f"{each['false_windows']} of {months['false_windows']}",
        "true windows of real months": lambda each: f"{each['true_windows']} of {months['true_windows']}",
        "false alarms, simulated": lambda each: f"{each['false_alarm']:.1%}",
        f"power at {result['simulation']['shift']} σ, simulated": lambda each: f"{each['power']:.1%}",
        "a window of 1,000,000 x 20": lambda each: f"{each['seconds']} s, {each['peak_mb']} MB",
    }
    return [
        Row(figure, show(ours), "; ".join(f"{name} {show(each)}" for name, each in others.items()))
        for figure, show in told.items()
    ]


def _fairness(result: Result) -> list[Row]:
    rows = result["rows"]
    plain = {each["threshold"]: each for each in rows if each["mitigation"] == "none"}

    def told(each: Result) -> str:
        return f"{each['disparate_impact']}, {each['test_auc']}, {each['refused']} of {each['seeds']}"

    return [
        Row(
            f"{each['mitigation']}, threshold {each['threshold']}: disparate impact, AUC, seeds refused",
            told(each),
            f"without mitigation {told(plain[each['threshold']])}",
        )
        for each in rows
        if each["mitigation"] != "none"
    ]


def _monitoring(result: Result) -> list[Row]:
    def told(each: Result) -> str:
        return f"{each['rows_per_second']:,} rows/s, {each['peak_mb']} MB"

    size = f"{result['rows']:,} rows of {result['columns']} columns"
    return [
        Row(f"a day's inputs, {size}", told(result["inputs"]), f"with outcomes joined {told(result['outcomes'])}"),
    ]


def _features(result: Result) -> list[Row]:
    def told(each: Result) -> str:
        return f"{each['seconds']} s, {each['peak_mb']} MB"

    part, pandas = result["on_a_part"], "rows_that_differ_from_pandas"
    sdk = "sdk_newest_of_each_row"
    return [
        Row(
            f"point-in-time join, {result['rows']:,} rows with {result['records']:,} records",
            told(result["ours"]),
            f"pandas' merge_asof {told(result['pandas_merge_asof'])}; {result[pandas]} rows differ",
        ),
        Row(
            f"the same of {part['rows']:,} with {part['records']:,}",
            told(part["ours"]),
            f"the SageMaker SDK's query {told(part[sdk])}; {part['sdk_rows_that_differ']} rows differ",
        ),
    ]


_ROWS: Mapping[str, Callable[[Result], list[Row]]] = {
    "coldstart": _coldstart,
    "synth": _synth,
    "scale": _scale,
    "loop": _loop,
    "verdict": _verdict,
    "controller": _controller,
    "drift": _drift,
    "fairness": _fairness,
    "monitoring": _monitoring,
    "features": _features,
}
