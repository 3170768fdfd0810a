// SPDX-License-Identifier: Apache-2.0
// Who closes first: services, remote servers, and the local ports that connections to them use.
'use strict';

const SIDES = [...new Set(['local', 'both', 'remote', ...CLOSED_FIRST])]; // as they stand in the bar

function closedFirst(row) {
    return row.closed_first || {};
}

// The bar of who closed first; its segments are in the order of SIDES. One element: there may be thousands of rows.
function closedBar(row) {
    const counts = SIDES.map((side) => closedFirst(row)[side] || 0);
    const total = counts.reduce((a, b) => a + b, 0);
    if (!total) return null;
    const text = SIDES.map((side, i) => counts[i] && side + ' ' + formatCount(counts[i]))
        .filter(Boolean)
        .join(', ');
    let end = 0;
    const stops = SIDES.map((side, i) => {
        const begin = end;
        end += (100 * counts[i]) / total;
        return 'var(--' + side + ') ' + begin.toFixed(2) + '% ' + end.toFixed(2) + '%';
    }).filter((stop, i) => counts[i]);
    return el('span', {
        class: 'closed-bar',
        role: 'img',
        'aria-label': 'Closed first: ' + text,
        title: text,
        style: 'background-image: linear-gradient(to right, ' + stops.join(', ') + ')',
    });
}

function closedLegend() {
    return el(
        'p',
        { class: 'legend', 'aria-hidden': 'true' },
        'Closed first: ',
        SIDES.map((side) => el('span', { title: termTitle(side) }, el('i', { class: 'swatch side-' + side }), side)),
    );
}

function endingsCell(row) {
    const endings = entriesOf(row.endings)
        .filter(([, count]) => count > 0)
        .sort((a, b) => b[1] - a[1]);
    return endings.map(([ending, count], i) => [
        i ? ' ' : '',
        el('span', { class: 'ending' }, term(ending), ' ', formatCount(count)),
    ]);
}

function processCell(row) {
    if (!row.process && !row.cgroup) return null;
    const process = row.process;
    return [
        process
            ? [
                  foreign(process.comm || UNKNOWN),
                  isNumber(process.pid) ? el('span', { class: 'muted' }, ' ' + process.pid) : null,
              ]
            : UNKNOWN,
        row.cgroup && row.cgroup !== '/'
            ? el('span', { class: 'cgroup', title: printable(row.cgroup) }, foreign(shortPath(printable(row.cgroup))))
            : null,
    ];
}

// The end of a long path says most.
function shortPath(path) {
    const characters = [...path];
    return characters.length > 32 ? '…' + characters.slice(-31).join('') : path;
}

function processText(row) {
    return row.process
        ? [row.process.comm, row.process.pid].filter((each) => each !== null && each !== undefined).join(' ')
        : '';
}

function endpointColumn(id, title, of, otherwise) {
    return {
        id,
        title,
        heading: true,
        value: (row) => formatEndpoint(of(row)) || null,
        cell: (row) =>
            formatEndpoint(of(row))
                ? el('span', { class: 'endpoint' }, foreign(formatEndpoint(of(row))))
                : otherwise
                  ? otherwise(row)
                  : null,
    };
}

// A program that connected has many local ports, and a row of its own.
function outgoing(row) {
    return row.role === 'client' ? el('span', { class: 'muted' }, 'outgoing') : null;
}

function countColumn(id, title, group, value, help) {
    return { id, title, group, help, numeric: true, value, cell: (row) => formatCount(value(row)) };
}

const PROCESS_COLUMN = {
    id: 'process',
    title: 'Process',
    value: (row) => (row.process && row.process.comm) || null,
    cell: processCell,
};

// Columns that services and remotes have in common. A side that never occurs has no column.
function closingColumns(rows, first) {
    const columns = [
        countColumn('connections', 'Connections', null, (row) => row.connections, termTitle('connections')),
        {
            id: 'share',
            title: 'Share',
            group: 'Closed first',
            help: 'Who closed first; ordered by the share of ' + first,
            numeric: true,
            value: (row) => shareOf(row, first),
            cell: closedBar,
        },
    ];
    for (const side of CLOSED_FIRST) {
        const usual = side !== 'both' && side !== 'unknown';
        if (usual || rows.some((row) => closedFirst(row)[side] > 0))
            columns.push(
                countColumn(
                    'closed_first.' + side,
                    side,
                    'Closed first',
                    (row) => closedFirst(row)[side],
                    termTitle(side),
                ),
            );
    }
    const timeWait = (row) => row.time_wait || {};
    columns.push(
        countColumn(
            'time_wait.now',
            'now',
            'TIME_WAIT',
            (row) => timeWait(row).now,
            'Sockets in TIME_WAIT when tracing stopped',
        ),
        countColumn('time_wait.peak', 'peak', 'TIME_WAIT', (row) => timeWait(row).peak, termTitle('peak')),
        {
            id: 'time_wait.socket_seconds',
            title: 'socket s',
            group: 'TIME_WAIT',
            numeric: true,
            help: termTitle('socket_seconds'),
            value: (row) => timeWait(row).socket_seconds,
            cell: (row) => formatNumber(timeWait(row).socket_seconds),
        },
    );
    columns.push({
        id: 'endings',
        title: 'Endings',
        wide: true,
        cell: endingsCell,
        value: (row) => entriesOf(row.endings).reduce((best, each) => (each[1] > best[1] ? each : best), ['', 0])[0],
    });
    return columns;
}

