-- What was known of each row's record at the row's own time. Amazon Athena (engine version 3) and DuckDB run this same
-- text, and as_of.py fills in what stands in double braces. What is sorted is times only: the features of a record are
-- read after it is clear that a row takes it.
WITH wanted AS (
    SELECT "row", "record", {{row_moment}} AS moment
    FROM {{rows}}
    WHERE "run" = '{{run}}'
),
-- `known` is the time of a record of the store, and NULL in a row that asks.
events AS (
    SELECT {{record}} AS "record", {{store_moment}} AS moment, {{store_moment}} AS known, CAST(NULL AS varchar) AS "row"
    FROM {{store}}
    WHERE {{invoked}}
    UNION ALL
    SELECT "record", moment, NULL, "row"
    FROM wanted
),
-- RANGE takes in all of the same time, so a record of a row's own time is known, in whatever order they stand.
asked AS (
    SELECT "row", "record", newest
    FROM (
        SELECT
            "row",
            "record",
            known,
            max(known) OVER (
                PARTITION BY "record" ORDER BY moment RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
            ) AS newest
        FROM events
    ) AS placed
    WHERE known IS NULL
),
-- Of several records of one time, the one that came last. It may say that the record was deleted.
taken AS (
    SELECT
        stored.*,
        row_number() OVER (
            PARTITION BY stored."record", stored.moment ORDER BY stored.invoked DESC, stored.written DESC
        ) AS place
    FROM (
        SELECT
            {{record}} AS "record",
            {{store_moment}} AS moment,
            "api_invocation_time" AS invoked,
            "write_time" AS written,
            coalesce("is_deleted", FALSE) AS deleted,
            {{event_time}} AS event_time{{stored}}
        FROM {{store}}
        WHERE {{invoked}}
    ) AS stored
    JOIN (SELECT DISTINCT "record", newest FROM asked WHERE newest IS NOT NULL) AS needed
        ON needed."record" = stored."record" AND needed.newest = stored.moment
)
SELECT
    asked."row" AS "row"{{features}},
    CASE WHEN NOT taken.deleted THEN taken.event_time END AS "known"
FROM asked
LEFT JOIN taken ON taken."record" = asked."record" AND taken.moment = asked.newest AND taken.place = 1
