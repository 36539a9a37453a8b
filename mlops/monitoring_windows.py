"""The windows that a person asks the monitors to judge. Pure, but for what time it is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from mlops import monitoring
from mlops.errors import UsageError
from mlops.target import Target
from monitoring.findings import Window

_FORMS = ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d")


@dataclass(frozen=True)
class Asked:
    """The windows of inputs that were asked for: named, or from a moment on, each of so many hours."""

    named: Sequence[Window] = ()
    since: datetime | None = None
    hours: int | None = None


def windows(text: str) -> list[Window]:
    """Windows, separated by commas; a date alone is its midnight, UTC. Raises ValueError with what to write instead."""
    return [_window(part.strip()) for part in text.split(",") if part.strip()] or _refuse(text)


def moment(text: str) -> datetime:
    """A time in UTC as in 2026-11-21T16:00:00Z, or a date for its midnight; raises ValueError for anything else."""
    for form in _FORMS:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise ValueError(f"{text!r} is not a time in UTC; write 2026-11-21 or 2026-11-21T16:00:00Z")


def inputs(asked: Asked, model: Target) -> list[Window]:
    """The windows of inputs that were asked for; none for those of the schedule. Raises UsageError for what is none."""
    if asked.hours and not asked.since:
        raise UsageError("--hours: says how long the windows from --since on are; give --since too")
    if asked.since and asked.named:
        raise UsageError("--since: names the windows already that --windows names; give one of both")
    if not asked.since:
        return list(asked.named)
    hours = timedelta(hours=asked.hours or model.settings.monitoring.window_hours)
    ready = monitoring.utc_now() - timedelta(minutes=model.settings.monitoring.delay_minutes)
    found = list(_since(asked.since, hours, ready))
    if not found:
        raise UsageError(
            f"--since {asked.since:%Y-%m-%dT%H:%M:%SZ}: no window of {hours.total_seconds() / 3600:g} h has ended "
            f"since, and been captured by {ready:%Y-%m-%dT%H:%M:%SZ}; begin earlier, or give --hours"
        )
    return found


def check(asked: Sequence[Window], matured: Sequence[Window], *, one_run: bool) -> None:
    """Raises UsageError for windows that have not begun, and for more than one run takes where there is to be one."""
    now = monitoring.utc_now()
    for window in (*asked, *matured):
        if window.start >= now:
            raise UsageError(f"window {window}: has not begun ({now:%Y-%m-%dT%H:%M:%SZ}); give one that is over")
    count = max(len(set(asked)), len(set(matured)))
    if one_run and count > monitoring.MOST_WINDOWS:
        raise UsageError(
            f"{count} windows take more than one run, of {monitoring.MOST_WINDOWS} each, one after the other: "
            "add --follow, or name fewer"
        )


def _window(text: str) -> Window:
    start, slash, end = text.partition("/")
    if not slash:
        return _refuse(text)[0]
    return Window(moment(start), moment(end))


def _refuse(text: str) -> list[Window]:
    raise ValueError(f"{text!r} is no window; write 2026-11-20/2026-11-21, or times as 2026-11-20T16:00:00Z")


def _since(start: datetime, length: timedelta, until: datetime) -> Iterator[Window]:
    while start + length <= until:
        yield Window(start, start + length)
        start += length
