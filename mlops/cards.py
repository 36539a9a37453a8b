"""Model cards: read, shown as a page in every section of AWS's schema, exported as PDF by SageMaker.

The schema is that of the developer guide (Amazon SageMaker Model Cards, model card JSON schema). What a card has beside
it is shown too, under its own name: nothing of a card is left out.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any

from botocore.exceptions import ClientError

from mlops import aws, people
from mlops.errors import CommandError, NotYet
from mlops.lineage_words import leading
from mlops.words import moment
from monitoring import page

Members = Mapping[str, Any]

SECTIONS = (
    "model_overview",
    "model_package_details",
    "intended_uses",
    "business_details",
    "training_details",
    "evaluation_details",
    "additional_information",
)
POLL_SECONDS, PATIENCE_SECONDS = 2.0, 600.0
STATUSES = {"Draft": "quiet", "PendingReview": "warn", "Approved": "good", "Archived": "quiet"}

STYLE = """
main{max-width:62rem}
dl.card{margin:.4rem 0 1rem}dl.card>div{display:grid;grid-template-columns:13rem 1fr;gap:.2rem 1.2rem;
border-bottom:1px solid var(--rule);padding:.4rem 0}
dl.card dt{color:var(--soft)}dl.card dd{margin:0;min-width:0;white-space:pre-line}
dl.card dl.card,dl.card table{margin:0}dl.card td,dl.card td+td{overflow-wrap:anywhere}
dl.card dl.card>div:last-child,dl.card tr:last-child td{border-bottom:0}
dl.card dl.card>div:first-child,dl.card th{padding-top:0}
h3.group{margin:1.4rem 0 .3rem}
@page{size:A4;margin:14mm}
@media print{main{max-width:none;padding:0}h2,h3{break-after:avoid}tr,dl.card>div{break-inside:avoid}}
@media (max-width:40rem){dl.card>div{display:block}}
"""

_NAMES = {"arn": "ARN", "uri": "URI", "url": "URL", "id": "ID"}


def read(sagemaker: Any, name: str, version: int | None = None) -> dict[str, Any]:
    """DescribeModelCard's answer, with `Content` as data. version: the card's own, the newest if None.

    Raises CommandError if there is no such card, or its content is no JSON object.
    """
    numbered = {} if version is None else {"ModelCardVersion": version}
    try:
        found: dict[str, Any] = sagemaker.describe_model_card(ModelCardName=name, **numbered)
    except ClientError as error:
        if aws.is_missing(error, "ResourceNotFound", "ResourceNotFoundException"):
            raise CommandError(
                f"model card {name}: does not exist; the record keeper makes it at registration"
            ) from error
        raise
    try:
        content = json.loads(found["Content"])
    except ValueError as error:
        raise CommandError(f"model card {name}: its content is no JSON ({error}); update the card") from None
    if not isinstance(content, dict):
        raise CommandError(f"model card {name}: its content is no JSON object; update the card")
    found.pop("ResponseMetadata", None)
    return found | {"Content": content}


def export(sagemaker: Any, s3: Any, name: str, version: int, output: str, now: datetime) -> bytes:
    """The card as PDF, made by an export job that writes below `output` (an address in S3).

    Raises CommandError if the job fails, NotYet when it takes too long.
    """
    job = f"{name[:40].rstrip('-')}-{now.astimezone(UTC):%Y%m%d-%H%M%S}"  # at most 63 characters
    arn = sagemaker.create_model_card_export_job(
        ModelCardName=name,
        ModelCardVersion=version,
        ModelCardExportJobName=job,
        OutputConfig={"S3OutputPath": output},
    )["ModelCardExportJobArn"]
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        found = sagemaker.describe_model_card_export_job(ModelCardExportJobArn=arn)
        match found["Status"]:
            case "Completed":
                return _fetch(s3, str(found["ExportArtifacts"]["S3ExportArtifacts"]))
            case "Failed":
                why = found.get("FailureReason", "no reason given")
                raise CommandError(f"export job {job}: Failed: {why}")
        if time.monotonic() > deadline:
            raise NotYet(f"export job {job}: {found['Status']} after {PATIENCE_SECONDS:.0f} s; it goes on by itself")
        time.sleep(POLL_SECONDS)


def html(card: Members) -> str:
    """The page of a card as `read` returns it. Pure; everything in it is escaped."""
    content = card["Content"]
    name, status = str(card["ModelCardName"]), str(card["ModelCardStatus"])
    by = card.get("LastModifiedBy") or card.get("CreatedBy") or {}
    arn = by.get("UserProfileName") or (by.get("IamIdentity") or {}).get("Arn", "")
    changed = card.get("LastModifiedTime") or card.get("CreationTime")
    facts = [
        ("Version of the card", str(card["ModelCardVersion"])),
        ("Changed", f"{moment(changed)} UTC" if isinstance(changed, datetime) else str(changed or "")),
        ("By", people.name(str(arn)) if arn else ""),
        ("Risk rating", str((content.get("intended_uses") or {}).get("risk_rating", ""))),
        ("ARN", str(card["ModelCardArn"])),
    ]
    tag = page.tag(STATUSES.get(status, "quiet"), _word(status))
    head = f'<p class="eyebrow">Model card</p><h1>{escape(name)} {tag}</h1>' + page.facts(facts)
    order = [each for each in SECTIONS if each in content] + sorted(each for each in content if each not in SECTIONS)
    return page.page(f"{name}: model card", [head, *(_section(each, content[each]) for each in order)], STYLE)


def lines(card: Members) -> list[str]:
    """The card in a few lines for a terminal. Pure."""
    content = card["Content"]
    overview, uses = content.get("model_overview") or {}, content.get("intended_uses") or {}
    known = (
        ("purpose", uses.get("purpose_of_model")),
        ("uses", uses.get("intended_uses")),
        ("owner", overview.get("model_owner")),
        ("risk", uses.get("risk_rating")),
        ("metrics", ", ".join(f"{name} {_value(value)}" for name, value in _leading(content)[:6])),
        ("caveats", (content.get("additional_information") or {}).get("caveats_and_recommendations")),
    )
    first = f"{card['ModelCardName']}, version {card['ModelCardVersion']}: {_word(str(card['ModelCardStatus']))}"
    return [first, *(f"  {name:<10}{' '.join(str(text).split())}" for name, text in known if text)]


def _fetch(s3: Any, uri: str) -> bytes:
    """The exported file: the address is its own, or that of the folder that holds it."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not key.lower().endswith(".pdf"):
        listed = s3.list_objects_v2(Bucket=bucket, Prefix=key).get("Contents", [])
        found = [each["Key"] for each in listed if each["Key"].lower().endswith(".pdf")]
        if not found:
            raise CommandError(f"{uri}: the export job is Completed, but there is no PDF; run the command again")
        key = found[-1]
    body: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    return body


