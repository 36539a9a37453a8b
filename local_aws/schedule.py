"""When a schedule runs: at(...), rate(...) and cron(...) in a time zone.

Pure, apart from reading the system's time zones. Source: API references,
PutScheduledAction of Application Auto Scaling and CreateSchedule of EventBridge Scheduler.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from local_aws import seam

_RATE = re.compile(r"rate\((?P<value>[1-9]\d*) (?P<unit>minute|hour|day)s?\)")
_AT = re.compile(r"at\((?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")

# How far back the newest run is looked for: first near, since a schedule of minutes may have been missed for weeks.
_LOOKBACKS = (
    *(timedelta(minutes=number) for number in (2, 60, 1440)),
    *(timedelta(days=31 * n) for n in (1, 13, 1200)),
)


class ScheduleError(ValueError):
    """The expression or the time zone is not one; the message says which."""


@dataclass(frozen=True)
class Schedule:
    """A schedule between two moments. `anchor` is where the intervals of a rate begin."""

    expression: str
    zone: ZoneInfo
    anchor: datetime
    start: datetime | None = None
    end: datetime | None = None

    @classmethod
    def of(
        cls,
        expression: str,
        zone: str,
        created: datetime,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> Schedule:
        """Errors: ScheduleError."""
        try:
            place = ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ScheduleError(f"Timezone {zone} is not one of the tz database, e.g. Europe/Dublin.") from None
        schedule = cls(expression, place, start or created, start, end)
        next(schedule._times(created), None)
        return schedule

    def next(self, after: datetime) -> datetime | None:
        """The first run after `after`, in UTC; None if there is none."""
        if self.start is not None:
            after = max(after, self.start - timedelta(microseconds=1))
        time = next((time for time in self._times(after) if time > after), None)
        return None if time is None or (self.end is not None and time > self.end) else time

    def newest(self, after: datetime, now: datetime) -> datetime | None:
        """The last run after `after` and not later than `now`, in UTC; None if there is none."""
        found: datetime | None = None
        for back in _LOOKBACKS:
            start = max(after, now - back)
            if (first := self.next(start)) is not None and first <= now:
                found = first
                break
            if start == after:
                return None
        while found is not None and (later := self.next(found)) is not None and later <= now:
            found = later
        return found

    def _times(self, after: datetime) -> Iterator[datetime]:
        """Times in UTC, of which the first ones may be before `after`, by a change of the clocks."""
        if rate := _RATE.fullmatch(self.expression):
            return self._intervals(timedelta(**{f"{rate['unit']}s": int(rate["value"])}), after)
        if at := _AT.fullmatch(self.expression):
            return iter([self._moment(at["time"])])
        fields = seam.cron_fields(self.expression)
        if fields is None:
            raise ScheduleError(
                f"Schedule {self.expression} is none of at(yyyy-mm-ddThh:mm:ss), rate(value unit) and "
                "cron(minutes hours day-of-month month day-of-week year)."
            )
        return self._cron(fields, after)

    def _intervals(self, interval: timedelta, after: datetime) -> Iterator[datetime]:
        number = max(0, (after - self.anchor) // interval)
        # A rate without a start begins with its first interval, not with a run.
        if self.start is None:
            number = max(1, number)
        while True:
            yield self.anchor + number * interval
            number += 1

    def _moment(self, text: str) -> datetime:
        try:
            local = datetime.fromisoformat(text)
        except ValueError:
            raise ScheduleError(f"Schedule {self.expression} is no date and time.") from None
        return local.replace(tzinfo=self.zone).astimezone(UTC)

    def _cron(self, fields: seam.CronFields, after: datetime) -> Iterator[datetime]:
        time: datetime | None = after.astimezone(self.zone)
        while time is not None and (time := seam.cron_next(fields, time)) is not None:
            yield time.astimezone(UTC)
