"""When SageMaker Model Monitor runs, and over which hours: in the few forms that it takes. Pure.

Source: SageMaker developer guide, "The cron expression for monitoring schedule" (minute 0, every hour, every N hours
or once a day; no rate) and "Schedule model quality monitoring jobs" (offsets in whole hours, or days).
"""

from dataclasses import dataclass

from mlops_constructs.monitoring_settings import MonitoringSettings

_DAY = 24


@dataclass(frozen=True)
class MonitorWindow:
    """A window of captured predictions, in hours before the time that a job is scheduled for."""

    start_hours: int
    end_hours: int

    @property
    def start_offset(self) -> str:
        return offset(self.start_hours)

    @property
    def end_offset(self) -> str:
        return offset(self.end_hours)


def delay_hours(settings: MonitoringSettings) -> int:
    """The delay in whole hours: jobs start on the hour, or up to 20 minutes later."""
    return -(-settings.delay_minutes // 60)


def cron(settings: MonitoringSettings) -> str:
    """In UTC, the delay after the end of each window; windows of a day begin at midnight."""
    hours, delay = settings.window_hours, delay_hours(settings)
    if hours == 1:
        return "cron(0 * ? * * *)"
    first = delay % hours
    return f"cron(0 {first} ? * * *)" if hours == _DAY else f"cron(0 {first}/{hours} ? * * *)"


def inputs(settings: MonitoringSettings) -> MonitorWindow:
    """Of what needs no outcomes: the newest window that ended before the delay."""
    end = delay_hours(settings)
    return MonitorWindow(end + settings.window_hours, end)


def outcomes(settings: MonitoringSettings) -> MonitorWindow:
    """Of what needs them: the newest window whose outcomes have matured as well."""
    newest, age = inputs(settings), settings.labels.matures_after_days * _DAY
    return MonitorWindow(newest.start_hours + age, newest.end_hours + age)


def offset(hours: int) -> str:
    """An ISO 8601 duration as Model Monitor takes it: `-PT7H`, or `-P8D` for whole days."""
    days, rest = divmod(hours, _DAY)
    return f"-P{days}D" if days and not rest else f"-PT{hours}H"


def longest_run(settings: MonitoringSettings, jobs: int) -> int:
    """Seconds that a job may take: an execution must end before the next, and `jobs` of it follow one another."""
    return min(settings.max_runtime_seconds, settings.window_hours * 3600 // jobs)
