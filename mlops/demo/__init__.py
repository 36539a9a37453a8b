"""`make demo`: the whole loop on one machine, from an empty account to predictions."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local_aws.state import Home
from mlops import aws, checkout, local, pipelines, registry, releases, target, traffic
from mlops.cdk import ROOT, cdk, is_news
from mlops.console import console, line
from mlops.demo import alone, chronicle, governance, loans, report, telling
from mlops.demo.governance import Auditor
from mlops.demo.history import BankHistory, bank_months
from mlops.demo.phases import Run
from mlops.demo.story import RECENT, SLIP, Story
from mlops.demo.years import Years
from mlops.errors import CommandError
from mlops.interruption import interruptible, put_off
from mlops_constructs.naming import EnvironmentNames, ModelNames

STAGE = "local"
MODEL = "loan_approval"
SECOND_MODEL = "mortgage_approval"
MITIGATED = {"Mitigation": "reweighing", "DecisionThreshold": "0.3"}
SUMMARY = ROOT / "build" / "demo" / "summary.json"
REPORT = SUMMARY.with_name("report.html")
FIRST_BOOK = "2002-12-31"
"""The day up to which the bank's book goes that the first version learns from."""
YEAR, PER_MONTH = 2003, 100
RELEASE_TIMEOUT_SECONDS = 300
"""A run of the controller that a kill cut off keeps its lock for 90 s, and the schedule comes a minute later."""
CAPTURE_TIMEOUT_SECONDS = 30
DEPLOY_HINT = "synthesizing all stacks, 10 to 20 s without a word, then deploying them: 20 to 40 s in all"


def run_demo(*, keep: bool) -> int:
    """Run every phase; returns 0, or 1 after naming the phase that failed, or 130 if it was interrupted.

    Raises CommandError if another demo runs on the same state, or the local AWS does not stop.
    """
    home = Home.chosen()
    with interruptible(), local.claimed(home):
        return _run(home, keep=keep)


def _run(home: Home, *, keep: bool) -> int:
    run = Run(SUMMARY)
    run.begin()
    # What `make demo` spent on installing, before there was a Python to measure it.
    run.seconds["install"] = float(os.environ.get("MLOPS_INSTALL_SECONDS", "0"))
    server: local.Server | None = None
    code = 1
    try:
        with run.phase("start"), put_off():
            server = local.start(home, lambda text: line(run.clock, text, source="local aws"))
        _loop(run, server)
        code = 0
    except (CommandError, ClientError, BotoCoreError, OSError) as error:
        run.tell_failure(_reason(error, server))
    except KeyboardInterrupt:
        run.tell_failure("run `make demo` again: it goes on from what is saved", how="interrupted")
        code = 130
    finally:
        # Once: a second Ctrl-C would leave the local AWS running.
        with put_off(forget=True):
            try:
                if server is not None and not keep:
                    line(run.clock, "saving and stopping", source="local aws")
                    server.stop()
            finally:
                if code:
                    run.fail()
                run.write()
    runs = keep and server is not None and server.answers
    if code == 0:
        _tell_end(run, runs=runs)
    if runs:
        _tell_running()
    return code


def _reason(error: Exception, server: local.Server | None) -> str:
    text = aws.explain(error) if isinstance(error, ClientError | BotoCoreError) else str(error)
    if server is None or server.answers:
        return text
    return (
        f"{text}\nThe local AWS has ended; its log: {server.home.log}. Run `make demo` again: it goes on from what is "
        "saved"
    )


def _loop(run: Run, server: local.Server) -> None:
    """Deploy, train, approve, release, predict: the phases after the local AWS is there."""
    clients = aws.clients_of(server.environment)
    names = EnvironmentNames("mlops", STAGE)
    model = names.model(MODEL)
    banks = BankHistory(clients, names)

    with run.phase("bootstrap"):
        # From a folder without an app: bootstrapping then needs no synthesis.
        _cdk(run, server, "bootstrap", f"aws://{server.account}/{server.region}", folder=server.home.path)
    with run.phase("deploy"):
        assembly = str(server.home.path / "cdk.out")
        line(run.clock, DEPLOY_HINT, source="cdk deploy")
        _cdk(run, server, "deploy", "--all", "--require-approval", "never", "--output", assembly)
        foundation = releases.outputs(clients("cloudformation"), names.foundation_stack)
    with run.phase("pipeline"):
        package = _train(run, clients, model, foundation["DataBucket"], banks)
    with run.phase("release"):
        line(run.clock, telling.LIVE)
        serving = _release(run, clients, model, package)
    with run.phase("traffic"):
        _predict(run, clients, model, serving, foundation["CaptureBucket"])
    years = Years(
        run=run,
        target=target.find(STAGE, MODEL),
        endpoint=serving.endpoint,
        runtime=clients("sagemaker-runtime"),
        capture_bucket=foundation["CaptureBucket"],
        data_bucket=foundation["DataBucket"],
        version=package["ModelPackageVersion"],
        banks=banks,
    )
    story = Story(
        run=run,
        target=years.target,
        endpoint=serving.endpoint,
        capture_bucket=foundation["CaptureBucket"],
        artifacts_bucket=foundation["ArtifactsBucket"],
        runtime=aws.clients_of(server.environment, attempts=1)("sagemaker-runtime"),
    )
    story.tell_first(package["ModelPackageVersion"])
    _live(run, years, story)
    with run.phase("worse"):
        story.release(story.train("with a threshold of 0.9", years.snapshot, **RECENT, DecisionThreshold="0.9"))
    with run.phase("broken"):
        champion = registry.version(clients("sagemaker"), years.target.package_group, years.version)
        slip = story.register_by_hand(champion, SLIP, "an urgent fix, with an error in its code")
        story.release(slip, hotfix=True)
    run.results["releases"] = story.releases
    _tell_years(run, years, package)
    with run.phase("governance"):
        asked = Auditor(run, years.target, SUMMARY.parent).ask(package["ModelPackageVersion"])
    with run.phase("fairness"):
        second = target.find(STAGE, SECOND_MODEL)
        trained = governance.train_mortgages(run, second, foundation["DataBucket"], MITIGATED)
    run.results["governance"] = {**asked, SECOND_MODEL: trained}
    _write_report(run, years)
    run.results["resource_types"] = server.resource_types()


