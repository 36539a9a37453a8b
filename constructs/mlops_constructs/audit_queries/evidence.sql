-- Who wrote, changed or tried to remove evidence, or files of this trail; nothing but writing is usual.
SELECT
    eventtime,
    coalesce(useridentity.arn, useridentity.invokedby) AS who,
    eventname,
    json_extract_scalar(requestparameters, '$.bucketName') AS bucket,
    json_extract_scalar(requestparameters, '$.key') AS object_key,
    CASE WHEN eventname = 'PutObject' THEN 'written' ELSE 'unusual' END AS how,
    errorcode,
    eventid
FROM trail
WHERE day BETWEEN ? AND ?
    AND eventsource = 's3.amazonaws.com'
    AND readonly = 'false'
    AND json_extract_scalar(requestparameters, '$.bucketName') IN ('{evidence}', '{trail_files}')
ORDER BY eventtime DESC
