// SPDX-License-Identifier: Apache-2.0
// How long: dwell times by state, the same in groups, and latencies.
'use strict';

const QUANTILES = [
    ['min_ns', 'min'],
    ['p50_ns', 'p50'],
    ['p90_ns', 'p90'],
    ['p99_ns', 'p99'],
    ['p999_ns', 'p99.9'],
    ['max_ns', 'max'],
    ['mean_ns', 'mean'],
];

function durationColumn(id, title, group) {
    return { id, title, group, numeric: true, value: (row) => row[id], cell: (row) => formatDuration(row[id]) };
}

// Distributions as rows: {id, ...distribution}.
function rowsOf(distributions) {
    return entriesOf(distributions)
        .filter(([, each]) => each && typeof each === 'object')
        .map(([id, each]) => ({ ...each, id }));
}

function titled(row, name) {
    return [name, row.title ? el('span', { class: 'subtitle' }, printable(row.title)) : null];
}

function distributionTable(id, caption, rows, first) {
    const openColumns = rows.some((row) => isNumber(row.open))
        ? [
              {
                  id: 'open',
                  title: 'now',
                  group: 'Under way',
                  numeric: true,
                  value: (row) => row.open,
                  help: 'Not ended yet when tracing stopped, and so not counted',
                  cell: (row) => formatCount(row.open),
              },
              { ...durationColumn('oldest_ns', 'oldest', 'Under way'), help: 'The longest that lasts already' },
          ]
        : [];
    return dataTable({
        id,
        caption,
        rows,
        dim: (row) => !row.count && !row.open,
        columns: [
            ...first,
            {
                id: 'count',
                title: 'Count',
                numeric: true,
                value: (row) => row.count,
                cell: (row) => formatCount(row.count),
            },
            ...QUANTILES.map(([key, title]) => durationColumn(key, title, 'Duration')),
            ...openColumns,
        ],
    });
}

function dwellSection(report) {
    const rows = rowsOf(report.states);
    const nameColumn = {
        id: 'state',
        title: 'State',
        heading: true,
        value: (row) => rows.indexOf(row),
        cell: (row) => titled(row, stateChip(row.id)),
    };
    const cards = rows
        .filter((row) => row.count > 0)
        .map((row) => histogramCard(row.id, row, stateClass(row.id), stateChip(row.id)));
    return section(
        'dwell',
        'Time in each state',
        accuracy(report),
        rows.length ? distributionTable('states', 'Time in each state', rows, [nameColumn]) : null,
        cards.some(Boolean)
            ? el('div', { class: 'histograms' }, cards)
            : el('p', { class: 'empty' }, 'No state was left while tracing.'),
        groupsDetails(report),
    );
}

function accuracy(report) {
    const error = report.quality && report.quality.quantile_error;
    return (
        'From entering a state to leaving it, for all connections.' +
        (isNumber(error)
            ? ' Quantiles are right to within ' + formatNumber(100 * error) + '%; min, mean and max are exact.'
            : '')
    );
}

// The same in groups, where the report was asked for them.
function groupsDetails(report) {
    const split = report.states_by;
    const groups = listOf(split && split.groups);
    if (!groups.length) return null;
    const rows = groups.flatMap((group) => rowsOf(group.states).map((row) => ({ ...row, group: group.group })));
    const by = printable(split.by || 'group');
    const table = dataTable({
        id: 'states_by',
        caption: 'Time in each state by ' + by,
        rows,
        search: (row) => [row.group, row.id].join(' '),
        columns: [
            {
                id: 'group',
                title: by,
                heading: true,
                value: (row) => row.group,
                cell: (row) => foreign(row.group === null || row.group === '' ? UNKNOWN : row.group),
            },
            { id: 'state', title: 'State', value: (row) => STATES.indexOf(row.id), cell: (row) => stateChip(row.id) },
            {
                id: 'count',
                title: 'Count',
                numeric: true,
                value: (row) => row.count,
                cell: (row) => formatCount(row.count),
            },
            ...['p50_ns', 'p90_ns', 'p99_ns', 'max_ns'].map((key) =>
                durationColumn(key, QUANTILES.find(([id]) => id === key)[1], 'Duration'),
            ),
            {
                id: 'shape',
                title: 'min to max',
                group: 'Duration',
                value: (row) => row.min_ns,
                numeric: true,
                cell: (row) => sparkHistogram(row, stateClass(row.id)),
            },
        ],
    });
    return details(
        'states-by',
        'By ' + by + ': ' + formatCount(groups.length) + (groups.length === 1 ? ' group' : ' groups'),
        table,
    );
}

function latenciesSection(report) {
    const rows = rowsOf(report.latencies);
    if (!rows.length) return null;
    const nameColumn = {
        id: 'name',
        title: 'What',
        heading: true,
        value: (row) => rows.indexOf(row),
        cell: (row) => titled(row, term(row.id, formatKey(row.id))),
    };
    const cards = rows
        .filter((row) => row.count > 0)
        .map((row) => histogramCard(row.id, row, 'latency', el('span', null, formatKey(row.id))));
    return section(
        'latency',
        'Latencies',
        'How long handshakes and closes took.',
        distributionTable('latencies', 'Latencies', rows, [nameColumn]),
        cards.some(Boolean) ? el('div', { class: 'histograms' }, cards) : null,
    );
}
