"""One request to a model's endpoint, and its answer; or in one line why there is none."""

import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from mlops import aws, verify
from mlops.assignment import StickyEndpoint
from mlops.cdk import ROOT
from mlops.errors import CommandError, NotYet, UsageError
from mlops.observation import observe
from mlops.release_state import version_of
from mlops.situation import waiting
from mlops.target import Target
from mlops_constructs.switch_names import NOW, OFF

STANDARD_INPUT = "-"
LOGS = "/aws/sagemaker/Endpoints"
SAMPLES = Path("samples") / verify.REQUESTS
_JSON = "application/json"
_OF_THE_CALLER = range(400, 500)


@dataclass(frozen=True)
class Answer:
    """A request and what came back, as they were sent.

    variant: which one answered, as SageMaker's header says. versions: those that the predictions name, each once.
    """

    request: str
    text: str
    inference_id: str
    variant: str = ""
    versions: tuple[str, ...] = ()

    @property
    def by(self) -> str:
        """Who answered, as far as the answer says."""
        numbers = f"version {' and '.join(self.versions)}" if self.versions else ""
        return ", ".join(each for each in (self.variant, numbers) if each) or "no word of who answered"


def samples(model: Target, pipeline_code: Path = ROOT / "pipeline_code") -> Path:
    """Where a model keeps its example requests, whether there are any or not."""
    return pipeline_code / model.names.folder / SAMPLES


def sample(path: Path) -> str:
    """The first request of a model's samples; raises UsageError if it has none."""
    if not path.is_file():
        raise UsageError(f"{short(path)}: is not there; give a request with --data or --file")
    return read(str(path))[0]


def short(path: Path) -> str:
    """A path within the project from its root."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def read(file: str) -> list[str]:
    """The requests of a file or of the standard input, one a line; raises UsageError if there are none to read."""
    name = "standard input" if file == STANDARD_INPUT else file
    try:
        body = sys.stdin.buffer.read() if file == STANDARD_INPUT else Path(file).read_bytes()
        lines = [line.strip() for line in body.decode("utf-8-sig").split("\n")]
    except OSError as error:
        raise UsageError(f"{name}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{name}: not UTF-8 at byte {error.start}") from None
    if found := [line for line in lines if line]:
        return found
    raise UsageError(f"{name}: holds no request; write one a line")


def endpoint(model: Target) -> str:
    """The name of the endpoint that the model's stack has made; raises CommandError, or NotYet, if it has none."""
    stack = verify.describe(model.clients, model.names.serving_stack)
    if stack.outputs.get(NOW) == OFF:
        raise CommandError(f"{model.title}: its endpoint is stopped; {model.command('start', '--wait')} brings it back")
    if name := stack.outputs.get("EndpointName"):
        return name
    if not model.settings.enabled:
        raise CommandError(f"{model.title}: is switched off by enabled = false; take that out, and deploy")
    if stack.status == verify.MISSING:
        raise CommandError(f"stack {stack.name}: does not exist; deploy it: make synth deploy ENV={model.environment}")
    raise NotYet(f"{model.title}: nothing serves yet: {_missing(model)}")


def send(model: Target, name: str, request: str, inference_id: str, applicant: str = "") -> Answer:
    """Ask the endpoint; raises CommandError with the container's first line where it refuses the request, or fails.

    applicant: whose variant is to answer, where the endpoint's assignment is sticky; "" leaves it to SageMaker.
    """
    runtime = model.clients("sagemaker-runtime")
    given = {"ContentType": _JSON, "Accept": _JSON, "InferenceId": inference_id, "Body": request}
    try:
        if applicant:
            found = StickyEndpoint(model.clients("sagemaker"), runtime, name).invoke(applicant, **given)
        else:
            found = runtime.invoke_endpoint(EndpointName=name, **given)
    except ClientError as error:
        if told := _told(model, name, error):
            raise told from error
        raise
    text = found["Body"].read().decode("utf-8", "replace").replace("\n", " ").strip()
    return Answer(request, text, inference_id, found.get("InvokedProductionVariant", ""), tuple(_versions(text)))


def document(text: str) -> Any:
    """What JSON says, or the text itself where it is none."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def counted(answers: Iterable[Answer]) -> str:
    """How many answered, in one line."""
    of = Counter(each.by for each in answers)
    return f"{of.total():,} answered: " + "; ".join(f"{count:,} by {by}" for by, count in of.items())


def _versions(text: str) -> list[str]:
    found = document(text)
    predictions = found.get("predictions") if isinstance(found, Mapping) else None
    named = [each.get("model_version") for each in predictions or [] if isinstance(each, Mapping)]
    return list(dict.fromkeys(str(each) for each in named if each is not None))


def _missing(model: Target) -> str:
    """What has to happen before the first version serves, and who does it."""
    seen = observe(model, datetime.now(UTC))
    if waits := waiting.of_release(model, seen):
        return "; ".join(f"{each.what}: {each.remedy}" for each in waits)
    if not seen.versions:
        return f"it has no version: {model.command('train')}"
    if coming := seen.state.candidate or seen.next_version:
        return f"version {version_of(coming.package)} is approved and on its way: {model.command('status')}"
    return f"{model.command('status')} shows what became of its versions"


def _told(model: Target, name: str, error: ClientError) -> CommandError | None:
    """What a person is told of a refusal; None where AWS's own words say it."""
    code = error.response["Error"].get("Code")
    if code == "ModelError":
        status = int(error.response.get("OriginalStatusCode", 0))
        first = next(iter(str(error.response.get("OriginalMessage", "")).splitlines()), "") or "without a word"
        if status in _OF_THE_CALLER:
            known = samples(model)
            see = f"; {short(known)} shows the form" if known.is_file() else ""
            return CommandError(f"{model.title}: the request is refused: {status}: {first}{see}")
        return CommandError(f"{model.title}: the model failed: {status}: {first}; its log: {LOGS}/{name}")
    if code == "ValidationError" and (state := _status(model, name)) != "InService":
        return CommandError(f"endpoint {name}: is {state}; {model.command('status')} shows what goes on")
    return None


def _status(model: Target, name: str) -> str:
    try:
        return str(model.clients("sagemaker").describe_endpoint(EndpointName=name)["EndpointStatus"])
    except ClientError as error:
        if aws.is_missing(error):
            return verify.MISSING
        raise
