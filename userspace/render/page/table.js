// SPDX-License-Identifier: Apache-2.0
// Tables that can be sorted, filtered and truncated. Only the rows that are shown exist as elements, so thousands of
// rows cost little.
'use strict';

const ROWS_SHOWN = 100; // at first
const ROWS_PRINTED = 25;
const ROWS_MORE = 400;
const tables = new Map(); // by id, for links such as #sort=services.connections

// columns: {id, title, value(row): number, string or null, to sort by; cell(row): what is shown (default: the value);
//   help, group: heading over neighbouring columns, numeric, heading: the cell names its row, wide}.
// options: {id, caption, columns, rows, search(row): text to filter by, dim(row): nothing was seen of it,
//   grouped(rows): rows in which like ones are one row with `members`, or null}.
function dataTable(options) {
    const table = new DataTable(options);
    table.address = idPrefix + options.id;
    tables.set(table.address, table);
    return table.element;
}

class DataTable {
    constructor(options) {
        Object.assign(this, { search: null, dim: () => false, grouped: null }, options);
        this.apart = !this.grouped; // each row by itself
        this.unfolded = new Set(); // groups, by key
        this.order = null; // null: as the report has it
        this.pattern = '';
        this.limit = ROWS_SHOWN;
        this.body = el('tbody');
        this.status = el('p', { class: 'status', 'aria-live': 'polite' });
        this.headings = new Map();
        const head = this.head();
        this.scroller = el(
            'div',
            { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': this.caption },
            el('table', { id: this.id + '-table' }, el('caption', null, this.caption), head, this.body),
        );
        this.element = el('div', { class: 'data-table' }, this.controls(), this.scroller, this.status);
        this.show();
    }

    head() {
        const row = el('tr');
        for (const column of this.columns) {
            const th = el(
                'th',
                { scope: 'col', class: this.classOf(column), title: column.help },
                el(
                    'button',
                    { type: 'button', onclick: () => this.toggle(column.id) },
                    column.title,
                    el('span', { class: 'arrow', 'aria-hidden': 'true' }),
                ),
                // On paper, a heading is repeated on each page, but not the buttons in it.
                el('span', { class: 'print-only', 'aria-hidden': 'true' }, column.title),
            );
            this.headings.set(column.id, th);
            row.append(th);
        }
        return el('thead', null, this.groups(), row);
    }

    // The row of headings over several columns; null if no column has one.
    groups() {
        if (!this.columns.some((column) => column.group)) return null;
        const row = el('tr', { class: 'groups' });
        for (let at = 0; at < this.columns.length;) {
            const group = this.columns[at].group;
            let end = at + 1;
            while (end < this.columns.length && this.columns[end].group === group) ++end;
            const span = end - at;
            row.append(group ? el('th', { scope: 'colgroup', colspan: span }, group) : el('td', { colspan: span }));
            at = end;
        }
        return row;
    }

    controls() {
        if (!this.search || this.rows.length < 8) return null;
        this.input = el('input', {
            type: 'search',
            placeholder: 'Filter',
            'aria-label': 'Filter: ' + this.caption,
            spellcheck: 'false',
            oninput: () => this.filter(this.input.value),
        });
        return el('div', { class: 'controls' }, this.input);
    }

    classOf(column) {
        return [column.numeric ? 'numeric' : null, column.wide ? 'wide' : null].filter(Boolean).join(' ') || null;
    }

    // Numbers begin with the largest, texts with the first.
    sort(columnId, direction) {
        const column = this.columns.find((each) => each.id === columnId);
        if (!column) return;
        this.order = { column, direction: direction || (column.numeric ? 'descending' : 'ascending') };
        this.show();
    }

    toggle(columnId) {
        const again = this.order && this.order.column.id === columnId;
        const flipped = again && (this.order.direction === 'ascending' ? 'descending' : 'ascending');
        this.sort(columnId, flipped || null);
        noteOrder(this.address, this.order);
    }

    filter(pattern) {
        this.pattern = pattern.trim().toLowerCase();
        if (this.input && this.input.value !== pattern) this.input.value = pattern;
        this.show();
    }

    showMore(number) {
        this.limit += number;
        this.show();
        this.scroller.focus({ preventScroll: true }); // the button that had the focus may have been removed
    }

    // The rows to be shown, in order: where like ones are one row, the members of those that are unfolded follow it.
    listed() {
        const rows = this.selected();
        if (this.apart || this.pattern) return rows;
        return this.sorted(this.grouped(rows)).flatMap((row) =>
            row.members && this.unfolded.has(row.key) ? [row, ...row.members] : [row],
        );
    }

    fold(key) {
        if (!this.unfolded.delete(key)) this.unfolded.add(key);
        this.show();
        const button = [...this.body.querySelectorAll('.fold')].find((each) => each.dataset.group === key);
        if (button) button.focus({ preventScroll: true });
    }

    showApart(apart) {
        this.apart = apart;
        this.show();
        this.scroller.focus({ preventScroll: true });
    }

    // The rows that match, in order. Unknown values come last in either direction.
    selected() {
        let rows = this.rows;
        if (this.pattern) {
            if (!this.texts) this.texts = new Map(rows.map((row) => [row, this.search(row).toLowerCase()]));
            const words = this.pattern.split(/\s+/);
            rows = rows.filter((row) => words.every((word) => this.texts.get(row).includes(word)));
        }
        return this.sorted(rows);
    }

    sorted(rows) {
        if (!this.order) return rows;
        const { column, direction } = this.order;
        const sign = direction === 'descending' ? -1 : 1;
        const unknown = (value) => value === null || value === undefined || value === '';
        const compare = (a, b) => {
            if (unknown(a) || unknown(b)) return Number(unknown(a)) - Number(unknown(b));
            if (typeof a === 'number' && typeof b === 'number') return sign * (a - b);
            return sign * (String(a) < String(b) ? -1 : String(a) > String(b) ? 1 : 0);
        };
        return rows
            .map((row) => [column.value(row), row])
            .sort((a, b) => compare(a[0], b[0]))
            .map(([, row]) => row);
    }

    show() {
        for (const [id, th] of this.headings) {
            if (this.order && this.order.column.id === id) th.setAttribute('aria-sort', this.order.direction);
            else th.removeAttribute('aria-sort');
        }
        const rows = this.listed();
        const shown = rows.slice(0, this.limit);
        const fragment = document.createDocumentFragment();
        shown.forEach((row, i) => fragment.append(this.row(row, i >= ROWS_PRINTED)));
        this.body.replaceChildren(fragment);
        this.showCounts(rows.length, shown.length);
    }

    row(row, beyond) {
        const classes = [beyond && 'beyond', this.dim(row) && 'dim', row.members && 'group'];
        const tr = el('tr', { class: classes.filter(Boolean).join(' ') || null });
        for (const column of this.columns) {
            const content =
                row.members && column.id === row.named
                    ? this.groupName(row)
                    : column.cell
                      ? column.cell(row)
                      : column.value(row);
            const empty = content === null || content === undefined || content === '' || content.length === 0;
            tr.append(
                el(
                    column.heading ? 'th' : 'td',
                    { class: this.classOf(column), scope: column.heading ? 'row' : null },
                    empty ? UNKNOWN : content,
                ),
            );
        }
        return tr;
    }

    groupName(row) {
        const open = this.unfolded.has(row.key);
        return [
            el(
                'button',
                {
                    type: 'button',
                    class: 'fold',
                    'data-group': row.key,
                    'aria-expanded': String(open),
                    onclick: () => this.fold(row.key),
                },
                el('span', { class: 'endpoint' }, foreign(row.name)),
            ),
            el('span', { class: 'cgroup' }, formatCount(row.members.length) + ' alike'),
        ];
    }

    // Under the table: how like rows are shown.
    groupNote() {
        if (!this.grouped || this.pattern) return null;
        const button = (text, apart) =>
            el('button', { type: 'button', class: 'apart', onclick: () => this.showApart(apart) }, text);
        if (this.apart) return [button('Show like rows together', false), ' '];
        const inGroups = this.grouped(this.rows).reduce((sum, row) => sum + (row.members ? row.members.length : 0), 0);
        return [
            formatCount(inGroups) + ' of ' + formatCount(this.rows.length) + ' rows are alike and shown together.',
            button('Show each by itself', true),
            ' ',
        ];
    }

    // Under the table: how many rows there are, if not all are shown.
    showCounts(matching, shown) {
        const total = this.rows.length;
        const parts = [this.groupNote()];
        if (this.pattern) parts.push(formatCount(matching) + ' of ' + formatCount(total) + ' rows match. ');
        if (shown < matching) {
            const button = (name, text, number) => [
                ' ',
                el('button', { type: 'button', class: name, onclick: () => this.showMore(number) }, text),
            ];
            parts.push(
                'The first ' + formatCount(shown) + ' of ' + formatCount(matching) + ' rows are shown.',
                matching > shown + ROWS_MORE ? button('show-more', formatCount(ROWS_MORE) + ' more', ROWS_MORE) : null,
                button('show-all', 'Show all ' + formatCount(matching), Infinity),
                ' ',
            );
        }
        if (matching > ROWS_PRINTED)
            parts.push(
                el(
                    'span',
                    { class: 'print-only' },
                    formatCount(matching - ROWS_PRINTED) + ' rows are left out of the printed page.',
                ),
            );
        this.status.replaceChildren();
        append(this.status, parts);
    }
}

// Orders and filters are part of the address, so that a view can be linked to:
// #sort=services.connections, #sort=ports.held.ascending, #filter=services:nginx, #all=services; several joined by "&".
function noteOrder(id, order) {
    try {
        history.replaceState(null, '', '#sort=' + id + '.' + order.column.id + '.' + order.direction);
    } catch (error) {
        // Some viewers show pages without an address; the order holds all the same.
    }
}

function followAddress() {
    for (const item of location.hash.slice(1).split('&')) {
        const [what, value] = /^([^=]*)=?(.*)$/s.exec(item).slice(1).map(decodeAddress);
        const [id, ...rest] = value.split(what === 'filter' ? ':' : '.');
        const table = tables.get(id);
        if (!table) continue;
        if (what === 'sort') {
            const direction = rest.length > 1 && /^(de|a)scending$/.test(rest[rest.length - 1]) ? rest.pop() : null;
            table.sort(rest.join('.'), direction);
        } else if (what === 'filter') {
            table.filter(rest.join(':'));
        } else if (what === 'all') {
            table.showMore(Infinity);
        }
    }
}

function decodeAddress(text) {
    try {
        return decodeURIComponent(text);
    } catch (error) {
        return text;
    }
}
