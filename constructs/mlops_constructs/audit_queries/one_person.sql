-- Versions that went to this environment by one person: who approved also let a version of that model in later.
-- Persons are told apart by the names of their sessions, which single sign-on makes their own.
WITH recorded AS (
    SELECT
        eventtime,
        eventname,
        requestparameters,
        regexp_extract(useridentity.arn, '[^/:]+$') AS person
    FROM trail
    WHERE day BETWEEN ? AND ?
        AND errorcode IS NULL
        AND eventname IN ('UpdateModelPackage', 'PutParameter')
),

decisions AS (
    SELECT
        eventtime,
        person,
        regexp_extract(json_extract_scalar(requestparameters, '$.modelPackageArn'), '[^/]+/[0-9]+$') AS version
    FROM recorded
    WHERE eventname = 'UpdateModelPackage'
        AND json_extract_scalar(requestparameters, '$.modelApprovalStatus') = 'Approved'
        AND regexp_extract(json_extract_scalar(requestparameters, '$.modelPackageArn'), 'model-package/([^/]+)/', 1)
            IN ({groups})
),

permissions AS (
    SELECT
        eventtime,
        person,
        regexp_extract(json_extract_scalar(requestparameters, '$.name'), '([^/]+)/release/allowed$', 1) AS model
    FROM recorded
    WHERE eventname = 'PutParameter'
        AND json_extract_scalar(requestparameters, '$.name') LIKE '{parameters}%/release/allowed'
)

SELECT
    decisions.person,
    decisions.version,
    decisions.eventtime AS approved_at,
    permissions.eventtime AS let_in_at
FROM decisions
INNER JOIN permissions
    ON permissions.person = decisions.person
    AND permissions.eventtime > decisions.eventtime
    AND decisions.version LIKE concat('%-', permissions.model, '/%')
ORDER BY permissions.eventtime DESC
