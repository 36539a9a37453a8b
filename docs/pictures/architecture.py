"""Draws the picture of the README from the reviewed templates: `.venv/bin/python docs/pictures/architecture.py`.

Boxes are stacks; what they hold is counted in their templates. An arrow is drawn only if a template has what makes it:
a rule, a right, a parameter, a place. A template that no longer has it is an error here, and a failed test.
"""

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SNAPSHOTS = ROOT / "tests" / "infra" / "__snapshots__" / "test_snapshots"
ENVIRONMENT = "staging"
"""It has everything: it trains, tests what it releases, and lives in a private network."""

Json = Mapping[str, Any]
WIDTH, HEIGHT = 960, 600

THEMES = {
    "light": {"ground": "#ffffff", "box": "#f6f8fa", "line": "#8c959f", "text": "#1f2328", "quiet": "#59636e"}
    | {"arrow": "#0969da", "person": "#9a6700"},
    "dark": {"ground": "#0d1117", "box": "#161b22", "line": "#6e7681", "text": "#e6edf3", "quiet": "#9198a1"}
    | {"arrow": "#58a6ff", "person": "#d29922"},
}


class NotInTemplates(Exception):
    """The picture says something that the templates do not."""


def templates(environment: str = ENVIRONMENT, folder: Path = SNAPSHOTS) -> dict[str, Json]:
    """The templates of one model's stacks and of the environment's, by what they hold."""
    beginning = "test_template_is_as_reviewed["
    found = folder.glob(f"*-{environment}?.json")  # glob takes [ for a set of letters
    return {
        path.name.removeprefix(beginning).rpartition("-")[0]: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(found)
        if path.name.startswith(beginning)
    }


@dataclass(frozen=True)
class Box:
    """A stack: where it stands, its words, and what is counted of it by resource type."""

    stack: str
    title: str
    x: int
    y: int
    counted: Mapping[str, str]
    width: int = 246
    height: int = 132

    def lines(self, template: Json) -> list[str]:
        kinds = Counter(each["Type"].removeprefix("AWS::") for each in template["Resources"].values())
        if missing := [kind for kind in self.counted if kind and kind not in kinds]:
            raise NotInTemplates(f"{self.stack}: has no {', '.join(missing)}")
        return [each.format(n=kinds[kind]) for kind, each in self.counted.items()]


def steps(template: Json) -> list[str]:
    """The steps of the one pipeline; of a choice the branch that is taken by default."""
    [pipeline] = [each for each in template["Resources"].values() if each["Type"] == "AWS::SageMaker::Pipeline"]
    names: list[str] = []
    for step in pipeline["Properties"]["PipelineDefinition"]["Steps"]:
        inner = [each["Name"] for each in step.get("Arguments", {}).get("ElseSteps", [])]
        names += inner or [step["Name"]]
    return names


BOXES = (
    Box(
        "training",
        "training",
        20,
        46,
        {
            "SageMaker::Pipeline": "pipeline, step by step:",
            "": "{{steps}}",
            "SageMaker::ModelPackageGroup": "model registry",
        },
    ),
    Box(
        "release",
        "release",
        357,
        46,
        {"Lambda::Function": "controller, tests, batch: {n} functions", "Events::Rule": "{n} rules wake them"}
        | {"Athena::WorkGroup": "Athena counts outcomes", "SQS::Queue": "{n} dead-letter queues, with alarms"},
    ),
    Box("state", "release state", 694, 46, {"SSM::Parameter": "{n} SSM parameters:", "": "{{parameters}}"}),
    Box(
        "serving",
        "serving",
        694,
        258,
        {"SageMaker::Endpoint": "endpoint with canary and rollback", "SageMaker::Model": "champion, challenger, shadow"}
        | {"CloudWatch::Alarm": "{n} guardrail alarms", "ApplicationAutoScaling::ScalableTarget": "autoscaling"},
    ),
    Box(
        "foundation",
        "foundation",
        357,
        258,
        {"S3::Bucket": "{n} buckets: data, captures, …", "DynamoDB::Table": "ledger, with its backup"}
        | {"KMS::Key": "one key for all of it", "SNS::Topic": "topic: who is told"},
    ),
    Box(
        "monitoring",
        "monitoring",
        20,
        258,
        {"SageMaker::Pipeline": "pipeline: {{steps}}", "CloudWatch::Alarm": "{n} alarms"}
        | {
            "CloudWatch::CompositeAlarm": "{n} composite alarms, which page",
            "Lambda::Function": "retraining controller",
        },
    ),
    Box("features", "features", 20, 468, {"SageMaker::FeatureGroup": "feature groups"}, 172, 62),
    Box("governance", "governance", 207, 468, {"Lambda::Function": "manifests and cards"}, 172, 62),
    Box("access", "access", 394, 468, {"CloudTrail::Trail": "roles of people, trail"}, 172, 62),
    Box("network", "network", 581, 468, {"EC2::VPCEndpoint": "private, {n} endpoints"}, 172, 62),
    Box("overview", "overview", 768, 468, {"CloudWatch::Dashboard": "all models side by side"}, 172, 62),
)

