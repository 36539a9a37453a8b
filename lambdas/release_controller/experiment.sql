-- What became of the predictions of a champion and a candidate. Amazon Athena (engine version 3) and DuckDB run this
-- same text, and query.py fills in what stands in double braces. One pass over `captured`, two over `outcomes`.
WITH captures AS (
    SELECT TRY(json_parse(line)) AS capture
    FROM "{{database}}".captured
    WHERE variant IN ({{variants}}) AND hour BETWEEN '{{first_hour}}' AND '{{last_hour}}' AND line <> ''
),
requests AS (
    SELECT
        coalesce(
            nullif(json_extract_scalar(capture, '$.eventMetadata.inferenceId'), ''),
            json_extract_scalar(capture, '$.eventMetadata.eventId')
        ) AS request,
        json_extract_scalar(capture, '$.eventMetadata.eventId') AS event,
        rpad(replace(json_extract_scalar(capture, '$.eventMetadata.inferenceTime'), 'Z', ''), 23, '.000') AS answered,
        json_extract_scalar(capture, '$.captureData.endpointOutput.encoding') AS encoding,
        json_extract_scalar(capture, '$.captureData.endpointOutput.data') AS data
    FROM captures
),
-- A response is a list: of objects (JSON), or of texts, one for each line (CSV). NULL where it cannot be read.
responses AS (
    SELECT
        request,
        event,
        answered,
        CASE
            WHEN request IS NULL OR answered IS NULL THEN NULL
            WHEN encoding = 'JSON' THEN TRY(CAST(json_extract(json_parse(data), '$.predictions') AS JSON ARRAY))
            WHEN encoding = 'CSV' THEN TRY(CAST(json_parse(
                '["' || replace(replace(data, chr(13), ''), chr(10), '","') || '"]'
            ) AS JSON ARRAY))
        END AS answers
    FROM requests
),
-- One row for each prediction, and one without `n` for each response that cannot be read.
predictions AS (
    SELECT
        regexp_replace(request || '#' || CAST(n AS varchar), '(#1)+\z', '') AS record,
        n,
        event,
        answered,
        CASE {{version}}
            WHEN '{{champion_version}}' THEN 'champion'
            WHEN '{{candidate_version}}' THEN 'candidate'
        END AS variant,
        {{fields}}
    FROM responses
    LEFT JOIN UNNEST(answers) WITH ORDINALITY AS answer (item, n) ON TRUE
    WHERE answered IS NULL OR answered BETWEEN '{{since_second}}' AND '{{until}}'
),
-- A request that was sent again, or captured twice, counts once. A shadow answers beside the champion.
first_predictions AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY record, CASE '{{stage}}' WHEN 'shadow' THEN variant END
            ORDER BY answered, event, variant
        ) AS copy
    FROM predictions
    WHERE variant IS NOT NULL OR n IS NULL
),
truths AS (
    SELECT
        regexp_replace(json_extract_scalar(truth, '$.eventMetadata.eventId'), '(#1)+\z', '') AS record,
        CASE json_extract_scalar(truth, '$.groundTruthData.encoding')
            WHEN 'CSV' THEN json_extract_scalar(truth, '$.groundTruthData.data')
        END AS outcome,
        -- Who writes no time of receipt is taken to have written at the end of the file's hour.
        coalesce(
            rpad(replace(json_extract_scalar(truth, '$.eventMetadata.receivedAt'), 'Z', ''), 23, '.000'),
            replace(substr(hour, 1, 10), '/', '-') || 'T' || substr(hour, 12, 2) || ':59:59.999'
        ) AS received
    FROM (
        SELECT hour, TRY(json_parse(line)) AS truth
        FROM "{{database}}".outcomes
        WHERE hour BETWEEN '{{first_hour}}' AND '{{last_hour}}' AND line <> ''
    ) AS lines
),
first_outcomes AS (
    SELECT record, outcome, received, row_number() OVER (PARTITION BY record ORDER BY received, outcome) AS copy
    FROM truths
    WHERE record IS NOT NULL AND outcome IS NOT NULL AND received BETWEEN '{{since}}' AND '{{until}}'
),
graded AS (
    SELECT
        prediction.*,
        result.received,
        CASE WHEN result.outcome IS NULL THEN NULL WHEN {{success}} THEN 1 ELSE 0 END AS success,
        CASE WHEN {{positive}} THEN 1 ELSE 0 END AS positive
    FROM first_predictions AS prediction
    LEFT JOIN first_outcomes AS result ON result.record = prediction.record AND result.copy = 1
    WHERE prediction.copy = 1 OR prediction.n IS NULL
),
-- What is counted: a prediction with its outcome, and of a shadow a record that both answered, in the champion's row.
marked AS (
    SELECT
        *,
        CASE '{{stage}}'
            WHEN 'shadow' THEN count(success) OVER (PARTITION BY record) = 2 AND variant = 'champion'
            ELSE success IS NOT NULL
        END AS counted,
        CASE
            WHEN '{{stage}}' <> 'shadow' THEN variant
            WHEN sum(success) OVER (PARTITION BY record) <> 1 THEN 'both'
            WHEN success = 1 THEN 'champion'
            ELSE 'candidate'
        END AS side
    FROM graded
),
placed AS (
    SELECT *, row_number() OVER (PARTITION BY counted ORDER BY received, record) - 1 AS place
    FROM marked
)
SELECT
    kind,
    CASE WHEN kind = '{{unit}}' THEN CAST((place - mod(place, {{block_size}})) / {{block_size}} AS bigint) END AS block,
    CASE kind WHEN '{{unit}}' THEN side WHEN 'unreadable' THEN 'captured' ELSE variant END AS variant,
    count(*) AS n,
    sum(success) AS successes,
    sum(positive) AS positives
FROM placed
CROSS JOIN UNNEST(ARRAY['{{unit}}', 'traffic', 'request', 'unreadable']) AS kinds (kind)
WHERE (kind = '{{unit}}' AND counted)
    OR (kind = 'traffic' AND n IS NOT NULL AND answered >= '{{weighted_since}}')
    -- Requests are what the endpoint splits, and each has a first row.
    OR (kind = 'request' AND n = 1 AND answered >= '{{weighted_since}}')
    OR (kind = 'unreadable' AND n IS NULL)
GROUP BY 1, 2, 3
UNION ALL
SELECT 'unreadable', NULL, 'outcomes', count(*), NULL, NULL
FROM truths
WHERE record IS NULL OR outcome IS NULL
