"""What a process tree has read so far, from /proc: a measure of how far a load is."""

from pathlib import Path


def bytes_taken_in(root: int) -> int | None:
    """From files, by the biggest reader among `root` and its descendants; None if hidden."""
    known = [taken for pid in tree(root) if (taken := bytes_of(pid)) is not None]
    return max(known, default=None)


def tree(root: int) -> list[int]:
    found = [root]
    for pid in found:
        found.extend(children(pid))
    return found


def children(pid: int) -> list[int]:
    try:
        return [
            int(child)
            for file in Path(f"/proc/{pid}/task").glob("*/children")
            for child in file.read_text().split()
        ]
    except OSError:
        return []


def bytes_of(pid: int) -> int | None:
    try:
        read = field(Path(f"/proc/{pid}/io").read_text(), "rchar:")
        mapped_kib = field(Path(f"/proc/{pid}/status").read_text(), "RssFile:")
    except OSError:
        return None
    return max(read, mapped_kib * 1024)


def field(text: str, name: str) -> int:
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith(name)), 0)
