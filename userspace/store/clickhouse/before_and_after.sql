-- Which release made it worse: each service in the time before a moment and in the time after it. `z`: by how many
-- standard deviations the share of connections that ended badly differs; beyond 3 it is hardly chance.
-- To change: `moment`, toDateTime('2026-11-29 18:00:00', 'UTC'), and `span`, how long before and after it, in seconds.
WITH
    (SELECT max(time) FROM ends) - 3600 AS moment,
    3600 AS span,
    -- To half a percent, so that few different ones are counted.
    toUInt64(exp2(round(log2(1 + greatest(assumeNotNull(closed_ns) - assumeNotNull(opened_ns), 0)) * 64) / 64)) AS life
SELECT
    service,
    role,
    sumIf(weight, time <= moment) AS connections_before,
    sumIf(weight, time > moment) AS connections_after,
    sumIf(weight, time <= moment AND ending != 'fin') AS bad_before,
    sumIf(weight, time > moment AND ending != 'fin') AS bad_after,
    sumIf(weight, time <= moment AND closed_first = 'local') AS closed_first_here_before,
    sumIf(weight, time > moment AND closed_first = 'local') AS closed_first_here_after,
    round(bad_before / connections_before, 4) AS bad_share_before,
    round(bad_after / connections_after, 4) AS bad_share_after,
    (bad_before + bad_after) / (connections_before + connections_after) AS bad_share,
    round((bad_after / connections_after - bad_before / connections_before)
        / sqrt(bad_share * (1 - bad_share) * (1 / connections_before + 1 / connections_after)), 1) AS z,
    round(quantileExactWeightedIf(0.99)(life, weight, time <= moment AND closed_ns >= opened_ns) / 1e6, 3) AS p99_life_before_ms,
    round(quantileExactWeightedIf(0.99)(life, weight, time > moment AND closed_ns >= opened_ns) / 1e6, 3) AS p99_life_after_ms
FROM ends FINAL
WHERE time > moment - span AND time <= moment + span
GROUP BY service, role
HAVING connections_before > 0 AND connections_after > 0
ORDER BY isNaN(z), z DESC, service, role
LIMIT 100;
