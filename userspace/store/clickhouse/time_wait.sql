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
GROUP BY service, zone
ORDER BY time_wait_socket_seconds DESC, service, zone
LIMIT 100;
