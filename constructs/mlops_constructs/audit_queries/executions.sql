-- Which pipelines were started, stopped or changed, by whom; a schedule and a controller are roles of their own.
SELECT
    eventtime,
    coalesce(useridentity.arn, useridentity.invokedby) AS who,
    eventname,
    coalesce(
        json_extract_scalar(requestparameters, '$.pipelineName'),
        regexp_extract(json_extract_scalar(requestparameters, '$.pipelineExecutionArn'), 'pipeline/([^/]+)', 1)
    ) AS pipeline,
    regexp_extract(
        coalesce(
            json_extract_scalar(responseelements, '$.pipelineExecutionArn'),
            json_extract_scalar(requestparameters, '$.pipelineExecutionArn')
        ),
        '[^/]+$'
    ) AS execution,
    errorcode,
    eventid
FROM trail
WHERE day BETWEEN ? AND ?
    AND eventsource = 'sagemaker.amazonaws.com'
    AND eventname IN (
        'StartPipelineExecution', 'StopPipelineExecution', 'RetryPipelineExecution', 'CreatePipeline', 'UpdatePipeline',
        'DeletePipeline'
    )
    AND (
        json_extract_scalar(requestparameters, '$.pipelineName') LIKE '{base}-%'
        OR json_extract_scalar(requestparameters, '$.pipelineExecutionArn') LIKE '%:pipeline/{base}-%'
    )
ORDER BY eventtime DESC
