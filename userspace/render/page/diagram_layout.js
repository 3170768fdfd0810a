// SPDX-License-Identifier: Apache-2.0
// Positions of states and transitions in the diagram: after RFC 9293, figure 5. CLOSE is in it twice, where
// connections begin and where they end.
'use strict';

const DIAGRAM = { left: -24, width: 1140, height: 826, nodeWidth: 160, nodeHeight: 50 };

// Centres of the boxes.
const NODES = {
    CLOSE: [500, 40], LISTEN: [500, 148], SYN_RECV: [170, 266], SYN_SENT: [830, 266], ESTABLISHED: [500, 386],
    FIN_WAIT1: [170, 500], CLOSE_WAIT: [830, 500], FIN_WAIT2: [170, 615], CLOSING: [500, 615], LAST_ACK: [830, 615],
    TIME_WAIT: [500, 735], END: [830, 735],
};
const END_HEIGHT = 96; // of the lower CLOSE: many arrive there

// Corners of the lines; label: [x, y, anchor, stacked: dwell under the count]. `rfc`: in the figure, drawn (faintly)
// even if it was never seen. To the figure's lines are added those of the RFC's text, mostly resets and timeouts.
const ROUTES = {
    'CLOSE>LISTEN': { rfc: true, points: [[478, 65], [478, 123]], label: [468, 92, 'end', true] },
    'LISTEN>CLOSE': { rfc: true, points: [[522, 123], [522, 65]], label: [532, 92, 'start', true] },
    'CLOSE>SYN_SENT': { rfc: true, points: [[580, 30], [860, 30], [860, 241]], label: [870, 120, 'start', true] },
    'SYN_SENT>CLOSE': { rfc: true, points: [[820, 241], [820, 52], [580, 52]], label: [810, 96, 'end', true] },
    'SYN_RECV>CLOSE': { rfc: true, points: [[140, 241], [140, 40], [420, 40]], label: [130, 120, 'end', true] },
    'SYN_RECV>LISTEN': { rfc: true, points: [[180, 241], [180, 138], [420, 138]], label: [300, 131, 'middle'] },
    'LISTEN>SYN_RECV': { rfc: true, points: [[420, 160], [220, 160], [220, 241]], label: [325, 176, 'middle'] },
    'LISTEN>SYN_SENT': { rfc: true, points: [[580, 148], [780, 148], [780, 241]], label: [675, 141, 'middle'] },
    'SYN_SENT>SYN_RECV': { rfc: true, points: [[750, 258], [250, 258]], label: [500, 250, 'middle'] },
    'SYN_SENT>ESTABLISHED': { rfc: true, points: [[800, 291], [800, 376], [580, 376]], label: [685, 368, 'middle'] },
    'SYN_RECV>ESTABLISHED': { rfc: true, points: [[200, 291], [200, 376], [420, 376]], label: [315, 368, 'middle'] },
    'SYN_RECV>FIN_WAIT1': { rfc: true, points: [[130, 291], [130, 475]], label: [120, 378, 'end', true] },
    'SYN_RECV>CLOSE_WAIT': { points: [[250, 276], [592, 276], [592, 484], [750, 484]], label: [420, 292, 'middle'] },
    'ESTABLISHED>FIN_WAIT1': { rfc: true, points: [[420, 398], [190, 398], [190, 475]], label: [310, 414, 'middle'] },
    'ESTABLISHED>CLOSE_WAIT': { rfc: true, points: [[580, 398], [810, 398], [810, 475]],
        label: [690, 414, 'middle'] },
    'ESTABLISHED>CLOSE': { points: [[530, 411], [530, 452], [722, 452], [722, 699], [750, 699]],
        label: [662, 445, 'middle'] },
    'FIN_WAIT1>FIN_WAIT2': { rfc: true, points: [[150, 525], [150, 590]], label: [140, 554, 'end', true] },
    'FIN_WAIT1>CLOSING': { rfc: true, points: [[250, 510], [470, 510], [470, 590]], label: [340, 526, 'middle'] },
    'FIN_WAIT1>CLOSE': { points: [[250, 490], [690, 490], [690, 721], [750, 721]], label: [400, 483, 'middle'] },
    'FIN_WAIT1>TIME_WAIT': { points: [[215, 525], [215, 562], [300, 562], [300, 722], [420, 722]],
        label: [308, 662, 'start', true] },
    'FIN_WAIT2>TIME_WAIT': { rfc: true, points: [[190, 640], [190, 735], [420, 735]], label: [305, 751, 'middle'] },
    'FIN_WAIT2>CLOSE': { points: [[130, 640], [130, 808], [830, 808], [830, 783]], label: [315, 801, 'middle'] },
    'CLOSING>TIME_WAIT': { rfc: true, points: [[500, 640], [500, 710]], label: [490, 672, 'end', true] },
    'CLOSING>CLOSE': { points: [[580, 615], [612, 615], [612, 743], [750, 743]], label: [619, 668, 'start', true] },
    'TIME_WAIT>CLOSE': { rfc: true, points: [[580, 755], [750, 755]], label: [665, 775, 'middle'] },
    'CLOSE_WAIT>LAST_ACK': { rfc: true, points: [[830, 525], [830, 590]], label: [840, 554, 'start', true] },
    'CLOSE_WAIT>CLOSE': { points: [[910, 500], [1022, 500], [1022, 735], [910, 735]],
        label: [1032, 620, 'start', true] },
    'LAST_ACK>CLOSE': { rfc: true, points: [[830, 640], [830, 687]], label: [840, 662, 'start', true] },
    'CLOSE>CLOSE': { points: [[440, 15], [440, 4], [400, 4], [400, 26], [420, 26]], label: [392, 20, 'end'] },
    'FIN_WAIT1>FIN_WAIT1': { points: [[90, 490], [64, 490], [64, 510], [90, 510]], label: [58, 500, 'end', true] },
    'FIN_WAIT2>FIN_WAIT2': { points: [[90, 605], [64, 605], [64, 625], [90, 625]], label: [58, 615, 'end', true] },
    'CLOSING>CLOSING': { points: [[420, 605], [394, 605], [394, 625], [420, 625]], label: [388, 615, 'end', true] },
    'LAST_ACK>LAST_ACK': { points: [[910, 605], [936, 605], [936, 625], [910, 625]],
        label: [942, 615, 'start', true] },
};

