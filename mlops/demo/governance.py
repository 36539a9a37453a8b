"""What an auditor asks, answered by the commands that a person would type, and a second model that is refused first."""

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops import checkout, evidence, pipelines, releases
from mlops.cdk import ROOT
from mlops.console import line
from mlops.demo import telling
from mlops.demo.phases import Run
from mlops.errors import CommandError
from mlops.target import Target

MORTGAGES = ROOT / "data" / "mortgages" / "hmda.csv.gz"
REFUSAL = "gate failed"
"""How the gate begins its reasons."""
RECORDED_SECONDS = 60
"""Until the record keeper has written what was decided last; it is woken at once."""

Answer = dict[str, Any]


@dataclass(frozen=True)
class Auditor:
    """Asks about a model in the demo's environment; pages go to `folder`."""

    run: Run
    target: Target
    folder: Path

    def ask(self, version: int) -> Answer:
        """All questions about a version; raises CommandError for an answer that an auditor could not accept."""
        self._wait_for_record(version)
        pool = ThreadPoolExecutor(1, thread_name_prefix="reproduce")
        try:
            # It takes as long as all the others, which only read; its jobs are of a pipeline of its own.
            reproduced = pool.submit(self._reproduced, version)
            lineage = self._lineage(version)
            answers = {
                "data": self._data(lineage.pop("sha256")),
                "lineage": lineage,
                "card": self._card(version),
                "audit": self._audit(version),
                "manifest": self._manifest(version),
            }
            return {"version": version, "reproduced": reproduced.result(), **answers}
        finally:
            # Whoever interrupts does not wait; otherwise it has ended, or another answer was refused.
            pool.shutdown(wait=False, cancel_futures=True)

    def _wait_for_record(self, version: int) -> None:
        """The newest decisions about the version are in its manifest."""
        s3, bucket = self.target.clients("s3"), evidence.bucket(self.target)
        end = time.monotonic() + RECORDED_SECONDS
        while True:
            try:
                if evidence.newest(s3, bucket, self.target.names, version)["releases"]:
                    return
            except evidence.NoManifest:
                pass
            if time.monotonic() > end:
                raise CommandError(f"version {version}: no manifest with its release after {RECORDED_SECONDS} s")
            time.sleep(0.5)

    def _reproduced(self, version: int) -> Answer:
        answer = self._command("reproduce", version)
        if answer["outcome"] != "equal":
            raise CommandError(f"version {version} could not be made again: {json.dumps(answer)[:600]}")
        same = answer["comparison"]["same"]
        self._say(f"version {version} made again from its manifest: {same} files, equal bit for bit", "reproduce")
        return {"outcome": answer["outcome"], "files": same}

    def _lineage(self, version: int) -> Answer:
        page = self._page("lineage")
        answer = self._command("lineage", version, "--html", page)
        graph = answer["graph"]
        counted = self._command("lineage", version, "--predictions")
        predictions, nodes = counted["predictions"], len(graph["nodes"])
        self._say(
            f"version {version}: {nodes} things from its data to its endpoint, {predictions:,} predictions; "
            f"{page.relative_to(ROOT)}",
            "lineage",
        )
        return {
            "nodes": nodes,
            "edges": len(graph["edges"]),
            "missing": answer["missing"],
            "predictions": predictions,
            "page": str(page.relative_to(ROOT)),
            "sha256": answer["manifest"]["data"]["sha256"],
        }

    def _card(self, version: int) -> Answer:
        page, pdf = self._page("card"), self.folder / "card.pdf"
        card = self._command("card", version, "--html", page, "--pdf", pdf)["card"]
        self._say(f"model card of version {version}: {card['ModelCardStatus']}; {pdf.relative_to(ROOT)}", "card")
        return {
            "status": card["ModelCardStatus"],
            "version": card["ModelCardVersion"],
            "page": str(page.relative_to(ROOT)),
            "pdf": str(pdf.relative_to(ROOT)),
        }

    def _audit(self, version: int) -> Answer:
        page = self._page("audit")
        answer = self._command("audit", "--html", page)
        versions = {each["version"]: each["gaps"] for each in answer["releases"]}
        if versions[version]:
            raise CommandError(
                f"version {version}: {versions[version]} gaps in its evidence; see mlops audit {version}"
            )
        told = ", ".join(f"{each}: {gaps or 'none'}" for each, gaps in sorted(versions.items()))
        self._say(f"gaps in the evidence of each version: {told}; {page.relative_to(ROOT)}", "audit")
        return {"gaps": {str(each): gaps for each, gaps in versions.items()}, "page": str(page.relative_to(ROOT))}

    def _manifest(self, version: int) -> Answer:
        names, ledger = self.target.names, self.target.ledger
        noted = evidence.noted(self.target.clients("dynamodb"), ledger, names, version)
        chain = evidence.chain(self.target.clients("s3"), evidence.bucket(self.target), names, version, noted)
        if chain.problems:
            raise CommandError(f"version {version}: {'; '.join(chain.problems)}")
        return {"revisions": len(chain.revisions)}

    def _data(self, sha256: str) -> Answer:
        """Which versions learned from what this version learned from."""
        answer = self._command("lineage", "--data", sha256, model=False)
        used = [f"{use['model']} {use['version']}" for use in answer["used_by"]]
        return {"sha256": sha256, "used_by": used, "disagreements": answer["disagreements"]}

    def _command(self, *words: object, model: bool = True) -> Answer:
        """A command of `mlops`, as a person types it, with its answer as JSON."""
        about = ["--model", self.target.names.public] if model else []
        command = [sys.executable, "-m", "mlops", *map(str, words), "--env", self.target.environment, *about, "--json"]
        done = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True)
        try:
            answer: Answer = json.loads(done.stdout)
        except ValueError:
            raise CommandError(f"mlops {words[0]}: exit code {done.returncode}: {done.stderr.strip()[-600:]}") from None
        return answer

    def _page(self, name: str) -> Path:
        return self.folder / f"{name}.html"

    def _say(self, text: str, source: str) -> None:
        line(self.run.clock, text, source=source)


