// SPDX-License-Identifier: Apache-2.0
// Facts: names and values, such as how the report was made.
'use strict';

function pairs(id, caption, entries) {
    if (!entries.length) return null;
    return el(
        'table',
        { id, class: 'pairs' },
        el('caption', null, caption),
        el(
            'tbody',
            null,
            entries.map(([name, value]) => el('tr', null, el('th', { scope: 'row' }, name), el('td', null, value))),
        ),
    );
}

function isGroup(value) {
    return value !== null && typeof value === 'object' && !isEndpoint(value) && !isProcess(value);
}

function factsView(about, facts) {
    const titles = new Map(listOf(about.lines).map((line) => [line.id, line.title]));
    const titleOf = (key) => capital(printable(titles.get(key) || formatKey(key)));
    const text = (key, value) => valueNode(key, value) ?? UNKNOWN;
    const single = entriesOf(facts).filter(([, value]) => !isGroup(value));
    const groups = entriesOf(facts).filter(([, value]) => isGroup(value));
    const members = (group) => entriesOf(group).map(([key, value]) => [el('code', null, foreign(key)), text(key, value)]);
    return [
        pairs(
            about.id + '-table',
            printable(about.title),
            single.map(([key, value]) => [titleOf(key), text(key, value)]),
        ),
        groups.map(([key, group]) =>
            details(key, titleOf(key), pairs(key + '-table', titleOf(key), members(group)) || UNKNOWN),
        ),
    ];
}
