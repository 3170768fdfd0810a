// SPDX-License-Identifier: Apache-2.0
// Connections of which both ends were recorded: whether they agree, and who was seen at one end only.
'use strict';

function hostColumn(id, title) {
    return { id, title, value: (row) => row[id], cell: (row) => foreign(row[id] || UNKNOWN) };
}

function partColumn(path, title, group, help) {
    const [id, part] = path.split('.');
    return countColumn(path, title, group, (row) => (row[id] || {})[part], help);
}

const HOST_COLUMNS = [hostColumn('client_host', 'Client'), hostColumn('server_host', 'Server')];

function pairsTable(rows) {
    const alone = (side, other) => [
        countColumn('only_' + side, 'seen', 'Only by the ' + side, (row) => row['only_' + side]),
        countColumn(
            'only_' + side + '_outside',
            'of which outside',
            'Only by the ' + side,
            (row) => row['only_' + side + '_outside'],
            'While the ' + other + '’s host wasn’t recorded',
        ),
    ];
    return dataTable({
        id: 'pairs',
        caption: 'Pairs of hosts',
        rows,
        columns: [
            ...HOST_COLUMNS,
            countColumn('joined', 'Both ends found', null, (row) => row.joined),
            ...alone('client', 'server'),
            ...alone('server', 'client'),
            {
                ...durationColumn('clock_difference_ns', 'Server’s clock ahead by', null),
                help: 'Median of the opening times; half a round trip is in it',
            },
        ],
    });
}

function servedTable(rows) {
    const word = (id, title, help) => countColumn(id, title, 'Closed first', (row) => row[id], help);
    return dataTable({
        id: 'served',
        caption: 'Who closed first, as both ends say',
        rows,
        search: (row) => [row.client_host, row.server_host, formatEndpoint(row.server)].join(' '),
        columns: [
            ...HOST_COLUMNS,
            endpointColumn('server', 'Endpoint', (row) => row.server),
            countColumn('connections', 'Connections', null, (row) => row.connections),
            partColumn('closed_first.client', 'client', 'Closed first', 'Both ends say so'),
            partColumn('closed_first.server', 'server', 'Closed first', 'Both ends say so'),
            partColumn('closed_first.both', 'both', 'Closed first', 'Both ends say so'),
            partColumn('closed_first.none', 'none', 'Closed first', 'Both ends say so'),
            word('crossed', 'crossed', 'Each end closed before it heard of the other’s closing'),
            word('not_told', 'not told', 'One end doesn’t know'),
            word('disagree', 'disagree', 'The ends say different things'),
            durationColumn('client_established_p50_ns', 'client', 'ESTABLISHED, median'),
            durationColumn('server_established_p50_ns', 'server', 'ESTABLISHED, median'),
            partColumn('time_wait.client', 'client', 'TIME_WAIT at'),
            partColumn('time_wait.server', 'server', 'TIME_WAIT at'),
            partColumn('time_wait.both', 'both', 'TIME_WAIT at'),
            partColumn('time_wait.neither', 'neither', 'TIME_WAIT at'),
        ],
    });
}

function pathCell(states) {
    return listOf(states).map((each, i) => [
        i ? ' → ' : '',
        stateChip(each.state),
        isNumber(each.dwell_ns) ? ' ' + formatDuration(each.dwell_ns) : null,
    ]);
}

// Two rows for each connection: as the client's host saw it, and as the server's did.
function disagreementsTable(examples) {
    const rows = examples.flatMap((each) => ['client', 'server'].map((side) => ({ ...each, side })));
    const own = (key) => (row) => row[row.side + '_' + key];
    const ofSide = (id, title) => ({ id, title, value: own(id), cell: (row) => term(own(id)(row) || 'unknown') });
    return dataTable({
        id: 'disagreements',
        caption: 'Where the ends disagree',
        rows,
        columns: [
            endpointColumn('client', 'Client', (row) => row.client),
            { ...endpointColumn('server', 'Server', (row) => row.server), heading: false },
            { id: 'side', title: 'Seen at', value: (row) => row.side },
            { id: 'host', title: 'Host', value: own('host'), cell: (row) => foreign(own('host')(row) || UNKNOWN) },
            { id: 'says', title: 'Closed first', value: own('says') },
            ofSide('ending', 'Ending'),
            { id: 'detail', title: 'Detail', value: own('ending_detail') },
            ofSide('seen', 'Seen'),
            { id: 'states', title: 'States', wide: true, value: () => null, cell: (row) => pathCell(own('states')(row)) },
        ],
    });
}

function bothEndsSummary(summary) {
    if (!summary.joined)
        return 'No connection between these hosts was found at both ends: they were recorded at different times, ' +
            'their clocks differ by too much, or addresses are translated between them.';
    return (
        formatCount(summary.joined) + ' connections between these hosts were found at both ends. Of who closed ' +
        'first, both say the same: ' + formatCount(summary.agree) + '; closed at the same time: ' +
        formatCount(summary.crossed) + '; one end doesn’t know: ' + formatCount(summary.not_told) +
        '; they disagree: ' + formatCount(summary.disagree) + '.'
    );
}

function bothEndsSection(both) {
    const [pairs, served, examples] = ['pairs', 'servers', 'disagreements'].map((key) => listOf(both[key]));
    return section(
        'both-ends',
        'Between the hosts',
        bothEndsSummary(both.summary || {}),
        pairs.length ? pairsTable(pairs) : null,
        served.length ? servedTable(served) : null,
        examples.length ? [el('h3', null, 'Where the ends disagree'), disagreementsTable(examples)] : null,
    );
}
