// SPDX-License-Identifier: Apache-2.0
// How long: distributions of durations, of states or of steps, also in groups.
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

// What is measured: a state, or a step by its key.
function measuredName(id) {
    return isStateName(id) ? stateChip(id) : term(id, formatKey(id));
}

function barsClass(id) {
    return isStateName(id) ? stateClass(id) : 'latency';
}

function distributionsView(about, body, report) {
    return Array.isArray(body.groups) ? groupsTable(about, body, report) : membersView(about, body, report);
}

function membersView(about, body, report) {
    const rows = rowsOf(body);
    if (!rows.length) return nothingSeen();
    const nameColumn = {
        id: 'name',
        title: rows.every((row) => isStateName(row.id)) ? 'State' : 'What',
        heading: true,
        value: (row) => rows.indexOf(row),
        cell: (row) => titled(row, measuredName(row.id)),
    };
    const cards = rows
        .filter((row) => row.count > 0)
        .map((row) => histogramCard(row.id, row, barsClass(row.id), measuredName(row.id)));
    return [
        accuracy(report),
        distributionTable(about.id, printable(about.title), rows, [nameColumn]),
        cards.some(Boolean)
            ? el('div', { class: 'histograms' }, cards)
            : el('p', { class: 'empty' }, 'Nothing was seen from its beginning to its end.'),
    ];
}

function accuracy(report) {
    const error = report.quality && report.quality.quantile_error;
    if (!isNumber(error)) return null;
    return el(
        'p',
        { class: 'help' },
        'Quantiles are right to within ' + formatNumber(100 * error) + '%; min, mean and max are exact.',
    );
}

// The same in groups, where the report was asked for them.
function groupsTable(about, split, report) {
    const order = lifeOrder(report);
    const rows = split.groups.flatMap((group) => rowsOf(group.states).map((row) => ({ ...row, group: group.group })));
    const by = printable(split.by || 'group');
    if (!rows.length) return nothingSeen();
    return dataTable({
        id: about.id,
        caption: printable(about.title) + ': ' + by,
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
            { id: 'state', title: 'State', value: (row) => placeOf(order, row.id), cell: (row) => measuredName(row.id) },
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
                cell: (row) => sparkHistogram(row, barsClass(row.id)),
            },
        ],
    });
}
