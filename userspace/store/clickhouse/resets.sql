-- Connections that ended by an RST, by the pair of workloads: which of the two sent it, and why. Where only one end was
-- traced, the other is the address (and the port of a server). A connection of which both ends are there counts once.
-- To change: the time, by `until` and `since`, and that of the other ends, which has to begin an hour earlier; `apart`: how
-- far apart clocks may be and a SYN may be delayed, in ns.
SELECT
    if(role = 'server', peer, service) AS client,
    if(role = 'server', service, peer) AS server,
    sum(weight) AS resets,
    sumIf(weight, (ending = 'reset_sent') = (role != 'server')) AS sent_by_client,
    sumIf(weight, (ending = 'reset_sent') = (role = 'server')) AS sent_by_server,
    groupUniqArray(cause) AS causes,
    uniqExact(host) AS hosts
FROM
(
    WITH
        (SELECT max(time) FROM flows) AS until,
        until - 24 * 3600 AS since,
        30000000000 AS apart
    SELECT
        host, role, service, weight, ending,
        flow = peer_flow AND conn != peer_conn
            AND remote_port = peer_port AND local_port = peer_remote_port
            AND abs(ifNull(opened_ns, closed_ns) - ifNull(peer_opened_ns, peer_closed_ns)) <= apart
            AND (cityHash64(boot) = peer_boot AND netns = peer_netns
                OR not (local_addr LIKE '127.%' OR local_addr LIKE '::ffff:127.%' OR local_addr = '::1')) AS has_peer,
        multiIf(has_peer = 1, peer_service, role = 'server', remote_addr,
            concat(remote_addr, ':', toString(remote_port))) AS peer,
        if(has_peer = 1 AND ending_detail = '', peer_ending_detail, ending_detail) AS cause,
        has_peer = 1 AND peer_ending IN ('reset_sent', 'reset_received') AND role = 'server' AS is_counted_by_client
    FROM flows
    ALL LEFT JOIN
    (
        SELECT
            flow, flow AS peer_flow, conn AS peer_conn, cityHash64(boot) AS peer_boot, netns AS peer_netns,
            service AS peer_service, local_port AS peer_port, remote_port AS peer_remote_port, opened_ns AS peer_opened_ns, closed_ns AS peer_closed_ns, ending AS peer_ending,
            ending_detail AS peer_ending_detail
        FROM flows
        WHERE time > (SELECT max(time) FROM flows) - 25 * 3600
    ) AS peers USING flow
    WHERE time > since AND time <= until AND ending IN ('reset_sent', 'reset_received')
    -- One row for each end, also where it came twice (without the time that FINAL takes), with the nearest of its peers.
    ORDER BY has_peer DESC, abs(ifNull(opened_ns, closed_ns) - ifNull(peer_opened_ns, peer_closed_ns))
    LIMIT 1 BY boot, conn
)
WHERE is_counted_by_client = 0
GROUP BY client, server
ORDER BY resets DESC, client, server
LIMIT 100
SETTINGS distributed_product_mode = 'local';