def _live(run: Run, years: Years, story: Story) -> None:
    """The months with the first version, until its decisions are seen to fail; then those with its successor."""
    with run.phase("months"):
        years.until_retraining()
    with run.phase("retrained"):
        package = years.follow_retraining()
        story.applications = years.applications()
        story.release(package)
        version = package["ModelPackageVersion"]
        years.note_answers(story.answered, f"v{version}-")
    if story.releases[-1]["outcome"] != "promoted":
        raise CommandError(
            f"version {version}, made by the retraining: {story.releases[-1]['outcome']}, expected promoted; "
            "see mlops history"
        )
    with run.phase("after"):
        years.finish(version)


def _tell_years(run: Run, years: Years, first: Mapping[str, Any]) -> None:
    """Put the years into the summary and the report, beside what the first version alone would have come to."""
    everything = [loan for month in years.history.months.values() for loan in month.loans]
    months = chronicle.rows(years, alone.approved_by(years.target.clients("s3"), first, everything, years.banks))
    found = chronicle.summary(years, months)
    run.results["monitoring"] = found
    run.results["months"] = months
    _write_report(run, years)  # should the auditor be refused an answer, the story is there all the same
    now = found["charge_off_rates"]["since_release"]
    line(
        run.clock,
        f"since {now['from']}: {now['with']:.1%} of the approved loans were charged off in the end; version 1 alone "
        f"would have come to {now['without']:.1%}",
        style="green",
    )


def _write_report(run: Run, years: Years) -> None:
    rule = years.target.settings.monitoring
    given = {"rule": {"breaches": rule.breaches, "of": rule.of}}
    REPORT.write_text(report.html(report.story_of({**run.results, **given}, SUMMARY.parent)))


def _train(
    run: Run, clients: Callable[[str], Any], model: ModelNames, data_bucket: str, banks: BankHistory
) -> Mapping[str, Any]:
    """Upload the loans, run the deployed pipeline, and return the version it registered."""
    sagemaker = clients("sagemaker")
    for arn in pipelines.stop_running(sagemaker, model.pipeline):
        line(run.clock, f"stopped {arn}: an interrupted demo had left it running")
    loans.begin_again(clients("s3"), data_bucket, MODEL, FIRST_BOOK)
    banks.begin_again(FIRST_BOOK)
    uri = loans.upload(clients("s3"), data_bucket, MODEL, FIRST_BOOK, bank_months(FIRST_BOOK))
    line(run.clock, f"loans uploaded to {uri}")
    parameters = {"InputDataUri": uri, "CodeCommit": checkout.commit(ROOT)}
    follower = pipelines.run(clients, model.pipeline, parameters, telling.steps(run.clock))
    package = releases.newest_version(sagemaker, model.package_group)
    if package["ModelApprovalStatus"] != "PendingManualApproval":
        raise CommandError(
            f"version {package['ModelPackageVersion']} of {model.package_group}: registered as "
            f"{package['ModelApprovalStatus']}, expected PendingManualApproval"
        )
    run.results |= {
        "steps": {step["StepName"]: pipelines.duration(step) for step in follower.steps()},
        "model_package_group": model.package_group,
        "version": package["ModelPackageVersion"],
        "test_auc": round(float(package["CustomerMetadataProperties"]["test_auc"]), 4),
    }
    line(
        run.clock,
        f"version {package['ModelPackageVersion']} registered, PendingManualApproval, "
        f"test AUC {run.results['test_auc']:.3f}",
        style="green",
    )
    return package