Proof = Callable[[Mapping[str, Json]], bool]


def _parts(template: Json, kind: str) -> Iterator[str]:
    for each in template["Resources"].values():
        if each["Type"] == kind:
            yield json.dumps(each["Properties"])


def resource(stack: str, kind: str, *words: str) -> Proof:
    """A resource of this type says all of these words."""
    return lambda found: any(all(word in part for word in words) for part in _parts(found[stack], kind))


def right(stack: str, action: str) -> Proof:
    """A policy of the stack lets somebody do this."""
    return lambda found: any(
        f'"{action}"' in part
        for kind in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
        for part in _parts(found[stack], kind)
    )


def reads_parameters(stack: str) -> Proof:
    def proof(found: Mapping[str, Json]) -> bool:
        kinds = (each["Type"] for each in found[stack].get("Parameters", {}).values())
        return any(kind.startswith("AWS::SSM::Parameter::Value") for kind in kinds)

    return proof


@dataclass(frozen=True)
class Arrow:
    """From point to point, what it means, where that stands, and what in the templates it is."""

    points: str
    label: tuple[str, ...]
    at: tuple[int, int]
    proofs: tuple[Proof, ...]
    anchor: str = "middle"
    person: bool = False


RULE = "AWS::Events::Rule"
ARROWS = (
    Arrow(
        "266,112 357,112",
        ("a person", "approves"),
        (311, 86),
        (resource("release", RULE, "SageMaker Model Package State Change"),),
        person=True,
    ),
    Arrow("603,112 694,112", ("writes",), (648, 102), (right("release", "ssm:PutParameter"),)),
    Arrow(
        "817,178 817,258",
        ("updates the stack,", "which reads the state"),
        (807, 214),
        (reads_parameters("serving"), right("release", "cloudformation:UpdateStack")),
        "end",
    ),
    Arrow(
        "694,324 603,324",
        ("captures",),
        (648, 314),
        (resource("serving", "AWS::SageMaker::EndpointConfig", "DataCaptureConfig", "ImportValue"),),
    ),
    Arrow(
        "480,258 480,178",
        ("requests, answers,", "outcomes: the verdict"),
        (470, 214),
        (right("release", "athena:StartQueryExecution"),),
        "end",
    ),
    Arrow(
        "357,324 266,324",
        ("windows",),
        (311, 314),
        (resource("monitoring", "AWS::Scheduler::Schedule", "startPipelineExecution"),),
    ),
    Arrow(
        "143,258 143,178",
        ("degradation confirmed:", "a new training"),
        (155, 214),
        (
            resource("monitoring", RULE, "CloudWatch Alarm State Change", "monitoring-degradation"),
            right("monitoring", "sagemaker:StartPipelineExecution"),
        ),
        "start",
    ),
    Arrow("20,499 8,499 8,112 20,112", (), (0, 0), (right("training", "athena:StartQueryExecution"),)),
)