def _section(name: str, value: Any) -> str:
    if name == "evaluation_details" and isinstance(value, Sequence) and not isinstance(value, str):
        return page.heading("Evaluation details") + "".join(_evaluation(each) for each in value)
    return page.heading(_title(name)) + _content(value)


def _evaluation(each: Any) -> str:
    if not isinstance(each, Mapping):
        return _content(each)
    rest = {name: value for name, value in each.items() if name not in ("name", "metric_groups")}
    groups = "".join(_group(group) for group in each.get("metric_groups") or ())
    return f'<h3 class="group">{escape(str(each.get("name", "")))}</h3>' + _content(rest) + groups


def _group(group: Members) -> str:
    """The metrics of a group: single values as one table, each graph, bar chart and matrix as a table of its own."""
    simple, tables = [], []
    for metric in group.get("metric_data") or ():
        name, value, notes = str(metric.get("name", "")), metric.get("value"), str(metric.get("notes") or "")
        if isinstance(value, list | tuple):
            tables.append(f"<h3>{escape(name)}</h3>" + (page.paragraph(notes, "soft") if notes else "") + _many(metric))
        else:
            simple.append((escape(name), escape(_value(value)), escape(notes)))
    head = f'<h3 class="group">{escape(str(group.get("name", "")))}</h3>'
    columns = (("Metric", ""), ("Value", "n"), ("Notes", ""))
    return head + (page.table(columns, simple) if simple else "") + "".join(tables)


