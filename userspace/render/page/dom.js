// SPDX-License-Identifier: Apache-2.0
// Building elements. Names of processes, hosts and paths are chosen by others: text reaches the page through text nodes
// and attributes only, never as markup.
'use strict';

const SVG_NAMESPACE = 'http://www.w3.org/2000/svg';

// Control characters, and those that change the direction of writing or can't be seen.
const UNPRINTABLE =
    /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

// `text` with everything visible: "a\u202eb" shows as a, backslash, u202e, b.
function printable(text) {
    return String(text).replace(UNPRINTABLE, (c) => '\\u' + c.charCodeAt(0).toString(16).padStart(4, '0'));
}

function append(node, children) {
    for (const child of children.flat(Infinity)) {
        if (child === null || child === undefined || child === false) continue;
        node.append(child instanceof Node ? child : document.createTextNode(String(child)));
    }
    return node;
}

// Ids and what refers to them begin with this: with several hosts on the page each has its own ("host1-").
let idPrefix = '';

function scoped(ids) {
    return String(ids)
        .split(' ')
        .map((id) => idPrefix + id)
        .join(' ');
}

function setAttributes(node, attributes) {
    for (const [name, value] of Object.entries(attributes || {})) {
        if (value === null || value === undefined || value === false) continue;
        if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
        else if (name === 'id' || name === 'aria-labelledby') node.setAttribute(name, scoped(value));
        else node.setAttribute(name, value === true ? '' : String(value));
    }
    return node;
}

// An HTML element; children are nodes, texts, lists of these, or null.
function el(tag, attributes, ...children) {
    return append(setAttributes(document.createElement(tag), attributes), children);
}

function svgEl(tag, attributes, ...children) {
    return append(setAttributes(document.createElementNS(SVG_NAMESPACE, tag), attributes), children);
}

// Untrusted text: made printable, and isolated from the direction of the surrounding text.
function foreign(text, attributes) {
    return el('bdi', attributes, printable(text));
}

function nothingSeen() {
    return el('p', { class: 'empty' }, 'Nothing was seen.');
}

function details(id, title, ...children) {
    return el('details', { id }, el('summary', null, title), ...children);
}

// Lists that the report may lack or have as null.
function listOf(value) {
    return Array.isArray(value) ? value : [];
}

function entriesOf(value) {
    return value && typeof value === 'object' ? Object.entries(value) : [];
}
