#!/usr/bin/env python3
"""Breaks long lines where nothing but the line changes: paragraphs and list items of Markdown, comments and statements
of sql/queries. Migrations are left alone: what was applied once keeps its checksum.

    tests/lint/rewrap.py FILE...
"""
import re
import sys
import textwrap

WIDTH = 110


def fill(words, first, rest):
    return textwrap.wrap(words, WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False,
                         break_on_hyphens=False)


def markdown(lines):
    out, block, fenced = [], [], False

    def flush():
        if any(len(line) > WIDTH for line in block) and not any(line.endswith(("  ", "\\")) for line in block):
            item = re.match(r"^(\s*(?:[-*+]|\d+[.)])\s+|>\s?|\s*)", block[0]).group(1)
            rest = "> " if item.startswith(">") else " " * len(item)
            words = " ".join(re.sub(r"^>\s?", "", line).strip() for line in [block[0][len(item):]] + block[1:])
            # A word that would begin a list or a heading must not come to stand first.
            out.extend(re.sub(r"^(\s*)([-+*#]|\d+[.)]) ", r"\1\\\2 ", line) if i else line
                       for i, line in enumerate(fill(words, item, rest)))
        else:
            out.extend(block)
        block.clear()

    for line in lines:
        fence = re.match(r"^\s*(```|~~~)", line)
        special = fenced or fence or not line.strip() or re.match(r"^( {4,}|\t|#|\s*\||\s*<|!\[|\[!|---)", line)
        if fence:
            fenced = not fenced
        if special and not (block and re.match(r"^ {4,}\S", line) and re.match(r"^\s*([-*+]|\d+[.)])\s", block[0])):
            flush()
            out.append(line)
        elif re.match(r"^\s*([-*+]|\d+[.)])\s", line):
            flush()
            block.append(line)
        else:
            block.append(line)
    flush()
    return out


def quoted(text, at):
    """Is text[at] inside of a string or a quoted name?"""
    return text.count("'", 0, at) % 2 == 1 or text.count('"', 0, at) % 2 == 1


def depth(text, at):
    return text.count("(", 0, at) - text.count(")", 0, at)


BREAKS = r" (AND|OR|FROM|WHERE|JOIN|LEFT|ON|ORDER|LIMIT|UNION|VALUES|SELECT|SET|RETURNING|WHEN|ELSE|END|FOR)\b"


def comment_at(text):
    for match in re.finditer("--", text):
        if not quoted(text, match.start()):
            return match.start()
    return -1


def statement(line):
    """One long line of SQL as several; its comment, if it has one, goes above."""
    indent = re.match(r"\s*", line).group(0)
    at = comment_at(line)
    if at >= 0:
        comment = fill(line[at + 2:].strip(), indent + "-- ", indent + "-- ")
        code = line[:at].rstrip()
        return comment + (statement(code) if len(code) > WIDTH else [code])
    # What goes on in a list stays below it.
    first = line.lstrip()
    deeper = indent + ("       " if first.startswith("SELECT ") else "    " if re.match(r"[A-Z]{2}", first) else "")
    out = []
    while len(line) > WIDTH:
        spaces = [m.start() for m in re.finditer(" ", line[:WIDTH + 1])
                  if m.start() > len(deeper) and not quoted(line, m.start())]
        if not spaces:
            break
        # Best before a keyword or after a comma, in the least parentheses, in the line's larger half.
        good = [s for s in spaces if s > WIDTH // 3 and (line[s - 1] == "," or re.match(BREAKS, line[s:]))] or spaces
        least = min(depth(line, s) for s in good)
        cut = [s for s in good if depth(line, s) == least][-1]
        out.append(line[:cut].rstrip())
        line = deeper + line[cut:].strip()
    return out + [line]


def sql(lines):
    out, block = [], []

    def flush():
        if any(len(line) > WIDTH for line in block):
            indent = re.match(r"\s*", block[0]).group(0)
            out.extend(fill(" ".join(line.strip()[3:] for line in block), indent + "-- ", indent + "-- "))
        else:
            out.extend(block)
        block.clear()

    for line in lines:
        if re.match(r"^\s*-- -{3,}.*-{3,}$", line):
            line = line[:WIDTH]
        elif re.match(r"^\s*-- (?!name:)\S", line):
            block.append(line)
            continue
        flush()
        if len(line) > WIDTH and not line.lstrip().startswith("--"):
            out.extend(statement(line))
        else:
            out.append(line)
    flush()
    return out


def main(paths):
    for path in paths:
        with open(path, encoding="utf-8") as f:
            text = f.read()
        lines = text.split("\n")
        new = "\n".join(markdown(lines) if path.endswith(".md") else sql(lines))
        if new != text:
            with open(path, "w", encoding="utf-8") as f:
                f.write(new)


if __name__ == "__main__":
    main(sys.argv[1:])
