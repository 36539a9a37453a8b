-- How many of the records that are waited for the offline store does not show, and the first of them. Athena (engine
-- version 3) and DuckDB run this same text, and as_of.py fills in what stands in double braces.
SELECT count(*) AS missing, min(wanted."record") AS first_missing
FROM (
    SELECT "record", {{row_moment}} AS moment
    FROM {{rows}}
    WHERE "run" = '{{run}}'
) AS wanted
LEFT JOIN (
    SELECT DISTINCT {{record}} AS "record", {{shown_moment}} AS moment
    FROM {{store}}
) AS shown ON shown."record" = wanted."record" AND {{same}}
WHERE shown.moment IS NULL
