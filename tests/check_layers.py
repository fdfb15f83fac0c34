"""Includes go one way: no folder of lib/ reaches into one below it in docs/architecture.md, and no two
files, a .c and its .h taken as one, include each other over any number of steps."""

import pathlib
import re
import sys

ROOT = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent.parent


def folders():
    """The folders in the order of the document, which ends with lib/ itself."""
    text = (ROOT / "docs" / "architecture.md").read_text()
    section = text[text.index("\n## Folders\n"):]
    named = re.findall(r"^    (\w+)/ ", section[:section.index("\n## ", 1)], re.MULTILINE)
    assert named[-1] == "lib", named
    return named


def files(root):
    return sorted(path for path in root.rglob("*.[ch]"))


def includes(path, root):
    for name in re.findall(r'^#(?:include|define TEMPLATE) "([^"]+)"', path.read_text(), re.MULTILINE):
        for base in (path.parent, root):
            if (base / name).is_file():
                yield (base / name).resolve()
                break
        else:
            yield None, name


def folder_of(path, root):
    return path.relative_to(root).parts[0] if path.parent != root else root.name


def arrows_up(root, order):
    for path in files(root):
        for target in includes(path, root):
            if isinstance(target, tuple):
                yield f"{path.relative_to(ROOT)} includes {target[1]}, which is nowhere"
            elif order.index(folder_of(target, root)) > order.index(folder_of(path, root)):
                yield f"{path.relative_to(ROOT)} includes {target.relative_to(ROOT)}, which stands below it"


def circles(root):
    """What remains when files that include nothing that remains are taken away, again and again, and
    then files that nothing includes."""
    uses = {}
    for path in files(root):
        stem = path.with_suffix("").relative_to(ROOT)
        found = {t.with_suffix("").relative_to(ROOT) for t in includes(path, root) if not isinstance(t, tuple)}
        uses[stem] = uses.get(stem, set()) | (found - {stem})
    while True:
        used = set().union(*uses.values()) if uses else set()
        loose = {stem for stem in uses if not uses[stem] & set(uses) or stem not in used}
        if not loose:
            return sorted(uses)
        uses = {stem: targets - loose for stem, targets in uses.items() if stem not in loose}


def main():
    library, order = ROOT / "lib", folders()
    wrong = [f"lib/{p.name} is not in docs/architecture.md" for p in library.iterdir()
             if p.is_dir() and p.name not in order]
    wrong = wrong or list(arrows_up(library, order))
    for root in (library, ROOT / "tools"):
        wrong += [f"{stem} is in a circle of includes" for stem in circles(root)]
    print("\n".join(wrong), end="\n" if wrong else "")
    return 1 if wrong else 0


sys.exit(main())
