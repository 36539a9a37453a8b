"""From a version's manifest to the graph of what it was made from and what became of it. Pure."""

import posixpath
from collections.abc import Mapping
from typing import Any

from mlops import lineage_words as short
from mlops import people
from mlops.ledger import ENDED
from mlops.lineage_graph import FRAME, Column, Edge, Graph, Live, Node
from mlops.lineage_steps import Needs, after, ends, ordered, shown
from mlops.reproduce_definition import INGEST

Row = Mapping[str, Any]

_HIDDEN = frozenset({"Condition", "RegisterModel", "Model", "Fail"})
"""Steps that are no work on data: branches, and the registration, which the package itself shows."""
_TRAINING = frozenset({"Training", "Tuning", "AutoML"})
_MOST_DECISIONS = 6
_FEW = 3  # arrows of one image; of more, one arrow to all steps says less but is read
_APPROVALS = {"PendingManualApproval": "waits for approval"}
_OUTCOMES = ENDED | {"begin": "begins", "done": "released", "retire": "retired"}


def graph(manifest: Row, live: Live | None = None, needs: Needs | None = None) -> Graph:
    """The graph of a manifest.

    needs: `lineage_steps.dependencies` of its pipeline's definition; without, steps follow each other as they ran.
    """
    return _Drawing(manifest, live, needs or {}).graph()


