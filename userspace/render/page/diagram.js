// SPDX-License-Identifier: Apache-2.0
// The TCP state diagram with what was seen of each transition.
'use strict';

// An SVG path through the corners, rounded, that stops `short` of the end (for the arrowhead).
function roundedPath(points, short) {
    const path = points.slice();
    const [before, end] = path.slice(-2);
    const length = Math.hypot(end[0] - before[0], end[1] - before[1]);
    const stop = Math.max(0, 1 - short / length);
    path[path.length - 1] = [before[0] + (end[0] - before[0]) * stop, before[1] + (end[1] - before[1]) * stop];
    let d = 'M' + path[0].join(' ');
    for (let i = 1; i + 1 < path.length; ++i) {
        const [a, b, c] = [path[i - 1], path[i], path[i + 1]];
        const towards = (p) => {
            const distance = Math.hypot(p[0] - b[0], p[1] - b[1]);
            const radius = Math.min(12, distance / 2);
            return [b[0] + ((p[0] - b[0]) * radius) / distance, b[1] + ((p[1] - b[1]) * radius) / distance];
        };
        d += 'L' + towards(a).join(' ') + 'Q' + b.join(' ') + ' ' + towards(c).join(' ');
    }
    return d + 'L' + path[path.length - 1].join(' ');
}

function arrowHead(from, tip, size) {
    const angle = Math.atan2(tip[1] - from[1], tip[0] - from[0]);
    const corner = (turn) => [tip[0] - size * Math.cos(angle + turn), tip[1] - size * Math.sin(angle + turn)];
    return [tip, corner(0.42), corner(-0.42)].map((p) => p.map((v) => v.toFixed(1)).join(',')).join(' ');
}

function edgeTitle(edge) {
    return (
        edge.from +
        ' → ' +
        edge.to +
        ': ' +
        (edge.count ? formatCount(edge.count) + ' times' : 'never seen') +
        (isNumber(edge.p50_ns) ? ', after ' + formatDuration(edge.p50_ns) + ' (median)' : '') +
        (edge.kind === 'unexpected' ? '; unexpected' : '')
    );
}

function drawEdge(edge, route) {
    const width = edge.count > 0 ? 1.3 + 0.95 * Math.log10(edge.count) : 1;
    const head = 7 + 1.5 * width;
    const corners = route.curve || route.points;
    const [before, tip] = corners.slice(-2);
    const d = route.curve
        ? 'M' + corners[0].join(' ') + 'Q' + corners[1].join(' ') + ' ' + tip.join(' ')
        : roundedPath(corners, head - 2);
    const kind = edge.count > 0 ? (edge.kind === 'unexpected' ? ' unexpected' : '') : ' never';
    return svgEl(
        'g',
        { class: 'edge' + kind, 'data-edge': edge.from + '>' + edge.to },
        svgEl('title', null, edgeTitle(edge)),
        svgEl('path', { class: 'line', d, 'stroke-width': width.toFixed(2) }),
        svgEl('polygon', { points: arrowHead(before, tip, head) }),
    );
}

function drawLabel(edge, route) {
    if (!edge.count) return null;
    const [x, y, anchor, stacked] = route.label;
    const dwell = isNumber(edge.p50_ns) ? formatDuration(edge.p50_ns) : null;
    const text = svgEl(
        'text',
        {
            class: 'edge-label' + (edge.kind === 'unexpected' ? ' unexpected' : ''),
            x,
            y: stacked && dwell ? y - 4 : y,
            'text-anchor': anchor,
        },
        svgEl('tspan', { class: 'count' }, formatCount(edge.count)),
    );
    if (dwell && stacked) text.append(svgEl('tspan', { x, dy: 14 }, dwell));
    else if (dwell) text.append(' · ' + dwell);
    return text;
}

// CLOSE is no state to be in: its boxes have no distribution (null). `touched`: a transition leads there or away.
function drawNode(state, [x, y], height, distribution, touched) {
    const left = x - DIAGRAM.nodeWidth / 2,
        top = y - height / 2;
    const seen = distribution && (distribution.count > 0 || distribution.open > 0);
    const node = svgEl(
        'g',
        { class: 'node ' + stateClass(state) + (seen || touched || distribution === null ? '' : ' unseen') },
        svgEl('title', null, state + ': ' + (termTitle(state) || '')),
        svgEl('rect', { class: 'box', x: left, y: top, width: DIAGRAM.nodeWidth, height, rx: 7 }),
        svgEl('rect', { class: 'band', x: left + 5, y: top + 7, width: 4, height: height - 14, rx: 2 }),
        svgEl('text', { class: 'name', x: x + 4, y: seen ? y - 3 : y + 5, 'text-anchor': 'middle' }, state),
    );
    if (!seen) return node;
    const parts = [];
    if (isNumber(distribution.p50_ns)) parts.push('p50 ' + formatDuration(distribution.p50_ns));
    if (distribution.open > 0) parts.push(formatCount(distribution.open) + ' now');
    node.append(svgEl('text', { class: 'sub', x: x + 4, y: y + 15, 'text-anchor': 'middle' }, parts.join(' · ')));
    return node;
}

