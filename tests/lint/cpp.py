# SPDX-License-Identifier: Apache-2.0
#
# Just enough C++ to measure it: source with comments and literals blanked, and the functions in it.
# It does not parse expressions; it follows braces from scope to scope and looks at what stands
# before each. What it cannot see is code behind macros that open a brace.
"""C++ sources, blanked and cut into functions."""

import re
from typing import NamedTuple

_TOKEN = re.compile(
    r'//(?:[^\n\\]|\\.|\\\n)*'
    r'|/\*.*?\*/'
    r'|R"(?P<mark>[^()\\\s]{0,16})\(.*?\)(?P=mark)"'
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|(?<![0-9a-fA-F])'(?:[^'\\\n]|\\.)+'",
    re.S)
_PREPROCESSOR = re.compile(r'^[ \t]*#(?:[^\n\\]|\\.|\\\n)*', re.M | re.S)
_SCOPE = re.compile(r'^(?:inline\s+)?namespace\b|^extern\s*""?\s*$|^extern\s*$')
_TYPE = re.compile(r'^(?:template\s*<.*>\s*)?(?:\[\[\w+\]\]\s*|typedef\s+|static\s+|constexpr\s+)*'
                   r'(?:class|struct|union|enum)\b', re.S)
_FUNCTION_END = re.compile(
    r'(?:\)|\bconst|\bnoexcept|\boverride|\bfinal|\bmutable|\btry|&|->[^;{}()]*)\s*$')
_INITIALIZERS = re.compile(r'\)[\s\w]*:(?!:)')
_NAME = re.compile(r'((?:[\w~]+(?:<[^()]*>)?::)*(?:operator\s*\S{1,3}|~?\w+))\s*\(([^()]*)')


class Function(NamedTuple):
    name: str
    line: int   # of its opening brace, from 1
    lines: int  # from the opening brace's line to the closing brace's


def _spaces(match):
    return re.sub(r'[^\n]', ' ', match.group())


def blank(source):
    """The source with comments and literals as spaces: lines and columns stay."""
    return _TOKEN.sub(_spaces, source)


def _opens(head, parentheses):
    """What a brace after `head` opens, at namespace or class scope."""
    head = head.strip()
    if parentheses > 0:
        return 'value'
    if _SCOPE.search(head):
        return 'scope'
    ends_like_function = ')' in head and _FUNCTION_END.search(head)
    if _TYPE.search(head) and not ends_like_function:
        return 'scope'
    if ends_like_function:
        return 'function'
    if head.endswith('}') and _INITIALIZERS.search(head):
        return 'function'
    return 'value'


def _name(head):
    match = _NAME.search(head)
    if not match:
        return '(unnamed)'
    name, arguments = match.groups()
    if re.fullmatch(r'(?:TYPED_)?TEST(?:_[FP])?', name):  # TEST_F(Suite, Case)
        return '.'.join(part.strip() for part in arguments.split(','))
    return name


def functions(source):
    """All functions with a body that are not inside another one."""
    code = _PREPROCESSOR.sub(_spaces, blank(source))
    found = []
    stack = []  # of (kind, line, name)
    head = ''
    parentheses = 0
    line = 1
    for char in code:
        inside = bool(stack) and stack[-1][0] != 'scope'
        if char == '\n':
            line += 1
        if char == '{':
            kind = 'inner' if inside else _opens(head, parentheses)
            stack.append((kind, line, _name(head) if kind == 'function' else ''))
            head = '' if kind in ('scope', 'function') else head + char
        elif char == '}':
            kind, start, name = stack.pop() if stack else ('scope', line, '')
            if kind == 'function':
                found.append(Function(name, start, line - start + 1))
            head = '' if kind in ('scope', 'function') else head + char
        elif not inside:
            parentheses += (char == '(') - (char == ')')
            access = char == ':' and head.strip() in ('public', 'private', 'protected')
            head = '' if access or (char == ';' and parentheses == 0) else head + char
    return found
