// SPDX-License-Identifier: Apache-2.0
// Connections on which the two ends disagree: a row for each end, as its host saw it.
'use strict';

const ENDS = ['client', 'server'];

// Columns of both ends ("client_seen", "server_seen") become one of the end that the row is of.
function foldEnds(columns) {
    const paths = new Set(columns.map((column) => column.path));
    const folded = [{ path: 'end', title: 'End', help: 'Whose end', align: 'left' }];
    for (const column of columns) {
        const [, end, rest] = /^(client|server)_(.+)$/.exec(column.path) || [];
        if (!end || !ENDS.every((each) => paths.has(each + '_' + rest))) folded.push(column);
        else if (end === ENDS[0]) folded.push({ ...column, path: 'own_' + rest, title: capital(ownTitle(columns, rest)) });
    }
    return folded;
}

// Their title where they have the same, else what their keys have in common.
function ownTitle(columns, rest) {
    const [client, server] = ENDS.map((end) => columns.find((column) => column.path === end + '_' + rest).title);
    return client === server ? client : formatKey(rest);
}

function rowOfEnd(row, end) {
    const own = entriesOf(row)
        .filter(([key]) => key.startsWith(end + '_'))
        .map(([key, value]) => ['own_' + key.slice(end.length + 1), value]);
    return { ...row, end, ...Object.fromEntries(own) };
}

function disagreementsView(about, body) {
    const rows = listOf(body).flatMap((row) => ENDS.map((end) => rowOfEnd(row, end)));
    if (!rows.length) return el('p', { class: 'empty' }, 'Nowhere.');
    return modelTable({ ...about, columns: foldEnds(listOf(about.columns)) }, rows);
}