// Edges that were seen, then those of the figure that weren't.
function edgesOf(transitions) {
    const edges = listOf(transitions).filter((edge) => edge && edge.from && edge.to);
    const known = new Set(edges.map((edge) => edge.from + '>' + edge.to));
    for (const [name, route] of Object.entries(ROUTES)) {
        const [from, to] = name.split('>');
        if (route.rfc && !known.has(name)) edges.push({ from, to, count: 0, p50_ns: null, kind: 'rfc9293' });
    }
    return edges;
}

// `states`: distributions by state, for the contents of the boxes.
function drawDiagram(svg, transitions, states) {
    const drawn = edgesOf(transitions)
        .map((edge) => ({ edge, route: ROUTES[edge.from + '>' + edge.to] || unforeseenRoute(edge.from, edge.to) }))
        .filter(({ edge, route }) => route && (edge.count > 0 || route.rfc))
        .sort((a, b) => a.edge.count - b.edge.count);
    svg.append(...drawn.map(({ edge, route }) => drawEdge(edge, route)));
    for (const [state, centre] of Object.entries(NODES)) {
        if (state === 'END') svg.append(drawNode('CLOSE', centre, END_HEIGHT, null));
        else
            svg.append(
                drawNode(
                    state,
                    centre,
                    DIAGRAM.nodeHeight,
                    state === 'CLOSE' ? null : states[state],
                    drawn.some(({ edge }) => edge.count > 0 && [edge.from, edge.to].includes(state)),
                ),
            );
    }
    for (const { edge, route } of drawn) append(svg, [drawLabel(edge, route)]);
}

function edgesTable(about, transitions, report) {
    const order = lifeOrder(report);
    const stateColumn = (id, title) => ({
        id,
        title,
        value: (edge) => placeOf(order, edge[id]),
        cell: (edge) => stateChip(edge[id]),
    });
    return dataTable({
        id: about.id,
        caption: printable(about.title),
        rows: transitions,
        dim: (edge) => !edge.count,
        columns: [
            stateColumn('from', 'From'),
            stateColumn('to', 'To'),
            {
                id: 'count',
                title: 'Count',
                numeric: true,
                value: (edge) => edge.count,
                cell: (edge) => formatCount(edge.count),
            },
            {
                id: 'p50_ns',
                title: 'After (median)',
                help: 'The time spent in the first state before this transition',
                numeric: true,
                value: (edge) => edge.p50_ns,
                cell: (edge) => formatDuration(edge.p50_ns),
            },
            { id: 'kind', title: 'Kind', value: (edge) => edge.kind, cell: (edge) => term(edge.kind || 'unknown') },
        ],
    });
}

function unexpectedNotice(transitions) {
    const unexpected = transitions.filter((edge) => edge.count > 0 && edge.kind === 'unexpected');
    if (!unexpected.length) return null;
    return el(
        'div',
        { class: 'notice unexpected-edges' },
        el('strong', null, 'Unexpected transitions: '),
        unexpected.map((edge, i) => [
            i ? ', ' : '',
            printable(edge.from) + ' → ' + printable(edge.to) + ' (' + formatCount(edge.count) + ')',
        ]),
        '. No cause is known for them: events were lost, or the kernel is newer than tcpdwell.',
    );
}

function diagramView(about, body, report) {
    const transitions = listOf(body).filter((edge) => edge && typeof edge === 'object');
    const svg = drawing(
        about.id + '-edges',
        'The TCP state diagram of RFC 9293 with how often each transition was seen',
        transitions
            .filter((edge) => edge.count > 0)
            .map(edgeTitle)
            .join('; '),
    );
    svg.setAttribute('viewBox', [DIAGRAM.left, 0, DIAGRAM.width, DIAGRAM.height].join(' '));
    drawDiagram(svg, transitions, (about.id === 'transitions' && report.states) || {});
    return [
        el('p', { class: 'help' }, 'Lines are thicker the more often they were taken; faint ones never were.'),
        unexpectedNotice(transitions),
        el('div', { class: 'scroll diagram', tabindex: 0, role: 'region', 'aria-label': 'State diagram' }, svg),
        el(
            'details',
            { id: about.id + '-details', class: 'screen-only' },
            el('summary', null, 'All transitions as a table'),
            edgesTable(about, transitions, report),
        ),
    ];
}
