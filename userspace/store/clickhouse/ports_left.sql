-- When programs that connect run out of local ports: how many they hold in the last minute (open, and in TIME_WAIT), how
-- fast that grew in the hour before, and in how many minutes all are taken if it goes on like that (null: it doesn't
-- grow). A program that connects to several remote servers has that many ports for each of them, so this is the earliest
-- time; `tcpdwell report` on the host has it by remote server.
-- To change: the time, by `until` and `since`; `ports`: how many there are, net.ipv4.ip_local_port_range.
WITH
    28232 AS ports
SELECT
    host,
    container,
    service,
    argMax(held, time) AS held_now,
    max(held) AS held_at_most,
    count() AS minutes_known,
    if(minutes_known > 1, round(covarPop(held, minute) / varPop(minute), 1), 0) AS growth_a_minute,
    if(held_now >= ports, 0, if(growth_a_minute > 0,
        toNullable(round((ports - held_now) / growth_a_minute, 1)), NULL)) AS minutes_left
FROM
(
    WITH
        (SELECT max(time) FROM minutes) AS until,
        until - 3600 AS since
    -- States reach their peaks one after the other, so their sum is too much: the average over all of them, or the peak
    -- of one.
    SELECT
        host, container, service, time, (toInt64(time) - toInt64(until)) / 60 AS minute,
        greatest(toInt64(max(peak * weight)), toInt64(round(sum(socket_seconds * weight) / any(seconds)))) AS held
    FROM minutes FINAL
    WHERE time > since AND time <= until AND role = 'client' AND state NOT IN ('CLOSE', 'LISTEN')
        AND (host, boot, began_ns, seconds, filter) GLOBAL NOT IN
        (
            -- Two tracers of a host, or a recording beside `serve`: a time that another one has the whole of, give or take a
            -- second, counts once. One without a filter has all that others have.
            SELECT host, boot, span.1 AS began, span.2 AS long, span.3 AS what
            FROM
            (
                WITH
                    (SELECT max(time) FROM minutes) AS until,
                    until - 3600 AS since
                SELECT host, boot, groupUniqArray((began_ns, seconds, filter)) AS spans
                FROM minutes
                WHERE time > since AND time <= until AND role = 'client' AND state NOT IN ('CLOSE', 'LISTEN')
                GROUP BY host, boot, toStartOfMinute(time)
                HAVING length(spans) > 1
            )
            ARRAY JOIN spans AS span
            WHERE arrayExists(
                other -> (other.3 = '' OR other.3 = span.3) AND other.1 <= span.1 + 1e9
                    AND other.1 + other.2 * 1e9 >= span.1 + (span.2 - 1) * 1e9
                    AND (other.3 != span.3 OR other.2 > span.2 OR (other.2 = span.2 AND other.1 < span.1)),
                spans)
        )
    GROUP BY host, boot, container, service, time, began_ns
)
GROUP BY host, container, service
ORDER BY isNull(minutes_left), minutes_left, held_at_most DESC, host, container, service
LIMIT 100;
