-- Which services close first across the fleet: their hosts hold the TIME_WAIT.
SELECT
    service,
    role,
    sum(weight) AS connections,
    sumIf(weight, closed_first = 'local') AS closed_first_here,
    round(closed_first_here / connections, 3) AS share,
    uniqExact(host) AS hosts
FROM ends FINAL
GROUP BY service, role
ORDER BY closed_first_here DESC, service
LIMIT 50;
