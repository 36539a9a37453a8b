-- Which calls about this environment were refused or failed, how often, and by whom; those that only read the
-- account's settings are not recorded.
SELECT
    max(eventtime) AS last_at,
    count(*) AS times,
    coalesce(useridentity.arn, useridentity.invokedby) AS who,
    eventsource,
    eventname,
    errorcode,
    max(errormessage) AS message
FROM trail
WHERE day BETWEEN ? AND ?
    AND errorcode IS NOT NULL
    AND concat(coalesce(requestparameters, ''), coalesce(errormessage, ''), coalesce(useridentity.arn, ''))
        LIKE '%{base}-%'
GROUP BY coalesce(useridentity.arn, useridentity.invokedby), eventsource, eventname, errorcode
ORDER BY times DESC, last_at DESC