def drawn(found: Mapping[str, Json], theme: str) -> str:
    """The picture as the text of an SVG file. Raises NotInTemplates where box or arrow have no ground."""
    colours = THEMES[theme]
    parts = [_box(box, found[box.stack], colours) for box in BOXES]
    for arrow in ARROWS:
        if not all(proof(found) for proof in arrow.proofs):
            raise NotInTemplates(f"{' '.join(arrow.label) or arrow.points}: no template has that")
        parts.append(_arrow(arrow, colours))
    words = partial(_text, colour=colours["quiet"])
    below = (
        "Each box is a stack: foundation, features, access, network, overview of the environment, others of a model."
    )
    parts += [
        words(20, 26, f"mlops-{ENVIRONMENT}-…, counted in its templates", size=12),
        _text(817, 432, "applications ► InvokeEndpoint", colours["text"], anchor="middle", size=12),
        f'<path d="M817 418 L817 396" stroke="{colours["line"]}" fill="none" marker-end="url(#plain)"/>',
        words(20, 562, below, size=12),
        words(
            20,
            582,
            "Every arrow is a rule, a right or a place that a template has: docs/pictures/architecture.py.",
            size=12,
        ),
    ]
    heads = "".join(_head(name, colours[colour]) for name, colour in HEADS.items())
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        'role="img" font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif">\n'
        "<title>The stacks of an environment and what goes between them</title>\n"
        f"<desc>{escape(described())}</desc>\n<defs>{heads}</defs>\n"
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="8" fill="{colours["ground"]}"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


HEADS = {"arrow": "arrow", "person": "person", "plain": "line"}


def described() -> str:
    """The picture in words, for who does not see it."""
    return (
        "A circle of six stacks. Training registers a version; a person approves it; the release controller writes the "
        "release state, with which the serving stack is updated; the endpoint captures requests and answers; the "
        "controller compares versions by them and their outcomes, and the monitoring pipeline judges them; what is "
        "confirmed as degradation starts a new training."
    )


def _head(name: str, colour: str) -> str:
    return (
        f'<marker id="{name}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
        f'orient="auto"><path d="M0 0 L10 5 L0 10 z" fill="{colour}"/></marker>'
    )


def _text(x: int, y: int, text: str, colour: str, *, anchor: str = "start", size: int = 13, weight: int = 400) -> str:
    return (
        f'<text x="{x}" y="{y}" fill="{colour}" font-size="{size}" font-weight="{weight}" '
        f'text-anchor="{anchor}">{escape(text)}</text>'
    )


def _box(box: Box, template: Json, colours: Mapping[str, str]) -> str:
    parts = [
        f'<rect x="{box.x}" y="{box.y}" width="{box.width}" height="{box.height}" rx="8" fill="{colours["box"]}" '
        f'stroke="{colours["line"]}"/>',
        _text(box.x + 14, box.y + 25, box.title, colours["text"], size=15, weight=600),
    ]
    lines = [part for line in box.lines(template) for part in _filled(line, template)]
    parts += [_text(box.x + 14, box.y + 47 + 18 * n, line, colours["quiet"], size=12) for n, line in enumerate(lines)]
    return "".join(parts)


def _filled(line: str, template: Json) -> list[str]:
    """A line with what only the template knows; a list of names takes two lines."""
    if "{" not in line:
        return [line]
    if line == "{parameters}":
        names = [each["Properties"]["Name"].rpartition("/")[2] for each in template["Resources"].values()]
        return _wrapped(names, ", ", 32)
    if line == "{steps}":
        return _wrapped([_short(name) for name in steps(template)], " ► ", 36)
    return [line.format(steps=" ► ".join(steps(template)).replace("Watch", "").lower())]


def _short(step: str) -> str:
    """ValidateData is validate: the object goes without saying."""
    word = "".join(f" {letter}" if letter.isupper() else letter for letter in step).split()[0]
    return "baseline" if word == "Build" else word.lower()


def _wrapped(names: list[str], between: str, width: int) -> list[str]:
    lines = [""]
    for name in names:
        longer = f"{lines[-1]}{between}{name}" if lines[-1] else name
        if len(longer) > width:
            lines.append(name)
        else:
            lines[-1] = longer
    return lines


def _arrow(arrow: Arrow, colours: Mapping[str, str]) -> str:
    kind = "person" if arrow.person else "arrow"
    path = (
        f'<polyline points="{arrow.points}" fill="none" stroke="{colours[kind]}" stroke-width="2" '
        f'marker-end="url(#{kind})"/>'
    )
    x, y = arrow.at
    return path + "".join(
        _text(x, y + 16 * n, line, colours[kind], anchor=arrow.anchor, size=12) for n, line in enumerate(arrow.label)
    )


def place(theme: str) -> Path:
    return Path(__file__).with_name(f"architecture-{theme}.svg")


def main() -> int:
    try:
        for theme in THEMES:
            place(theme).write_text(drawn(templates(), theme), encoding="utf-8")
    except NotInTemplates as error:
        print(f"architecture: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
