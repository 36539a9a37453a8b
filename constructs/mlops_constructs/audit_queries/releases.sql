-- Who changed release parameters: let a version in (allowed), promoted, rolled back or paused (command). What is not
-- the controller's own is a person's. CloudTrail hides the value; the parameter's history has it under its number.
SELECT
    eventtime,
    useridentity.arn AS who,
    regexp_extract(json_extract_scalar(requestparameters, '$.name'), '([^/]+)/release/[^/]+$', 1) AS model,
    regexp_extract(json_extract_scalar(requestparameters, '$.name'), '[^/]+$') AS parameter,
    json_extract_scalar(responseelements, '$.version') AS number,
    eventname,
    errorcode,
    eventid
FROM trail
WHERE day BETWEEN ? AND ?
    AND eventsource = 'ssm.amazonaws.com'
    AND eventname IN ('PutParameter', 'DeleteParameter', 'DeleteParameters', 'LabelParameterVersion')
    AND requestparameters LIKE '%{parameters}%/release/%'
ORDER BY eventtime DESC
