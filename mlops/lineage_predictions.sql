-- What one version answered: {{what}}. Athena (engine version 3) and DuckDB run this same text; captures and responses
-- are read as by the release controller (docs/outcomes.md). Only the hours asked for are read.
WITH captures AS (
    SELECT variant, TRY(json_parse(line)) AS capture
    FROM "{{database}}".captured
    WHERE variant IN ('champion', 'challenger', 'shadow')
        AND hour BETWEEN '{{first_hour}}' AND '{{last_hour}}'
        AND line <> ''
),
requests AS (
    SELECT
        variant,
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
responses AS (
    SELECT
        variant,
        request,
        event,
        answered,
        CASE encoding
            WHEN 'JSON' THEN TRY(CAST(json_extract(json_parse(data), '$.predictions') AS JSON ARRAY))
            WHEN 'CSV' THEN TRY(CAST(json_parse(
                '["' || replace(replace(data, chr(13), ''), chr(10), '","') || '"]'
            ) AS JSON ARRAY))
        END AS answers
    FROM requests
    WHERE request IS NOT NULL AND answered BETWEEN '{{since}}' AND '{{until}}'
),
predictions AS (
    SELECT
        regexp_replace(request || '#' || CAST(n AS varchar), '(#1)+\z', '') AS record,
        variant,
        event,
        answered,
        {{version}} AS version,
        {{decision}} AS decision
    FROM responses
    CROSS JOIN UNNEST(answers) WITH ORDINALITY AS answer (item, n)
),
-- A request that was sent again, or captured twice, counts once; a shadow answers beside the champion.
first_predictions AS (
    SELECT *, row_number() OVER (PARTITION BY record, variant ORDER BY answered, event) AS copy
    FROM predictions
    WHERE version = '{{number}}'
)
