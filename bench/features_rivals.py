"""What others do for the same question: pandas' merge_asof, and the query of the SageMaker SDK's DatasetBuilder."""

from typing import Any

from bench.features_data import COLUMNS, GROUP, ROWS, STORE


def pandas_load(connection: Any) -> tuple[Any, Any]:
    """Rows and store as frames, as files would be read."""
    rows = connection.execute(f'SELECT "row", record, event_time FROM {ROWS}').df()
    return rows, connection.execute(f"SELECT * FROM {STORE}").df()


def pandas_join(rows: Any, store: Any) -> Any:
    """By merge_asof: it needs both sides sorted by time, and of several records of one time takes any, so those that
    were corrected are left out before; what was deleted is emptied after."""
    import pandas as pd

    at, key = GROUP.event_time, GROUP.record_identifier
    banks = pd.api.types.union_categoricals([rows["record"].astype("category"), store[key].astype("category")])
    rows = rows.assign(record=banks[: len(rows)], moment=pd.to_datetime(rows["event_time"], format="ISO8601"))
    store = store.assign(**{key: banks[len(rows) :]}, moment=pd.to_datetime(store[at], format="ISO8601"))
    store = store.sort_values(["moment", "api_invocation_time", "write_time"])
    store = store.drop_duplicates([key, "moment"], keep="last")
    joined = pd.merge_asof(
        rows.sort_values("moment"), store, on="moment", left_by="record", right_by=key, direction="backward"
    )
    known = ~joined["is_deleted"].astype("boolean").fillna(True)
    result = joined[["row", *GROUP.features]].assign(known=joined[at])
    result.loc[~known, list(COLUMNS[1:])] = None
    return result


def sdk_sql(*, newest_only: bool) -> str:
    """The form of DatasetBuilder's point-in-time query (SDK 2.x, sagemaker/feature_store/dataset_builder.py), written
    anew for our tables: with a frame as its base, a LEFT JOIN, and the row's name as the base's record identifier.

    It keeps of each record and time the newest copy, leaves out all that is older than a record's newest deletion,
    and pairs each row with every record before it. Only `with_number_of_recent_records_by_record_identifier(1)`
    (newest_only) then takes the newest of each row; without it all pairs are the result.
    """
    key, at = GROUP.record_identifier, GROUP.event_time
    columns = ", ".join(f"pairs.{name}" for name in GROUP.features)
    last = "api_invocation_time DESC, write_time DESC"
    return f"""
        WITH copies AS (
            SELECT * FROM (
                SELECT *, row_number() OVER (PARTITION BY {key}, {at} ORDER BY {last}) AS copy FROM {STORE}
            ) WHERE copy = 1
        ),
        deletions AS (
            SELECT * FROM (
                SELECT *, row_number() OVER (PARTITION BY {key} ORDER BY {at} DESC, {last}) AS deletion
                FROM {STORE} WHERE is_deleted
            ) WHERE deletion = 1
        ),
        remaining AS (
            SELECT copies.* FROM copies LEFT JOIN deletions ON deletions.{key} = copies.{key}
            WHERE deletions.{key} IS NULL
            UNION ALL
            SELECT copies.* FROM deletions JOIN copies ON copies.{key} = deletions.{key} AND (
                copies.{at} > deletions.{at}
                OR (copies.{at} = deletions.{at} AND copies.api_invocation_time > deletions.api_invocation_time)
                OR (copies.{at} = deletions.{at} AND copies.api_invocation_time = deletions.api_invocation_time
                    AND copies.write_time > deletions.write_time)
            )
        ),
        pairs AS (
            SELECT asked."row", {", ".join(f"known.{name}" for name in GROUP.features)}, known.{at} AS known,
                row_number() OVER (
                    PARTITION BY asked."row" ORDER BY asked.event_time DESC, known.{at} DESC
                ) AS recent
            FROM {ROWS} AS asked LEFT JOIN remaining AS known
                ON known.{key} = asked.record
                AND from_iso8601_timestamp(asked.event_time) >= from_iso8601_timestamp(known.{at})
        )
        SELECT pairs."row", {columns}, pairs.known FROM pairs {"WHERE recent <= 1" if newest_only else ""}
    """


SDK_MACRO = "CREATE MACRO from_iso8601_timestamp(text) AS CAST(text AS TIMESTAMP)"
"""The one function of Athena in it that DuckDB lacks."""