def train_mortgages(run: Run, target: Target, data_bucket: str, mitigated: Mapping[str, str]) -> Answer:
    """Train the second model twice: as it is, and with `mitigated`; the gate refuses the first by its limits of bias.

    Raises CommandError if the gate lets the first one pass, or the second one not.
    """
    body = MORTGAGES.read_bytes()
    prefix = f"{target.names.folder}/{hashlib.sha256(body).hexdigest()[:12]}/"
    target.clients("s3").put_object(Bucket=data_bucket, Key=f"{prefix}{MORTGAGES.name}", Body=body)
    parameters = {"InputDataUri": f"s3://{data_bucket}/{prefix}", "CodeCommit": checkout.commit(ROOT)}
    sagemaker, pipeline = target.clients("sagemaker"), target.names.pipeline
    for arn in pipelines.stop_running(sagemaker, pipeline):
        line(run.clock, f"stopped {arn}: an interrupted demo had left it running")
    say = telling.steps(run.clock)
    try:
        pipelines.run(target.clients, pipeline, parameters, say)
    except CommandError as error:
        refused = str(error)
        if REFUSAL not in refused:
            raise
    else:
        raise CommandError(f"pipeline {pipeline}: its gate let a model pass that breaks the limits of bias")
    pipelines.run(target.clients, pipeline, {**parameters, **mitigated}, say)
    package = releases.newest_version(sagemaker, target.package_group)
    line(run.clock, f"version {package['ModelPackageVersion']} registered, with {_words(mitigated)}", style="green")
    return {"refused": refused, "registered": package["ModelPackageVersion"], "with": dict(mitigated)}


def _words(parameters: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in parameters.items())
