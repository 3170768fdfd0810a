// SPDX-License-Identifier: Apache-2.0
// Tables of the report, of any kind: the report describes their columns. Where these show who closed first, or how
// much of a limit is held, a drawing is added.
'use strict';

// The cell, or the part of a cell, that `path` names. A count that isn't there is none.
function valueAt(row, path) {
    const [key, part] = path.split('.');
    const cell = row ? row[key] : null;
    if (part === undefined) return cell;
    if (cell === null || typeof cell !== 'object') return null;
    return part in cell ? cell[part] : 0;
}

// Columns that the cell of the process shows, too.
const SHOWN_WITH_PROCESS = ['cgroup', 'container'];

// Cells that show more than their own value.
const CELLS = {
    process: (row) => [row.process ? processName(row.process) : UNKNOWN, cgroupNote(row)],
    local: (row) => valueNode('local', row.local) || (row.role === 'client' ? outgoing() : null),
};

function modelColumn(column, rows) {
    const value = (row) => valueAt(row, column.path);
    const own = Object.hasOwn(CELLS, column.path) ? CELLS[column.path] : null;
    const structured = rows.some((row) => value(row) !== null && typeof value(row) === 'object');
    return {
        id: column.path,
        title: printable(column.title || formatKey(column.path)),
        group: column.group ? printable(column.group) : null,
        help: column.help,
        numeric: column.align === 'right' || rows.some((row) => typeof value(row) === 'number'),
        wide: column.below || (structured && column.minor),
        value: (row) => sortKey(value(row)),
        cell: own || ((row) => valueNode(column.path, value(row))),
        minor: column.minor,
        structured,
        raw: value,
    };
}

// Minor columns of single values that are the same in all rows, and the text that replaces them.
function sameEverywhere(columns, rows) {
    if (rows.length < 2) return [];
    const isSame = (column) => new Set(rows.map((row) => column.raw(row) ?? null)).size === 1;
    return columns.filter((column) => column.minor && !column.structured && isSame(column));
}

function sameNote(columns, rows) {
    if (!columns.length) return null;
    return el(
        'p',
        { class: 'status' },
        'The same in all rows: ',
        columns.map((column, i) => [
            i ? ', ' : '',
            [column.group, column.title].filter(Boolean).join(' '),
            ' ',
            column.cell(rows[0]) ?? UNKNOWN,
        ]),
        '.',
    );
}

function tableView(about, body) {
    const rows = listOf(body).filter((row) => row && typeof row === 'object');
    return rows.length ? modelTable(about, rows) : nothingSeen();
}

function modelTable(about, rows) {
    const described = listOf(about.columns);
    const all = described
        .filter((column) => !SHOWN_WITH_PROCESS.includes(column.path) || !described.some((other) => other.path === 'process'))
        .map((column) => modelColumn(column, rows));
    const same = sameEverywhere(all, rows);
    const columns = all.filter((column) => !same.includes(column));
    if (columns.length) columns[0].heading = true;
    const sides = sidesOf(all);
    const hasBars = sides.includes('local'); // else the sides are those of a pair of hosts
    if (hasBars) addClosedShare(columns, sides);
    addMeter(columns);
    return [
        hasBars ? closedLegend(sides) : null,
        dataTable({
            id: about.id,
            caption: printable(about.title || formatKey(about.id)),
            rows,
            search: (row) =>
                described.map((column) => searchText(column.path, valueAt(row, column.path))).join(' '),
            grouped: grouping(described, rows),
            columns,
        }),
        sameNote(same, rows),
    ];
}
