"""A pipeline run as a person reads it: its steps with states, times and reasons, and what their jobs wrote."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.text import Text

from mlops import pipelines, words
from mlops.errors import CommandError, UsageError
from mlops.job_logs import JobLogs
from mlops.situation import Run, Step, runs
from mlops.situation.rows import BAD, DIM, MARKS, STATES, STRONG, seconds_in_words
from mlops.target import Target

LINES = 20
"""Newest log lines of each step that are shown unless somebody asks for one step, or for another number."""

_REACH = 100
"""Executions of each pipeline among which one is found by the last part of its ARN."""


@dataclass(frozen=True)
class Logs:
    """A run, and what its steps wrote, by their names: the newest lines, oldest first. before: lines left out."""

    run: Run
    lines: Mapping[str, tuple[str, ...]]
    before: Mapping[str, int]


def find(targets: Sequence[Target], execution: str | None, purpose: str | None = None) -> tuple[Target, str]:
    """The ARN of an execution, and the model that it is of.

    It is the newest one of all models, the newest of a pipeline (models that do not have it are left out), or one by
    its ARN or the last part of it. Raises UsageError for a pipeline that no model has, CommandError where there is no
    such execution.
    """
    having = [each for each in targets if purpose in (None, *runs.pipelines(each))]
    if not having:
        known = " or ".join(runs.pipelines(targets[0]))
        raise UsageError(f"--pipeline {purpose}: {targets[0].title} has none; use {known}")
    if execution and execution.startswith("arn:"):
        return _owner(targets, execution), execution
    listed = [(each, run) for each in having for run in _listed(each, purpose)]
    meant = [(each, run) for each, run in listed if execution in (None, run.name)]
    if execution and not meant:
        newest = ", ".join(run.name for run in sorted((run for _, run in listed), key=_began, reverse=True)[:3])
        raise CommandError(f"execution {execution}: not found; the newest are {newest or 'none'}")
    if not meant:
        titles = " and ".join(each.title for each in having)
        raise CommandError(f"{titles}: no pipeline has run yet; start one: {having[0].command('train')}")
    owner, newest_run = max(meant, key=lambda each: _began(each[1]))
    return owner, newest_run.arn


def _owner(targets: Sequence[Target], execution: str) -> Target:
    """The model whose pipeline the ARN names; the first one, which then says so, if it is none of theirs."""
    pipeline = execution.partition(":pipeline/")[2].partition("/")[0]
    return next((each for each in targets if pipeline in runs.pipelines(each).values()), targets[0])


def _listed(target: Target, purpose: str | None) -> list[Run]:
    return [run for each in runs.pipelines(target) if purpose in (None, each) for run in runs.of(target, each, _REACH)]


def read(target: Target, arn: str, step: str | None = None, most: int | None = None) -> Logs:
    """A run with what its steps wrote, of one step or of all. most: lines of each step, None for all.

    Raises UsageError for a step that the run does not have.
    """
    run, steps = runs.with_answers(target, arn)
    _check(run, step)
    reader = JobLogs(target.clients("logs"))
    lines: dict[str, tuple[str, ...]] = {}
    before: dict[str, int] = {}
    for each in steps:
        if step in (None, each["StepName"]):
            kept: deque[str] = deque(maxlen=most)
            count = 0
            for line in reader.new(each):
                kept.append(line)
                count += 1
            if kept:
                lines[each["StepName"]], before[each["StepName"]] = tuple(kept), count - len(kept)
    return Logs(run, lines, before)


def follow(target: Target, arn: str, say: Callable[[str, str], None], step: str | None = None) -> Run:
    """Tell each state and log line as it comes, until the run has ended; returns it as it is then.

    Raises UsageError for a step that the run does not have.
    """
    _check(runs.detail(target, arn), step)

    def told(name: str, text: str) -> None:
        if step in (None, name):
            say(name, text)

    pipelines.Follower(target.clients("sagemaker"), target.clients("logs"), arn, told).follow()
    return runs.detail(target, arn)


def shown(found: Logs, step: str | None = None) -> Iterator[Text]:
    """The run in a line, then each step in a line with its log lines below it. Pure."""
    yield headline(found.run)
    width = max((len(each.name) for each in found.run.steps), default=0)
    for each in found.run.steps:
        if step not in (None, each.name):
            continue
        yield _step(each, width)
        if each.reason:
            yield Text(f"    {each.reason}", BAD)
        if left := found.before.get(each.name):
            yield Text(f"    … {left:,} lines before; --step {each.name} shows all", DIM)
        yield from (Text(f"    {line}") for line in found.lines.get(each.name, ()))


def headline(run: Run) -> Text:
    """What ran, how it is or ended, when it began, and how long it took."""
    took = f" in {seconds_in_words((run.ended - run.began).total_seconds())}" if run.ended else ""
    text = Text.assemble(
        (f"{run.purpose} {run.name}", STRONG), ": ", (run.status, STATES.get(run.status, "")),
        f"{took}, began {words.moment(run.began)} UTC",
    )  # fmt: skip
    return text.append(f": {run.reason}", BAD) if run.reason else text


def _step(each: Step, width: int) -> Text:
    status = {"NotRun": "not run", "Pending": "not begun"}.get(each.status, each.status)
    when = f"  {words.moment(each.began)}" if each.began else ""
    took = f"  {seconds_in_words(each.seconds)}" if each.seconds is not None and not each.cached else ""
    more = "  cached: the log is the earlier run's" if each.cached else f"  {each.outcome}" if each.outcome else ""
    style = STATES.get(each.status, DIM)
    text = Text(f"{MARKS.get(each.status, '·')} {each.name:<{width}}  {status:<9}", style)
    text.append(f"{when}{took}{more}", DIM).rstrip()
    return text


def _check(run: Run, step: str | None) -> None:
    if step and step not in {each.name for each in run.steps}:
        raise UsageError(f"--step {step}: {run.name} has no such step; use {', '.join(e.name for e in run.steps)}")


def _began(run: Run) -> float:
    return run.began.timestamp()
