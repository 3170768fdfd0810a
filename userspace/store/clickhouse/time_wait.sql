-- Whose TIME_WAITs fill which zone: socket-seconds, how many are held on average over the minutes in which there were
-- any, and the most that one host held at a time. Sums by the minute: exact whatever `export --sample` leaves out; where
-- only a sample was traced, they are scaled.
-- To change: the time, by `until` and `since`; another state has the same question.
WITH
    (SELECT max(time) FROM minutes) AS until,
    until - 24 * 3600 AS since
SELECT
    service,
    zone,
    round(sum(socket_seconds * weight), 3) AS time_wait_socket_seconds,
    round(sum(socket_seconds * weight) / sum(seconds), 1) AS held_on_average,
    max(peak * weight) AS most_on_a_host,
    sum(entered * weight) AS connections,
    uniqExact(host) AS hosts
FROM minutes FINAL
WHERE time > since AND time <= until AND state = 'TIME_WAIT'
    AND (host, boot, began_ns, seconds, filter) GLOBAL NOT IN
    (
        -- Two tracers of a host, or a recording beside `serve`: a time that another one has the whole of, give or take a
        -- second, counts once. One without a filter has all that others have.
        SELECT host, boot, span.1 AS began, span.2 AS long, span.3 AS what
        FROM
        (
            WITH
                (SELECT max(time) FROM minutes) AS until,
                until - 24 * 3600 AS since
            SELECT host, boot, groupUniqArray((began_ns, seconds, filter)) AS spans
            FROM minutes
            WHERE time > since AND time <= until AND state = 'TIME_WAIT'
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
GROUP BY service, zone
ORDER BY time_wait_socket_seconds DESC, service, zone
LIMIT 100;