class _Drawing:
    def __init__(self, manifest: Row, live: Live | None, needs: Needs) -> None:
        self._manifest, self._live = manifest, live
        self._nodes: list[Node] = []
        self._edges: dict[Edge, None] = {}
        listed = short.part(manifest, "pipeline").get("steps") or ()
        self._steps = [step for step in listed if step.get("type") not in _HIDDEN]
        names = [step["name"] for step in self._steps]
        known = {step["name"] for step in listed} & needs.keys()
        self._needs = (
            shown(needs, names) if known else {name: frozenset(names[at - 1 : at]) for at, name in enumerate(names)}
        )
        self._trained = [step["name"] for step in self._steps if step.get("type") in _TRAINING]

    def graph(self) -> Graph:
        self._add_steps()
        self._add_sources()
        self._add_evidence()
        self._add_registry()
        self._add_decisions()
        self._add_serving()
        known = {node.id for node in self._nodes} | {FRAME}
        edges = tuple(edge for edge in self._edges if edge.source in known and edge.target in known)
        return Graph(tuple(self._nodes), edges, self._frame() if self._steps else "")

    def _frame(self) -> str:
        pipeline = short.part(self._manifest, "pipeline")
        run = str(pipeline.get("execution") or "").rsplit("/", 1)[-1]
        began = short.day(pipeline.get("started_at"))
        return f"Pipeline {pipeline.get('name') or ''}, run {run or 'not known'}" + (f", {began}" if began else "")

    def _node(self, node_id: str, column: Column, kind: str, title: str, *lines: str, ids: Row, tone: str = "") -> str:
        known = tuple((name, str(value)) for name, value in ids.items() if value not in (None, "", "null"))
        self._nodes.append(Node(node_id, column, kind, title, tuple(line for line in lines if line), known, tone))
        return node_id

    def _edge(self, source: str, target: str) -> None:
        if source and target and source != target:
            self._edges[Edge(source, target)] = None

    def _add_steps(self) -> None:
        artifact, training = short.part(self._manifest, "artifact"), short.part(self._manifest, "training")
        judging = after(self._trained, self._needs)
        for step in ordered(self._steps, self._needs):
            name = step["name"]
            column = (
                Column.TRAINING
                if name in self._trained
                else Column.JUDGEMENT
                if name in judging
                else Column.PREPARATION
            )
            said = [short.state(step)]
            if name in self._trained:
                said += [short.on(training), short.seconds(training.get("seconds"))]
            self._node(
                f"step {name}",
                column,
                f"{str(step.get('type', 'step')).lower()} step",
                name,
                *said,
                ids={"job": step.get("job"), "status": step.get("status")},
            )
        made = self._best_job(training)
        if artifact:
            self._node(
                "artifact",
                Column.TRAINING,
                "model artifact",
                posixpath.basename(str(artifact.get("uri", ""))),
                short.size(artifact.get("size")),
                ids=short.pick(artifact, "uri", "version_id", "etag"),
            )
            self._edge(made, "artifact")
        for name, needed in self._needs.items():
            for other in needed:
                takes_model = other in self._trained and artifact and name not in self._trained
                self._edge("artifact" if takes_model else f"step {other}", f"step {name}")

    def _best_job(self, training: Row) -> str:
        """The node of the job that made the model: its step, or beside a tuning step the best of its jobs."""
        job, made = training.get("job"), f"step {self._trained[-1]}" if self._trained else ""
        own = next((step for step in self._steps if step.get("job") == job and step["name"] in self._trained), None)
        if not job or own:
            return f"step {own['name']}" if own else made
        self._node(
            "training",
            Column.TRAINING,
            "training job",
            str(job).rsplit("/", 1)[-1],
            short.on(training),
            short.seconds(training.get("seconds")),
            ids={"job": job},
        )
        self._edge(made, "training")
        return "training"

    def _add_sources(self) -> None:
        data = short.part(self._manifest, "data")
        by_uri: dict[str, list[Row]] = {}
        for each in data.get("inputs") or ():
            by_uri.setdefault(str(each.get("uri")), []).append(each)
        for place, (uri, inputs) in enumerate(by_uri.items(), 1):
            objects = inputs[0].get("objects") or ()
            node = self._node(
                f"data {place}",
                Column.SOURCE,
                "data",
                short.tail(uri),
                short.count(len(objects), "object"),
                short.size(sum(each.get("size") or 0 for each in objects)),
                ids={"uri": uri, "sha256": data.get("sha256") if place == 1 else None} | short.objects(objects),
            )
            for each in inputs:
                self._edge(node, self._step(each.get("step")))
        for each in data.get("features") or ():
            name = str(each.get("group"))
            node = self._node(
                f"features {name}",
                Column.SOURCE,
                "feature group",
                name,
                f"as of {short.day(each.get('as_of')) or 'now'}",
                ids=short.pick(each, "feature_group", "as_of", "run"),
            )
            for step in self._joining(each.get("step")):
                self._edge(node, self._step(step, self._trained[0] if self._trained else ""))
        self._add_code()

    def _joining(self, told: object) -> list[object]:
        """Steps that take features: the one that is told, or those that come next after their ingestion."""
        after_ingestion = [
            name for name, needed in self._needs.items() if any(other.startswith(INGEST) for other in needed)
        ]
        return [told] if told or not after_ingestion else [*after_ingestion]

    def _add_code(self) -> None:
        code = short.part(self._manifest, "code")
        bundle = short.part(code, "bundle")
        if bundle or code.get("commit"):
            commit = str(code.get("commit") or "")
            self._node(
                "code",
                Column.SOURCE,
                "code",
                "code bundle",
                f"sha256 {str(bundle.get('sha256') or '')[:10]}…",
                f"commit {commit[:10]}" if commit else "commit not known",
                ids=short.pick(bundle, "uri", "sha256", "version_id")
                | {"commit": commit, "definition sha256": code.get("definition_sha256")},
            )
            self._edge("code", FRAME)
        steps = {step["name"] for step in self._steps}
        for place, each in enumerate(self._manifest.get("images") or (), 1):
            uri, digest = str(each.get("uri", "")), str(each.get("digest") or "")
            used = sorted(set(each.get("used_by") or ()) & steps) or sorted(steps)
            node = self._node(
                f"image {place}",
                Column.SOURCE,
                "image",
                uri.rsplit("/", 1)[-1],
                digest[:19] + "…" if digest else "digest not known",
                ids={"uri": uri, "digest": digest, "used by": ", ".join(used)},
                tone="" if digest else "warn",
            )
            for target in [FRAME] if len(used) == len(steps) or len(used) > _FEW else [f"step {name}" for name in used]:
                self._edge(node, target)

    def _add_evidence(self) -> None:
        last = next(
            (f"step {step['name']}" for step in self._steps if step["name"] in after(self._trained, self._needs)),
            "artifact",
        )
        if metrics := short.part(self._manifest, "metrics"):
            said = [f"{name} {short.figure(value)}" for name, value in list(short.leading(metrics).items())[:2]]
            self._node(
                "metrics", Column.EVIDENCE, "evaluation", short.count(len(metrics), "metric"), *said, ids=metrics
            )
            self._edge(last, "metrics")
        for kind, name, member in (("bias report", "bias", "facets"), ("explanations", "explanations", "shares")):
            if report := short.part(self._manifest, name):
                self._node(
                    name,
                    Column.EVIDENCE,
                    kind,
                    short.tail(str(report.get("uri", ""))),
                    short.names(short.largest(report.get(member) or ())),
                    ids=short.pick(report, "uri", "version_id"),
                )
                self._edge(self._maker(report.get("uri")) or last, name)
        self._add_baselines(last)
        if run := short.part(self._manifest, "experiment"):
            self._node(
                "experiment", Column.EVIDENCE, "experiment", str(run.get("run")), ids=short.pick(run, "tracking", "run")
            )
            self._edge(
                "training"
                if any(node.id == "training" for node in self._nodes)
                else f"step {self._trained[-1]}"
                if self._trained
                else "",
                "experiment",
            )

    def _add_baselines(self, last: str) -> None:
        """A node for all that one step made."""
        made: dict[str, dict[str, str]] = {}
        for name, each in short.part(self._manifest, "baselines").items():
            made.setdefault(self._maker(each.get("uri")) or last, {})[name] = str(each.get("uri"))
        for place, (maker, uris) in enumerate(made.items(), 1):
            node = f"baselines {place}"
            self._node(
                node, Column.EVIDENCE, "baselines", short.count(len(uris), "baseline"), short.names(uris), ids=uris
            )
            self._edge(maker, node)

    def _add_registry(self) -> None:
        told = self._manifest
        if origin := short.part(told, "origin"):
            self._node(
                "origin",
                Column.REGISTRY,
                "made elsewhere",
                str(origin.get("environment")),
                ids=short.pick(origin, "manifest"),
            )
            self._edge("origin", "package")
        retired = short.part(told, "retired")
        self._node(
            "package",
            Column.REGISTRY,
            "model package",
            f"version {told.get('version')}",
            f"retired {short.day(retired.get('at'))}" if retired else short.day(told.get("registered_at")),
            ids={
                "package": told.get("package"),
                "registered": told.get("registered_at"),
                "lineage artifact": short.part(told, "lineage").get("package_artifact"),
                "archive": retired.get("archive"),
            },
            tone="quiet" if retired else "",
        )
        for node in self._nodes:
            if node.column is Column.EVIDENCE:
                self._edge(node.id, "package")
        if any(node.id == "artifact" for node in self._nodes):
            self._edge("artifact", "package")
        for name in ends(self._needs, [step["name"] for step in self._steps]):
            if name in after(self._trained, self._needs) and not any(
                edge.source == f"step {name}" for edge in self._edges
            ):
                self._edge(f"step {name}", "package")
        if card := short.part(told, "card"):
            self._node(
                "card",
                Column.REGISTRY,
                "model card",
                str(card.get("name")),
                str(card.get("status") or ""),
                ids=short.pick(card, "arn", "version", "status"),
            )
            self._edge("package", "card")

    def _add_decisions(self) -> None:
        before = "package"
        for place, each in enumerate((self._manifest.get("approvals") or ())[-_MOST_DECISIONS:], 1):
            status, by = str(each.get("status")), str(each.get("by") or "")
            tone = {"Approved": "good", "Rejected": "warn"}.get(status, "quiet")
            before = self._follow(
                before,
                f"approval {place}",
                "approval",
                _APPROVALS.get(status, status),
                people.name(by) if by else "by somebody",
                short.moment(each.get("at")),
                ids=short.pick(each, "by", "at", "why"),
                tone=tone,
            )
        for place, each in enumerate((self._manifest.get("releases") or ())[-_MOST_DECISIONS:], 1):
            outcome = str(each.get("outcome") or "")
            stage = str(each.get("stage") or "")
            title = _OUTCOMES.get(outcome, outcome)
            if outcome == "begin" and stage:
                title = "promotion begins" if stage == "promote" else f"begins as {stage}"
            before = self._follow(
                before,
                f"release {place}",
                "release",
                title or stage,
                short.moment(each.get("at")),
                ids=short.pick(each, "stage", "outcome", "at", "reason"),
            )
        self._decided = before
        reviews = self._manifest.get("reviews") or ()
        if reviews:
            newest = reviews[-1]
            self._node(
                "reviews",
                Column.DECISION,
                "review",
                short.count(len(reviews), "review"),
                f"by {people.name(str(newest.get('by')))}",
                short.moment(newest.get("at")),
                ids=short.pick(newest, "by", "at", "note"),
            )
            self._edge("package", "reviews")

    def _follow(self, before: str, node: str, kind: str, title: str, *lines: str, ids: Row, tone: str = "") -> str:
        self._node(node, Column.DECISION, kind, title, *lines, ids=ids, tone=tone)
        self._edge(before, node)
        return node

    def _add_serving(self) -> None:
        live = self._live
        if live is None:
            return
        if live.role:
            self._node(
                "configuration",
                Column.SERVING,
                "configuration",
                live.configuration,
                ids={"configuration": live.configuration},
            )
            self._edge(self._decided, "configuration")
            self._edge("configuration", "endpoint")
            said, tone = [live.role, f"{live.share:g} % of requests"], "good"
        else:
            said, tone = [f"served by version {live.champion}" if live.champion else "serves nothing"], "quiet"
        self._node(
            "endpoint",
            Column.SERVING,
            "endpoint",
            live.endpoint,
            *said,
            live.status,
            ids={"endpoint": live.arn or live.endpoint, "configuration": live.configuration},
            tone=tone,
        )

    def _step(self, name: object, otherwise: str = "") -> str:
        names = [step["name"] for step in self._steps]
        chosen = name if name in names else otherwise or (names[0] if names else "")
        return f"step {chosen}" if chosen else "artifact"

    def _maker(self, uri: object) -> str:
        """The step that wrote a file: outputs are below a folder of the step's name."""
        parts = str(uri or "").split("/")
        return next((f"step {step['name']}" for step in self._steps if step["name"] in parts), "")
