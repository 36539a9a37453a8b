"""What banks did, month by month: the book that trains the model, and the records that follow as time goes on."""

import csv
import gzip
import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from features import moments
from features.describe import described
from features.ingest import ingest
from features.online import OnlineStore
from loan_approval.history import GROUP
from loan_approval.schema import HISTORY_NAMES, bank_of
from loan_approval.steps import ingest as records_of
from mlops.aws import Clients
from mlops.demo.loans import Loan
from mlops_constructs.naming import EnvironmentNames

DATA_FILE = Path(__file__).resolve().parents[2] / "data" / "loans" / "bank_months.csv.gz"
THREADS = 4


def bank_months(until: str, source: Path = DATA_FILE) -> bytes:
    """The file's months that had ended by a day ("2006-10-31"); the same bytes for the same months."""
    with gzip.open(source, "rt", newline="") as file:
        header, *rows = csv.reader(file)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    month = header.index("month")
    writer.writerows(row for row in rows if row[month] <= until[:7])
    return gzip.compress(text.getvalue().encode(), compresslevel=1, mtime=0)


class BankHistory:
    """The feature group in step with the replayed months."""

    def __init__(self, clients: Clients, names: EnvironmentNames, source: Path = DATA_FILE) -> None:
        self._clients, self._names, self._source = clients, names, source

    def known_at(self, month: str) -> int:
        """Tell the feature store what is known on the first day of a month ("2007-01"); returns how many records."""
        return ingest(self._online, self._group, self._by_moment.get(_moment(month), ()), threads=THREADS).written

    def begin_again(self, until: str) -> int:
        """Forget what an earlier demo on this state told of later months: its bank has a future to come.

        A hard delete takes a record out of the online store, and leaves a mark in the offline store: from a second
        after the record's own time on, nothing is known. Returns how many banks it was.
        """
        banks = sorted({str(record["bank"]) for records in self._by_moment.values() for record in records})
        found = self._online.get(self._group, banks)
        ahead = {bank: moment for bank, each in found.items() if (moment := str(each[self._group.event_time])) > until}
        for bank, moment in ahead.items():
            self._online.delete(self._group, bank, moments.parse(moment) + timedelta(seconds=1), hard=True)
        return len(ahead)

    def of(self, loans: Sequence[Loan]) -> Iterator[dict[str, Any]]:
        """What was known of each loan's bank when its month began; missing where nothing was."""
        known = {
            (moment, record["bank"]): {name: record[name] for name in HISTORY_NAMES}
            for moment, records in self._by_moment.items()
            for record in records
        }
        for loan in loans:
            yield known.get((_moment(loan.month), bank_of(loan.application["bank"])), {})

    @property
    def _by_moment(self) -> Mapping[str, list[dict[str, Any]]]:
        return _by_moment(self._source)

    @cached_property
    def _online(self) -> OnlineStore:
        return OnlineStore(self._clients("sagemaker-featurestore-runtime"))

    @cached_property
    def _group(self) -> Any:
        return described(self._clients("sagemaker"), self._names.feature_group(GROUP))


@cache
def _by_moment(source: Path) -> Mapping[str, list[dict[str, Any]]]:
    """The records by what they are known from; the file is the repository's own, and read once."""
    made: dict[str, list[dict[str, Any]]] = {}
    for record in records_of.transform(records_of.read([source])):
        made.setdefault(record["known_from"], []).append(record)
    return made


def _moment(month: str) -> str:
    return f"{month}-01T00:00:00Z"
