-- Which services close first across the fleet: their hosts hold the TIME_WAIT.
-- To change: the time, by `until` (now() where rows come in all the time, or toDateTime('2026-11-29 18:00:00', 'UTC'))
-- and `since`.
WITH
    (SELECT max(time) FROM ends) AS until,
    until - 24 * 3600 AS since
SELECT
    service,
    role,
    sum(weight) AS connections,
    sumIf(weight, closed_first = 'local') AS closed_first_here,
    sumIf(weight, closed_first = 'remote') AS closed_first_there,
    round(closed_first_here / connections, 3) AS share,
    uniqExact(host) AS hosts
FROM ends FINAL
WHERE time > since AND time <= until
GROUP BY service, role
ORDER BY closed_first_here DESC, service, role
LIMIT 100;
