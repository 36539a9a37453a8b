"""The command line that the steps share, what they are given by the environment, and the windows of a run."""

from __future__ import annotations

import argparse
import importlib
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, List

from monitoring import windows
from monitoring.findings import Window
from monitoring.model import MonitoredModel
from monitoring.steps import job
from monitoring.steps.job import StepError
from monitoring.store import Store
from monitoring.workers import OneProcess

_TIME = "%Y-%m-%dT%H:%M:%SZ"


def common(description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--model", required=True, help="folder of the model, with a monitor.py")
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--champion-parameter", required=True, help="SSM parameter that names the champion's package")
    parser.add_argument("--capture", required=True, help="s3://bucket/folder above the endpoint's name")
    parser.add_argument("--results", required=True, help="s3://bucket/folder/monitoring")
    parser.add_argument("--min-rows", type=int, required=True, help="predictions below which nothing is judged")
    parser.add_argument("--execution", default="local", help="id of this run of the pipeline")
    return parser


def with_windows(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument(
        "--windows", type=_given, default="", help="windows of predictions, start/end, separated by commas; or none"
    )
    parser.add_argument("--outcome-windows", type=_given, default="", help="windows whose outcomes have matured")
    parser.add_argument("--scheduled", type=_given, default="", help="time that this run is of; now, if it is none")
    parser.add_argument("--window-hours", type=int, required=True)
    parser.add_argument("--delay-minutes", type=int, required=True, help="until a window's captured data are complete")
    return parser


def _given(text: str) -> str:
    return "" if text == windows.NONE else text


@dataclass(frozen=True)
class Clients:
    """Clients of the services that a step uses, by the environment's credentials and region."""

    s3: Any
    ssm: Any
    sagemaker: Any

    @classmethod
    def make(cls) -> Clients:
        import boto3

        session = boto3.session.Session()
        return cls(*(session.client(name) for name in ("s3", "ssm", "sagemaker")))


def one_process(clients: Clients) -> OneProcess:
    """This process alone; what it cannot hold goes to the job's own volume, which is as large as the settings say."""
    volume = job.base_folder() / "processing"
    return OneProcess(clients.s3, volume if volume.is_dir() else None)


def monitored(folder: str) -> MonitoredModel:
    """MODEL of `<folder>/monitor.py`."""
    try:
        module = importlib.import_module(f"{folder}.monitor")
    except ModuleNotFoundError as error:
        if error.name not in (folder, f"{folder}.monitor"):
            raise
        raise StepError(f"model {folder}: has no monitor.py; say in it what the monitors must know") from None
    model: MonitoredModel = module.MODEL
    return model


def scheduled_time(text: str) -> datetime:
    """The time that a run is of, to the second."""
    if not text:
        return datetime.now(timezone.utc).replace(microsecond=0)
    try:
        return datetime.strptime(text, _TIME).replace(tzinfo=timezone.utc)
    except ValueError:
        raise StepError(f"ScheduledTime {text!r}: expected a time as in 2026-11-21T16:00:00Z") from None


def input_windows(options: argparse.Namespace) -> List[Window]:
    """Those given; else the newest whole one, unless only windows of outcomes are asked for."""
    if options.windows or options.outcome_windows:
        return _read(options.windows, "Windows")
    delay = timedelta(minutes=options.delay_minutes)
    return [windows.last_window(scheduled_time(options.scheduled), options.window_hours, delay)]


def outcome_windows(options: argparse.Namespace) -> List[Window]:
    """Those given; else the newest whose outcomes have matured, unless only windows of inputs are asked for."""
    if options.windows or options.outcome_windows:
        return _read(options.outcome_windows, "OutcomeWindows")
    delay, matures = timedelta(minutes=options.delay_minutes), timedelta(days=options.matures_after_days)
    return [windows.matured_window(scheduled_time(options.scheduled), options.window_hours, delay, matures)]


def results(clients: Clients, options: argparse.Namespace) -> Store:
    try:
        return Store.at(clients.s3, options.results)
    except ValueError as error:
        raise StepError(f"results: {error}") from None


def _read(text: str, parameter: str) -> List[Window]:
    try:
        return windows.read_windows(text) if text else []
    except ValueError as error:
        raise StepError(f"parameter {parameter}: {error}") from None