// A transition without a predefined path: a curve from border to border, bent so that it passes other boxes by.
function unforeseenRoute(from, to) {
    const start = NODES[from], end = NODES[to === 'CLOSE' ? 'END' : to];
    if (!start || !end) return null;
    if (from === to) {
        const [x, top] = [start[0], start[1] - DIAGRAM.nodeHeight / 2];
        const points = [[x + 36, top], [x + 36, top - 14], [x + 62, top - 14], [x + 62, top]];
        return { points, label: [x + 70, top - 6, 'start'] };
    }
    const [dx, dy] = [end[0] - start[0], end[1] - start[1]];
    const distance = Math.hypot(dx, dy) || 1;
    const aligned = distance > 150 && (Math.abs(dx) < 1 || Math.abs(dy) < 1); // there may be a box in between
    const bend = aligned ? 0.18 * distance + 140 : 0.18 * distance;
    const middle = [(start[0] + end[0]) / 2 - bend * dy / distance, (start[1] + end[1]) / 2 + bend * dx / distance];
    const leave = borderPoint(start, middle, from === 'END'), arrive = borderPoint(end, middle, to === 'CLOSE');
    return { curve: [leave, middle, arrive], label: [(leave[0] + 2 * middle[0] + arrive[0]) / 4,
        (leave[1] + 2 * middle[1] + arrive[1]) / 4, 'middle'] };
}

// Where the line from a box's centre towards `point` leaves the box.
function borderPoint([x, y], point, tall) {
    const [dx, dy] = [point[0] - x, point[1] - y];
    const halfHeight = (tall ? END_HEIGHT : DIAGRAM.nodeHeight) / 2;
    const across = dx ? DIAGRAM.nodeWidth / 2 / Math.abs(dx) : Infinity;
    const share = Math.min(across, dy ? halfHeight / Math.abs(dy) : Infinity);
    return Number.isFinite(share) ? [x + dx * share, y + dy * share] : [x + DIAGRAM.nodeWidth / 2, y];
}
