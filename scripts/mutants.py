# SPDX-License-Identifier: Apache-2.0
"""What scripts/mutate changes: the mutants of a C++ file, found by its tokens."""
import re
from collections import Counter, namedtuple

Token = namedtuple("Token", "kind text begin end")
Mutant = namedtuple("Mutant", "file line text change begin end new")

LEXER = re.compile(
    r"""(?P<skip>//(?:\\\n|[^\n])*|/\*.*?\*/|^[ \t]*\#(?:\\\n|[^\n])*)
      |(?P<string>(?:u8|[uUL])?R"(?P<mark>[^(\s]*)\(.*?\)(?P=mark)"|(?:u8|[uUL])?"(?:\\.|[^"\\\n])*"(?:[A-Za-z_]\w*)?)
      |(?P<number>(?:0[xX][0-9a-fA-F']+|\.?[0-9](?:[eE][+-]|'(?=[0-9])|[0-9A-Za-z_.])*)[A-Za-z_]*)
      |(?P<char>(?:u8|[uUL])?'(?:\\.[^']*|[^'\\\n])')
      |(?P<word>[A-Za-z_]\w*)
      |(?P<sign><=>|<<=|>>=|->\*|\.\.\.|::|->|\+\+|--|&&|\|\||[-+*/%^&|<>=!]=|<<|[-+*/%^&|~!<>=?:;,.(){}\[\]])
    """, re.VERBOSE | re.DOTALL | re.MULTILINE)
PAIRS = {"(": ")", "[": "]", "{": "}"}
INSTEAD = {"==": ["!="], "!=": ["=="], "<": ["<=", ">="], "<=": ["<", ">"], ">": [">=", "<="], ">=": [">", "<"],
           "&&": ["||"], "||": ["&&"], "+": ["-"], "-": ["+"], "+=": ["-="], "-=": ["+="], "++": ["--"], "--": ["++"]}
NEUTRAL = {"&&": "true", "||": "false"}
CONTROL = ("if", "for", "while", "switch")
NUMBER = re.compile(r"(0[xX][0-9a-fA-F']+|[0-9][0-9']*)([A-Za-z]*)$")


def tokens_of(text):
    return [Token(m.lastgroup if m.lastgroup != "mark" else "string", m.group(), m.start(), m.end())
            for m in LEXER.finditer(text) if m.lastgroup != "skip"]


def partners_of(tokens):
    """The other bracket of each, by position."""
    partners, open_ones = {}, []
    for i, token in enumerate(tokens):
        if token.text in PAIRS:
            open_ones.append(i)
        elif token.text in PAIRS.values() and open_ones:
            j = open_ones.pop()
            partners[i], partners[j] = j, i
    return partners


