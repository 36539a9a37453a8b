-- Who approved or rejected versions, and with which words.
SELECT
    eventtime,
    useridentity.arn AS who,
    json_extract_scalar(requestparameters, '$.modelApprovalStatus') AS decision,
    regexp_extract(json_extract_scalar(requestparameters, '$.modelPackageArn'), '[^/]+/[0-9]+$') AS version,
    json_extract_scalar(requestparameters, '$.approvalDescription') AS reason,
    errorcode,
    eventid
FROM trail
WHERE day BETWEEN ? AND ?
    AND eventsource = 'sagemaker.amazonaws.com'
    AND eventname = 'UpdateModelPackage'
    AND json_extract_scalar(requestparameters, '$.modelApprovalStatus') IS NOT NULL
    AND regexp_extract(json_extract_scalar(requestparameters, '$.modelPackageArn'), 'model-package/([^/]+)/', 1)
        IN ({groups})
ORDER BY eventtime DESC
