-- Who read or changed training data: objects of the data bucket, and records of the feature store.
SELECT
    eventtime,
    coalesce(useridentity.arn, useridentity.invokedby) AS who,
    eventname,
    coalesce(
        json_extract_scalar(requestparameters, '$.key'),
        json_extract_scalar(requestparameters, '$.featureGroupName')
    ) AS what,
    CASE WHEN readonly = 'true' THEN 'read' ELSE 'changed' END AS how,
    nullif(regexp_extract(responseelements, '"x-amz-version-id":\s*"([^"]+)"', 1), '') AS version_id,
    errorcode,
    eventid
FROM trail
WHERE day BETWEEN ? AND ?
    AND eventcategory = 'Data'
    AND (
        json_extract_scalar(requestparameters, '$.bucketName') = '{data}'
        OR (
            eventname IN ('PutRecord', 'DeleteRecord')
            AND json_extract_scalar(requestparameters, '$.featureGroupName') LIKE '{base}-%'
        )
    )
ORDER BY eventtime DESC