class File:
    """The mutants of one file."""

    def __init__(self, name, text):
        self.name, self.text = name, text
        self.tokens = tokens_of(text)
        self.partners = partners_of(self.tokens)
        self.starts = [0] + [m.end() for m in re.finditer("\n", text)]
        self.found, self.seen = [], Counter()

    def word(self, i):
        return self.tokens[i].text if 0 <= i < len(self.tokens) else ""

    def add(self, change, begin, end, new):
        line = self.text.count("\n", 0, begin) + 1
        start = self.starts[line - 1]
        self.seen[line, change] += 1
        if self.seen[line, change] > 1:
            change += f" ({self.seen[line, change]})"
        self.found.append(Mutant(self.name, line, self.text[start:].split("\n", 1)[0].strip(), change, begin, end, new))

    def is_binary(self, i):
        """Between two operands: so the code is formatted, and brackets of templates and references aren't."""
        token = self.tokens[i]
        return self.text[token.begin - 1].isspace() and self.text[token.end].isspace() and \
            self.word(i - 1) not in ("template", "return", "operator", "(", ",", "=", "case")

    def operand(self, i, step):
        """The first and the last token of an operand of the && or || at `i`; None if it is unclear."""
        j, last = i + step, i
        while 0 <= j < len(self.tokens):
            text = self.word(j)
            if text in (PAIRS if step > 0 else PAIRS.values()):
                if j not in self.partners:
                    return None
                j = self.partners[j]
            elif text in ("(", ")", "[", "]", "{", "}", ";", ",", "?", ":", "=", "return", "||", "&&", "|=", "&="):
                break
            last, j = j, j + step
        return tuple(sorted((i + step, last)))

    def on_binary(self, i):
        token = self.tokens[i]
        for new in INSTEAD[token.text]:
            self.add(f"{token.text} -> {new}", token.begin, token.end, new)
        if token.text not in NEUTRAL:
            return
        left, right = self.operand(i, -1), self.operand(i, 1)
        chained = left and self.word(left[0] - 1) == token.text  # it has had its turn as the right one
        for operand in ((right,) if chained else (left, right)):
            if operand:
                begin, end = self.tokens[operand[0]].begin, self.tokens[operand[1]].end
                old = " ".join(self.text[begin:end].split())
                self.add(f"{old} -> {NEUTRAL[token.text]}", begin, end, NEUTRAL[token.text])

    def on_condition(self, i):
        """if (c), if (T x = c), if (T x = a; c), while (c); not if constexpr, nor an endless loop."""
        close = self.partners.get(i + 1)
        if close is None or self.word(i + 1) != "(":
            return
        inner = [j for j in range(i + 2, close)]
        top, j = [], i + 2
        while j < close:
            top.append(j)
            j = self.partners.get(j, j) + 1 if self.word(j) in PAIRS else j + 1
        semicolons = [j for j in top if self.word(j) == ";"]
        declares = any(self.word(j) == "=" for j in top) and not semicolons
        begin, end = self.tokens[inner[0]].begin, self.tokens[inner[-1]].end
        if self.text[begin:end] in ("true", "false"):
            return
        for value in ("true", "false") if self.word(i) == "if" else ("false",):
            if declares:
                self.add(f"{self.word(i)} (... ; {value})", end, end, f"; {value}")
            else:
                start = self.tokens[semicolons[-1] + 1].begin if semicolons else begin
                self.add(f"{self.word(i)} ({value})", start, end, value)

    def control_before(self, i):
        """Whether what begins at `i` (a statement, or a block) belongs to an if, loop or switch."""
        if self.word(i - 1) in ("else", "do"):
            return True
        opening = self.partners.get(i - 1)
        return self.word(i - 1) == ")" and opening is not None and \
            (self.word(opening - 1) in CONTROL or self.word(opening - 2) == "if")

    def on_return(self, i, blocks):
        if not self.control_before(i) and not (blocks and blocks[-1]):
            return
        j = i
        while self.word(j) != ";":
            j = self.partners.get(j, j) + 1 if self.word(j) in PAIRS else j + 1
        self.add("no return", self.tokens[i].begin, self.tokens[j].end, ";")

    def on_number(self, i):
        match = NUMBER.match(self.tokens[i].text)
        is_width = self.word(i - 1) == ":" and self.word(i + 1) in ("=", ";")
        if not match or is_width:
            return
        digits, suffix = match.groups()
        value = int(digits.replace("'", ""), 16 if digits[:2] in ("0x", "0X") else 10)
        for new in (value + 1, value - 1):
            if new >= 0:
                self.add(f"{self.tokens[i].text} -> {new}{suffix}", *self.tokens[i][2:], f"{new}{suffix}")

    def end_of_constant(self, i):
        """Where the declaration of a named constant ends that begins with the constexpr at `i`; None: it is none.

        They are bounds and thresholds that were chosen: one more or one less breaks nothing, and tests use the name.
        """
        if self.word(i - 1) == "if":
            return None
        named, j = False, i
        while j < len(self.tokens) and self.word(j) != ";":
            if self.word(j) in ("return", "if", "for", "while"):
                return None
            named = named or re.match("k[A-Z]", self.word(j)) and self.word(j + 1) in ("=", "(", "{", "[")
            if self.word(j) == "{" and self.word(j - 1) == ")":  # a function's block
                return None
            j += 1
        return j if named else None

    def mutants(self):
        blocks, i = [], 0  # of braces: whether each is the block of an if, loop or switch
        while i < len(self.tokens):
            kind, text = self.tokens[i][:2]
            if text == "static_assert":
                i = self.partners.get(i + 1, i)
            elif text == "constexpr" and (end := self.end_of_constant(i)):
                i = end
            elif text == "{":
                blocks.append(self.control_before(i))
            elif text == "}" and blocks:
                blocks.pop()
            elif text in ("++", "--") or (text in INSTEAD and self.is_binary(i)):
                self.on_binary(i)
            elif text == "!" and self.word(i - 1) != "operator":
                self.add("no !", self.tokens[i].begin, self.tokens[i].end, "")
            elif text in ("if", "while"):
                self.on_condition(i)
            elif text == "return":
                self.on_return(i, blocks)
            elif kind == "number":
                self.on_number(i)
            i += 1
        return self.found
