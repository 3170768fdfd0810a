-- How long connections of each service stay in each state: the median, and what 1 in 100 exceeds. Beginnings that were
-- not seen have no time and don't count. Times are rounded to half a percent, so that few different ones are counted.
-- To change: the time, by `until` and `since`.
WITH
    (SELECT max(time) FROM ends) AS until,
    until - 24 * 3600 AS since
SELECT
    service,
    role,
    states.state AS state,
    sum(weight) AS times,
    round((quantilesExactWeighted(0.5, 0.99)(
        toUInt64(exp2(round(log2(1 + assumeNotNull(states.dwell_ns)) * 64) / 64)), weight) AS quantiles)[1] / 1e6, 3) AS p50_ms,
    round(quantiles[2] / 1e6, 3) AS p99_ms,
    round(max(states.dwell_ns) / 1e6, 3) AS max_ms
FROM ends FINAL
ARRAY JOIN states.state, states.dwell_ns
WHERE time > since AND time <= until AND isNotNull(states.dwell_ns)
GROUP BY service, role, state
ORDER BY service, role, p99_ms DESC, state
LIMIT 1000;
