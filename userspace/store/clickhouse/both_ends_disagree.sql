-- Where the two ends of a connection, both seen from their birth, don't agree: who closed first, how it ended, or bytes
-- that one was acknowledged and the other never received. Something between them answers in the place of one: a load
-- balancer, a firewall that forgets, a NAT. (Where addresses are translated, the two ends have no flow in common, and
-- aren't compared.) FINs that cross are no disagreement, nor is an RST for an end that had timed out before.
-- To change: the time, by `until` and `since` of the servers' ends, and that of the clients' ends, which has to begin an
-- hour earlier; `apart`: how far apart clocks may be and a SYN may be delayed, in ns. Where the memory isn't enough, add
-- `AND flow % 10 = 0` to both: a tenth of the connections.
SELECT
    client_service,
    server_service,
    arrayJoin(differences) AS differs,
    sum(pair_weight) AS connections,
    uniqExact(client_name) AS client_hosts,
    uniqExact(server_name) AS server_hosts,
    any(pair) AS example
FROM
(
    WITH
        (SELECT max(time) FROM flows) AS until,
        until - 24 * 3600 AS since,
        30000000000 AS apart
    SELECT
        (closed_first = 'local' AND client_closed_first = 'remote')
            OR (closed_first = 'remote' AND client_closed_first = 'local')
            OR (closed_first IN ('local', 'both') AND client_closed_first IN ('local', 'both'))
            OR (closed_first = 'none' AND client_closed_first = 'none')
            OR closed_first = 'unknown' OR client_closed_first = 'unknown' AS closers_agree,
        if(client_ending < ending, concat(client_ending, '+', ending), concat(ending, '+', client_ending)) IN (
            'fin+fin', 'reset_received+reset_sent', 'reset_sent+reset_sent', 'reset_received+timed_out',
            'reset_sent+timed_out', 'timed_out+timed_out', 'handshake_failed+reset_sent',
            'connect_failed+handshake_failed', 'handshake_failed+refused', 'handshake_failed+timed_out',
            'fin_wait2_expired+reset_received', 'fin_wait2_expired+reset_sent', 'fin_wait2_expired+timed_out')
            OR ending IN ('unknown', 'dropped_silently')
            OR client_ending IN ('unknown', 'dropped_silently') AS endings_fit,
        arrayFilter(x -> x != '', [
            if(closers_agree, '', concat('closed first: ', client_closed_first, ' / ', closed_first)),
            if(endings_fit, '', concat('ending: ', client_ending, ' / ', ending)),
            if(ifNull(client_bytes_acked > bytes_received, 0), 'bytes: more acknowledged to the client than received', ''),
            if(ifNull(bytes_acked > client_bytes_received, 0), 'bytes: more acknowledged to the server than received', '')
            ]) AS differences,
        -- All are sorted, few differ: the others take no room for names.
        if(empty(differences), '', service) AS server_service,
        if(empty(differences), '', client_program) AS client_service,
        if(empty(differences), '', host) AS server_name,
        if(empty(differences), '', client_host) AS client_name,
        if(empty(differences), '', concat(client_host, ' ', lower(hex(client_conn)), ' / ', host, ' ', lower(hex(conn)))) AS pair,
        -- Of a sample: where one of the two ended well, the other is there for the sake of its flow.
        if(weight > client_weight, weight, client_weight) AS pair_weight
    FROM flows
    ALL INNER JOIN
    (
        -- On the same server as the others: rows are spread by flow. That is a hash of the addresses too.
        SELECT
            flow, host AS client_host, cityHash64(boot) AS client_boot, netns AS client_netns, conn AS client_conn,
            weight AS client_weight, service AS client_program, local_port AS client_port,
            remote_port AS client_remote_port, opened_ns AS client_opened_ns, closed_first AS client_closed_first,
            ending AS client_ending, bytes_acked AS client_bytes_acked, bytes_received AS client_bytes_received
        FROM flows
        WHERE time > (SELECT max(time) FROM flows) - 25 * 3600 AND role = 'client' AND seen = 'whole'
    ) AS clients USING flow
    WHERE time > since AND time <= until AND role = 'server' AND seen = 'whole'
        AND remote_port = client_port AND local_port = client_remote_port
        AND abs(opened_ns - client_opened_ns) <= apart
        AND (cityHash64(boot) = client_boot AND netns = client_netns
            OR not (local_addr LIKE '127.%' OR local_addr LIKE '::ffff:127.%' OR local_addr = '::1'))
    -- A four-tuple that is used again has several: the nearest are the two ends of one connection. That leaves out rows
    -- that came twice as well, without the time that FINAL takes.
    ORDER BY abs(opened_ns - client_opened_ns), conn, client_conn
    LIMIT 1 BY client_boot, client_conn
)
WHERE notEmpty(differences)
GROUP BY client_service, server_service, differs
ORDER BY connections DESC, client_service, server_service, differs
LIMIT 100
SETTINGS distributed_product_mode = 'local';