def _many(metric: Members) -> str:
    """A metric of several values, by its type in the schema: bar_chart, linear_graph or matrix."""
    value, across, down = metric["value"], _axis(metric.get("x_axis_name")), _axis(metric.get("y_axis_name"))
    match metric.get("type"):
        case "matrix":
            columns = [("", ""), *((name, "n") for name in _filled(across, max(map(len, value), default=0)))]
            rows = [
                (f"<strong>{escape(name)}</strong>", *(escape(_value(each)) for each in row))
                for name, row in zip(_filled(down, len(value)), value, strict=True)
            ]
            return page.table(columns, rows)
        case "linear_graph":
            columns = [(name, "n") for name in ((across or ["x"])[0], (down or ["y"])[0])]
            return page.table(columns, [tuple(escape(_value(each)) for each in point) for point in value])
        case _:
            names = _filled(across, len(value))
            heading = [("", ""), (down[0] if down else "Value", "n")]
            pairs = zip(names, value, strict=True)
            return page.table(heading, [(escape(name), escape(_value(each))) for name, each in pairs])


def _axis(names: object) -> list[str]:
    if isinstance(names, str):
        return [names]
    return [str(name) for name in names] if isinstance(names, list | tuple) else []


def _filled(names: Sequence[str], count: int) -> list[str]:
    """As many names as there are values; numbers where there are none."""
    return [names[place] if place < len(names) else str(place + 1) for place in range(count)]


def _content(value: Any) -> str:
    """Any part of a card: members as a list of terms, lists of members as tables, the rest as text."""
    if isinstance(value, Mapping):
        terms = "".join(
            f"<div><dt>{escape(_title(str(name)))}</dt><dd>{_content(part)}</dd></div>"
            for name, part in value.items()
            if part not in (None, "", [], {})
        )
        return f'<dl class="card">{terms}</dl>' if terms else page.paragraph("Nothing is said.", "soft")
    if isinstance(value, list | tuple):
        if value and all(isinstance(each, Mapping) for each in value):
            return _rows(value)
        return "<br>".join(escape(_value(each)) for each in value)
    return escape(_value(value))


def _rows(listed: Sequence[Members]) -> str:
    names = list(dict.fromkeys(name for each in listed for name in each))
    columns = [(_title(name), "") for name in names]
    return page.table(columns, [tuple(_content(each.get(name, "")) for name in names) for each in listed])


def _leading(content: Members) -> list[tuple[str, Any]]:
    """The single values of all evaluations, those first that a reader asks for first."""
    return list(leading(dict(_metrics(content))).items())


def _metrics(content: Members) -> Iterator[tuple[str, Any]]:
    for evaluation in content.get("evaluation_details") or ():
        for group in evaluation.get("metric_groups") or ():
            for metric in group.get("metric_data") or ():
                if not isinstance(metric.get("value"), list | tuple):
                    yield str(metric.get("name", "")), metric.get("value")


def _title(name: str) -> str:
    """`model_package_arn` as "Model package ARN"; keys that are no identifiers stay as they are."""
    if not name.islower() or ("_" not in name and " " in name):
        return name
    words = [_NAMES.get(word, word) for word in name.split("_")]
    text = " ".join(words)
    return text[:1].upper() + text[1:]


def _word(status: str) -> str:
    return {"PendingReview": "pending review"}.get(status, status.lower())


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)