def _release(
    run: Run, clients: Callable[[str], Any], model: ModelNames, package: Mapping[str, Any]
) -> releases.Serving:
    """Approve as a person does; from there the event, the rule and the controller do the work."""
    arn = package["ModelPackageArn"]
    # On a kept state a later model may serve: the bank then begins again with this one, without comparing them.
    registry.approve(clients("sagemaker"), package, reason="approved in the demo", by="demo", strategy="replace")
    line(
        run.clock,
        f"version {package['ModelPackageVersion']} approved, by the demo in place of a person",
        source="registry",
    )
    serving = releases.wait_until_served(
        clients,
        model.serving_stack,
        arn,
        lambda who, text: line(run.clock, text, source=who),
        RELEASE_TIMEOUT_SECONDS,
    )
    run.results |= {
        "endpoint": serving.endpoint,
        "endpoint_config": serving.endpoint_config,
        "champion_package_arn": serving.champion_package_arn,
    }
    line(run.clock, f"endpoint {serving.endpoint} serves {serving.endpoint_config}", style="green")
    return serving


def _predict(
    run: Run,
    clients: Callable[[str], Any],
    model: ModelNames,
    serving: releases.Serving,
    capture_bucket: str,
) -> None:
    """Send real applications, one request each, and find them in data capture."""
    requests = list(loans.applications(YEAR, PER_MONTH))
    # Ids of this run: a second run replays the same loans, and each of its requests is captured anew.
    requests = [(f"{loan}-v{run.results['version']}", application) for loan, application in requests]
    replayed = traffic.replay(clients("sagemaker-runtime"), serving.endpoint, requests)
    line(
        run.clock,
        f"{replayed.predictions} applications in {replayed.seconds:.1f} s: "
        + ", ".join(f"{count} {decision}" for decision, count in sorted(replayed.decisions.items()))
        + f"; answered by version {', '.join(sorted(replayed.versions))}",
    )
    refused = traffic.bad_request(clients("sagemaker-runtime"), serving.endpoint, {**requests[0][1], "GrAppv": "a lot"})
    line(run.clock, f"an application with GrAppv 'a lot' is answered with {refused}")
    prefix = f"{model.folder}/{serving.endpoint}/"
    kept = traffic.captured(
        clients("s3"),
        capture_bucket,
        prefix,
        {inference_id for inference_id, _ in requests},
        CAPTURE_TIMEOUT_SECONDS,
    )
    line(run.clock, f"{kept.records} of them found in data capture, below s3://{capture_bucket}/{prefix}")
    run.results |= {
        "predictions": replayed.predictions,
        "captured_records": kept.records,
        "capture_uri": f"s3://{capture_bucket}/{prefix}",
    }
    if kept.records < replayed.predictions:
        raise CommandError(
            f"data capture: {kept.records} of {replayed.predictions} predictions after "
            f"{CAPTURE_TIMEOUT_SECONDS} s below {run.results['capture_uri']}"
        )


def _cdk(run: Run, server: local.Server, *arguments: str, folder: Path = ROOT) -> None:
    """Run a CDK command: its whole output goes to a file, the news to the console."""
    log = SUMMARY.with_name(f"cdk-{arguments[0]}.log")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as file:

        def each(text: str) -> None:
            print(text, file=file, flush=True)
            if is_news(text):
                line(run.clock, text, source=f"cdk {arguments[0]}")

        # Templates are validated by `make synth` and the tests; here it would only cost seconds.
        environment = server.environment | {"CDK_VALIDATION": "false"}
        cdk(*arguments, environment=environment, stage=STAGE, each_line=each, folder=folder)


def _tell_end(run: Run, *, runs: bool) -> None:
    results = run.results
    rates = results["monitoring"]["charge_off_rates"]["since_release"]
    months = results["months"]
    decided = sum(month["applications"] for month in months)
    ends = ", ".join(f"version {each['version']} {each['outcome']}" for each in results["releases"])
    facts = [
        (
            "decided",
            f"{decided:,} applications in {len(months)} months, {results['monitoring']['windows']} of them watched",
        ),
        ("it paid" if rates["with"] < rates["without"] else "it did not pay", _rates(rates)),
        ("releases", ends),
        ("endpoint", results["endpoint"]),
    ]
    telling.end(str(SUMMARY.parent.relative_to(ROOT)), run.seconds, facts, _following(results), runs=runs)


def _following(results: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """What to try: with the newest version that was promoted, and with the second model's that waits for approval."""
    promoted = [each["version"] for each in results["releases"] if each["outcome"] == "promoted"]
    environment = EnvironmentNames("mlops", STAGE)
    return telling.try_next(
        environment.model(MODEL).public,
        promoted[-1],
        environment.model(SECOND_MODEL).public,
        results["governance"][SECOND_MODEL]["registered"],
    )


def _rates(rates: Mapping[str, Any]) -> str:
    return (
        f"{rates['with']:.1%} of the loans approved since {rates['from']} failed; version 1 alone would have come to "
        f"{rates['without']:.1%}"
    )


def _tell_running() -> None:
    console.print("\nThe local AWS is still running. To use the AWS CLI or the CDK with it from this shell:")
    console.print('  eval "$(.venv/bin/python -m local_aws env)"    then, for example: npx cdk diff --all -c env=local')
