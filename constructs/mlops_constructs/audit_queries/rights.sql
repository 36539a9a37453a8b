-- Who changed what protects the rest: roles and policies, keys, policies and locks of buckets, or this trail itself.
SELECT
    eventtime,
    coalesce(useridentity.arn, useridentity.invokedby) AS who,
    eventsource,
    eventname,
    coalesce(
        json_extract_scalar(requestparameters, '$.roleName'),
        json_extract_scalar(requestparameters, '$.policyArn'),
        json_extract_scalar(requestparameters, '$.userName'),
        json_extract_scalar(requestparameters, '$.bucketName'),
        json_extract_scalar(requestparameters, '$.keyId'),
        json_extract_scalar(requestparameters, '$.trailName'),
        json_extract_scalar(requestparameters, '$.name')
    ) AS what,
    errorcode,
    eventid
FROM trail
WHERE day BETWEEN ? AND ?
    AND readonly = 'false'
    AND (
        eventsource = 'iam.amazonaws.com'
        OR (
            eventsource = 'kms.amazonaws.com'
            AND eventname IN (
                'PutKeyPolicy', 'DisableKey', 'ScheduleKeyDeletion', 'CancelKeyDeletion', 'DisableKeyRotation',
                'RevokeGrant'
            )
        )
        OR (
            eventsource = 's3.amazonaws.com'
            AND eventcategory = 'Management'
            AND json_extract_scalar(requestparameters, '$.bucketName') LIKE '{base}-%'
        )
        OR (
            eventsource = 'cloudtrail.amazonaws.com'
            AND eventname IN ('StopLogging', 'StartLogging', 'DeleteTrail', 'UpdateTrail', 'PutEventSelectors')
            AND requestparameters LIKE '%{trail}%'
        )
    )
ORDER BY eventtime DESC