function shareOf(row, side) {
    const counts = closedFirst(row);
    const total = SIDES.reduce((sum, each) => sum + (counts[each] || 0), 0);
    return total ? (counts[side] || 0) / total : null;
}

function netnsColumn(rows) {
    const several = new Set(rows.map((row) => row.netns)).size > 1;
    return several
        ? [
              {
                  id: 'netns',
                  title: 'netns',
                  numeric: true,
                  help: 'Network namespace (inode)',
                  value: (row) => row.netns,
                  cell: (row) => (isNumber(row.netns) ? String(row.netns) : null),
              },
          ]
        : [];
}

function servicesSection(report) {
    const rows = listOf(report.services);
    const table = dataTable({
        id: 'services',
        caption: 'Services',
        rows,
        search: (row) =>
            [
                formatEndpoint(row.local),
                processText(row),
                row.role,
                row.cgroup,
                row.netns,
                ...Object.keys(row.endings || {}),
            ].join(' '),
        columns: [
            endpointColumn('local', 'Local', (row) => row.local, outgoing),
            PROCESS_COLUMN,
            {
                id: 'role',
                title: 'Role',
                help: termTitle('role'),
                value: (row) => row.role,
                cell: (row) => term(row.role || 'unknown'),
            },
            ...netnsColumn(rows),
            ...closingColumns(rows, 'local'),
        ],
    });
    return section(
        'who',
        'Who closes first',
        'A row is a local address and port that was served, or a program that connected. Who closes first keeps the ' +
            'TIME_WAIT.',
        rows.length ? [closedLegend(), table] : el('p', { class: 'empty' }, 'No connections were seen.'),
    );
}

function remotesSection(report) {
    const rows = listOf(report.remotes);
    if (!rows.length) return null;
    return section(
        'outgoing',
        'Remote servers',
        'Connections that were opened from here, by where to.',
        closedLegend(),
        dataTable({
            id: 'remotes',
            caption: 'Remote servers',
            rows,
            search: (row) =>
                [formatEndpoint(row.remote), processText(row), row.netns, ...Object.keys(row.endings || {})].join(' '),
            columns: [
                endpointColumn('remote', 'Remote', (row) => row.remote),
                PROCESS_COLUMN,
                ...netnsColumn(rows),
                ...closingColumns(rows, 'remote'),
            ],
        }),
    );
}

// How full it is, as a bar and in words.
function meterCell(row) {
    if (!isNumber(row.limit) || row.limit <= 0) return null;
    const share = Math.min(1, (row.held || 0) / row.limit);
    const text = formatShare(row.held || 0, row.limit);
    return el(
        'span',
        { class: 'meter' + (share >= 0.8 ? ' high' : '') },
        svgEl(
            'svg',
            { viewBox: '0 0 100 10', preserveAspectRatio: 'none', role: 'img', 'aria-label': text + ' in use' },
            svgEl('rect', { class: 'meter-all', width: 100, height: 10 }),
            svgEl('rect', { class: 'meter-held', width: (100 * share).toFixed(2), height: 10 }),
        ),
        text,
    );
}

function portsSection(report) {
    const rows = listOf(report.ports);
    if (!rows.length) return null;
    return section(
        'local-ports',
        'Local ports in use',
        'Each remote endpoint has the whole range of local ports for itself, once per local address. A port in ' +
            'TIME_WAIT is still held.',
        dataTable({
            id: 'ports',
            caption: 'Local ports in use',
            rows,
            search: (row) => [formatEndpoint(row.local), formatEndpoint(row.remote), row.netns].join(' '),
            columns: [
                endpointColumn('remote', 'Remote', (row) => row.remote),
                { ...endpointColumn('local', 'From', (row) => row.local), heading: false },
                ...netnsColumn(rows),
                {
                    id: 'share',
                    title: 'In use',
                    numeric: true,
                    help: termTitle('held'),
                    cell: meterCell,
                    value: (row) => (row.limit > 0 ? (row.held || 0) / row.limit : null),
                },
                countColumn('held', 'Held', null, (row) => row.held, termTitle('held')),
                countColumn('limit', 'Limit', null, (row) => row.limit, 'Ports in net.ipv4.ip_local_port_range'),
                countColumn('peak', 'Peak', null, (row) => row.peak, termTitle('peak')),
                countColumn('opened', 'Opened', null, (row) => row.opened, 'Connections opened while tracing'),
                {
                    id: 'per_second',
                    title: 'per second',
                    numeric: true,
                    value: (row) => row.per_second,
                    cell: (row) => formatNumber(row.per_second),
                },
            ],
        }),
    );
}
