"""What a model wrote: its thoughts told from its answer, and the word at which it was cut off.

Thoughts are known by the marks that models put around them. Any name that speaks of thinking counts, in any of the
brackets in use: ``<think>``, ``[THINK]``, ``◁think▷``,
``<seed:think>``, ``<|begin_of_thought|>``; and the channels of gpt-oss.
"""

import re

_NAME = r"(?:think(?:ing)?|thoughts?|reasoning|analysis|reflection|scratchpad)"
_OPENING = rf"[<\[◁]\|?(?:begin_of_|\w{{1,20}}:)?{_NAME}\|?[>\]▷]"
_CLOSING = rf"[<\[◁]\|?(?:/|end_of_)(?:\w{{1,20}}:)?{_NAME}\|?[>\]▷]"
_FINAL = r"<\|channel\|>\s{0,9}final\s{0,9}<\|message\|>"
_MARK = re.compile(rf"(?P<final>{_FINAL})|(?P<closing>{_CLOSING})|(?P<opening>{_OPENING}|<\|channel\|>)", re.IGNORECASE)
_LAST_WORD = re.compile(r"[^\s。，、；：！？]*\Z")
_LAST_OPENING = re.compile(
    rf"(?:{_OPENING}|<\|channel\|>\s{{0,9}}analysis\s{{0,9}}<\|message\|>)\s{{0,9}}\Z", re.IGNORECASE
)


def strip_thoughts(text: str) -> str | None:
    """``text`` without what the model thought; None when it ends within a thought.

    Where the chat template has begun the thought, only its end is written: what stands before it is thought, too.
    """
    answer, read_to, is_thought = "", 0, False
    for mark in _MARK.finditer(text):
        if mark["opening"] and not is_thought:
            answer += text[read_to : mark.start()]
            is_thought = True
        elif mark["closing"] and is_thought:
            is_thought, read_to = False, mark.end()
        elif not mark["opening"]:  # the end of a thought without a beginning, or of all channels but the last
            answer, is_thought, read_to = "", False, mark.end()
    return None if is_thought else answer + text[read_to:]


def begins_thought(prompt: str) -> bool:
    """Whether a rendered prompt ends with the mark behind which the model is to think."""
    return _LAST_OPENING.search(prompt[-200:]) is not None


def strip_unfinished_word(text: str) -> str:
    """``text`` up to the last blank or Chinese mark: the rest of an answer that was cut off may be half a word."""
    return _LAST_WORD.sub("", text, count=1).rstrip()
