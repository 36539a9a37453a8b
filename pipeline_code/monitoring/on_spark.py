"""Workers on the machines of a Spark cluster, and the program that `submit` has Spark run on the first of them."""

from __future__ import annotations

import importlib
import shutil
import sys
from functools import lru_cache, partial
from typing import Any, Callable, Iterable, Iterator, List, Sequence, TypeVar

from monitoring import submit
from monitoring.steps import job
from monitoring.workers import Combine, Entry, Side, Spotted, Workers, partition_of

Item = TypeVar("Item")
Result = TypeVar("Result")


class OnSpark(Workers):
    """Items and partitions are spread over the executors, which read S3 themselves; results are gathered in order.

    context: a SparkContext. connect: makes the S3 client of an executor, and can be pickled.
    """

    most_partitions = 10_000

    def __init__(self, context: Any, connect: Callable[[], Any]) -> None:
        self._context, self.connect = context, connect

    def map(self, work: Callable[[Item], Result], items: Sequence[Item]) -> Iterable[Result]:
        return _gathered(self._spread(items).map(work))

    def join(self, left: Side, right: Side, combine: Combine[Result], partitions: int) -> Iterable[Result]:
        sides = [self._spread(side.items).flatMap(partial(_placed, side.read, partitions)) for side in (left, right)]
        parted = sides[0].union(sides[1]).partitionBy(partitions, int)
        return _gathered(parted.mapPartitions(partial(_combined, combine)))

    def _spread(self, items: Sequence[Any]) -> Any:
        """One task an item, so that a machine that is done takes the next."""
        return self._context.parallelize(list(items), max(len(items), 1))


@lru_cache(maxsize=None)
def s3_client(region: str) -> Any:
    """One client for all that an executor's process reads; executors are not told the region by the environment."""
    import boto3

    return boto3.session.Session(region_name=region).client("s3")


def _gathered(results: Any) -> Iterator[Any]:
    """All are made at once and kept on the executors' disks, then fetched one by one: the driver holds one."""
    from pyspark import StorageLevel  # type: ignore[import-not-found]

    results.persist(StorageLevel.DISK_ONLY)
    results.count()
    yield from results.toLocalIterator()
    results.unpersist()


def _placed(read: Callable[[Any], Iterable[Spotted]], partitions: int, item: Any) -> Iterable[Any]:
    return ((partition_of(spot, partitions), entry) for spot, entry in read(item))


def _combined(combine: Combine[Result], placed: Iterable[Any]) -> List[Result]:
    entries: Iterable[Entry] = (entry for _, entry in placed)
    return [combine(entries)]


def run(module: str, arguments: Sequence[str]) -> None:
    """`main` of a step's module, with the cluster that this process was submitted to."""
    import boto3
    from pyspark import SparkContext

    connect = partial(s3_client, boto3.session.Session().region_name)
    with SparkContext(appName=module) as context:
        importlib.import_module(module).main(arguments, OnSpark(context, connect))


def main() -> None:
    """The driver. Its reason is kept where smspark-submit does not write its own, which says an exit code only."""
    module, *arguments = sys.argv[1:]
    try:
        job.run(partial(run, module, arguments))
    except BaseException:
        output = job.base_folder() / "output"
        if (output / "message").is_file():
            shutil.copyfile(output / "message", output / submit.REASON)
        raise


if __name__ == "__main__":
    main()
