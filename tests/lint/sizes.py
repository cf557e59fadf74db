# SPDX-License-Identifier: Apache-2.0
#
# How long things may be. The limits are the house style's.
"""Rules about sizes, and the figures of the whole tree."""

import ast

from cpp import Function, functions

FILE_LINES_MAX = 1000
FILE_LINES_WITHOUT_REASON_MAX = 600
REASON = 'Why so long'
REASON_WITHIN_LINES = 40
FUNCTION_LINES_MAX = 70
COLUMNS_MAX = 100
README_LINES_MAX = 60


def functions_of(file):
    if file.is_code():
        return functions(file.text)
    if file.suffix != '.py':
        return []
    return [Function(node.name, node.lineno, node.end_lineno - node.lineno + 1)
            for node in ast.walk(ast.parse(file.text))
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def check_file(file):
    length = len(file.lines)
    if length > FILE_LINES_MAX:
        yield file.find('sizes', f'{length} lines: at most {FILE_LINES_MAX}')
    elif length > FILE_LINES_WITHOUT_REASON_MAX:
        head = ' '.join(file.lines[:REASON_WITHIN_LINES])
        if REASON not in head:
            yield file.find('sizes', f'{length} lines want a "{REASON}" in the head')
    for number, line in enumerate(file.lines, 1):
        if len(line) > COLUMNS_MAX:
            yield file.find('sizes', f'{len(line)} columns: at most {COLUMNS_MAX}', number)
    for function in functions_of(file):
        if function.lines > FUNCTION_LINES_MAX:
            yield file.find('sizes', f'{function.name} has {function.lines} lines: at most '
                            f'{FUNCTION_LINES_MAX}', function.line)


def check_readme(file):
    if len(file.lines) > README_LINES_MAX:
        yield file.find('sizes', f'{len(file.lines)} lines: a README of a folder is one page, '
                        f'{README_LINES_MAX}')


def check(files):
    for file in files:
        if file.is_source():
            yield from check_file(file)
        elif file.name == 'README.md' and file.folder:
            yield from check_readme(file)


def _quantiles(values):
    ordered = sorted(values) or [0]
    return ordered[len(ordered) // 2], ordered[len(ordered) * 9 // 10], ordered[-1]


def report(files):
    """Median, 90th percentile and largest of files and functions, tests apart."""
    lines = []
    for title, tests in (('product', False), ('tests', True)):
        chosen = [file for file in files
                  if file.is_code() and file.path.startswith('tests/') == tests]
        sizes = [len(file.lines) for file in chosen]
        bodies = [function.lines for file in chosen for function in functions_of(file)]
        for what, values in (('file', sizes), ('function', bodies)):
            median, p90, largest = _quantiles(values)
            lines.append(f'{title}: {len(values)} {what}s, lines: median {median}, p90 {p90}, '
                         f'largest {largest}')
    return lines
