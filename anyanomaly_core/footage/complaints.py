"""What a decoder said on stderr, bounded: distinct messages in order of first appearance, with counts."""

import re

from anyanomaly_core.display import display_text

MOST = 20  # distinct messages kept
LONGEST = 200  # characters of one message
_ADDRESS = re.compile(r" @ 0x[0-9a-f]+")
_OURS = ("[rawvideo]", "[vost#", "[out#")  # about what we make of the pictures, not about the file
_NUMBERS = re.compile(r"-?\b(?:0x)?\d[\da-f]*\b")


class Complaints:
    """Collects stderr output line by line in constant memory.

    Messages that differ in their numbers only ("error while decoding MB 12 7" and "... MB 3 9") count as one.
    """

    def __init__(self) -> None:
        self._partial = b""
        self._kinds: dict[str, tuple[str, int]] = {}
        self._more = 0

    def feed(self, data: bytes) -> None:
        """Take the next bytes of stderr."""
        *lines, rest = (self._partial + data).split(b"\n")
        self._partial = rest[: 4 * LONGEST]
        for line in lines:
            self._add(line)

    def _add(self, line: bytes) -> None:
        text = line.decode("utf-8", errors="replace")[: 4 * LONGEST]
        text = _ADDRESS.sub("", text).replace("[error] ", "").replace("[fatal] ", "fatal: ")
        text = display_text(text.strip())[:LONGEST]
        if not text or text.startswith(_OURS) or "not on whitelist" in text:
            return  # decoders of sound and subtitles are refused on purpose; a refused video decoder is told elsewhere
        kind = _NUMBERS.sub("#", text)
        if kind in self._kinds:
            first, count = self._kinds[kind]
            self._kinds[kind] = (first, count + 1)
        elif len(self._kinds) < MOST:
            self._kinds[kind] = (text, 1)
        else:
            self._more += 1

    def lines(self) -> tuple[str, ...]:
        """The messages, the first of each kind, followed by how often the kind came."""
        if self._partial:
            self._add(self._partial)
            self._partial = b""
        found = [text if count == 1 else f"{text} ({count} times)" for text, count in self._kinds.values()]
        return (*found, *([f"{self._more} more messages"] if self._more else []))
