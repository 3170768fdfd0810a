// SPDX-License-Identifier: Apache-2.0
// Words of the report with their meanings as tooltips; `tcpdwell explain WORD` prints more. The meanings are
// embedded in the page as data.
'use strict';

const WORDS = JSON.parse(document.getElementById('words').textContent);

function termTitle(word) {
    return Object.hasOwn(WORDS, word) ? WORDS[word] : null;
}

// The word, with its meaning as a tooltip where there is one.
function term(word, text) {
    const title = termTitle(word);
    return title ? el('abbr', { title }, text || printable(word)) : foreign(text || word);
}

// Whether it is written as states are.
function isStateName(word) {
    return /^[A-Z][A-Z0-9_]*$/.test(word);
}

// The CSS class that sets the state's colour.
function stateClass(state) {
    return 'state-' + (isStateName(state) ? state : 'CLOSE');
}

// A state's name with its colour beside it.
function stateChip(state) {
    return el(
        'span',
        { class: 'state ' + stateClass(state) },
        el('i', { class: 'swatch', 'aria-hidden': 'true' }),
        term(state),
    );
}

// The states in the order of a connection's life, which is that of the report's first list of them.
function lifeOrder(report) {
    const lists = listOf(report.sections).map((about) => listOf(about.members).map((member) => member.id));
    return lists.find((ids) => ids.some(isStateName)) || [];
}

// The place of `state` in `order`, to sort by; what isn't in it comes last.
function placeOf(order, state) {
    const at = order.indexOf(state);
    return at < 0 ? order.length : at;
}
