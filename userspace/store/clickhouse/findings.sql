-- What is found over the fleet: each finding with the hosts that have it, causes before what follows from them.
-- To change: the time, by `until` and `since`.
WITH
    (SELECT max(time) FROM findings) AS until,
    until - 24 * 3600 AS since
SELECT
    finding,
    because,
    uniqExact(host) AS hosts,
    uniqExact(host, subject) AS subjects,
    count() AS reports,
    countIf(severity = 'critical') AS critical,
    min(time - toUInt32(seconds)) AS first,
    max(time) AS last,
    argMax(host, time) AS example_host,
    argMax(what, time) AS example
FROM findings FINAL
WHERE time > since AND time <= until
GROUP BY finding, because
ORDER BY because != '', critical DESC, hosts DESC, reports DESC, finding, because
LIMIT 100;
