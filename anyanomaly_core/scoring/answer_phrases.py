"""The words around a number in an answer: what calls it a score, states it, denies it, or makes it something else.

All patterns read text in the normal form of ``numerals.py``. Repetitions are bounded: an answer is foreign text.
"""

import re

_FLAGS = re.IGNORECASE | re.VERBOSE

_GAP = r"(?:[\s\"'*_`:=()\[\]{}→>|~≈]|-+>){0,40}"
_LINK = rf"""
    (?:\s[-–—]+\s+
      |{_GAP}
       (?:(?:is|of|as|at|would\ be|ist|es|est|è|é|为|為|是|は)(?![A-Za-z]){_GAP})?
       (?:(?:about|around|approximately|roughly)\s+{_GAP})?
    )(?=[-+.\d])"""
# What a score is called. Prompts are English; some models answer in the language of the rule's text all the same.
_SCORE_NAMES = "score|boxed|puntuación|pontuação|punteggio|bewertung|оценка|评分|評分|得分|分数|分數|スコア|点数|점수"
_ANSWER_NAMES = "answer|rating|probability|likelihood|答案|概率|機率|答え|確率"
# In front of a number, up to it; the first kind that occurs in an answer counts.
LABELS = tuple(re.compile(rf"(?<![A-Za-z])(?:{names}){_LINK}", _FLAGS) for names in (_SCORE_NAMES, _ANSWER_NAMES))
BEFORE_LABEL = re.compile(r"(?:(?:the|my|final|overall|\w{1,20}_)\s*){0,2}", _FLAGS)  # of an answer that begins with it

# In front of a number or label.
DENIED = re.compile(
    r"""\b(?:not|never|no|cannot|\w{1,20}n't|without|rather\ than|instead\ of|than|nicht|kein\w{0,3}|pas|nunca|не)
    (?:\s+[\w'-]+){0,4}\s*$""",
    _FLAGS,
)
# In front of a number that is the sentence's own judgement, or stands for itself.
STATED = re.compile(
    r"""(?:
      \b(?:is|be|i'?d|i|it'?s|say|answer|give|rate|assign|estimate|so|thus|therefore|hence|ist|es|est|è|são)
      (?:\s+(?:it|this|that|the|image|picture|scene|frame|a|an|at|as|about|around|approximately|roughly|maybe|perhaps|
               probably|to|be))*
    | \b(?:rate|score|estimate|put)\b[^.!?\n\d]{0,60}\b(?:at|as)
    | [:=→] | [-=]> | <[^<>\n]{1,40}>
    | (?:^|[.!?;]\s|,|\n)
    | \w["'*_`)]{0,5}\s[-–—]
    )[\s"'*_`~≈(\[{|\#>•]*$""",
    _FLAGS,
)
# In front of a number that is another quantity, or one end of a range.
OTHER_QUANTITY = re.compile(
    r"""(?:\b(?:confiden|certain|uncertain|threshold|version|distan|time|duration|speed|height|width|size|error|margin|
                offset|delay)\w*
          |\b(?:not|than|never|least|most|below|above|under|over|minus)
        )[\s"'*_`:=(]*$""",
    _FLAGS,
)

# "On a scale from 0.0 to 1.0, I say 0.8" repeats the question before it answers.
SCALE = re.compile(
    r"""(?<![\w.,])0(?:[.,]0+)?\s{0,5}(?:to|and|bis|至|到|[-–—~…]|\.\.+)\s{0,5}1(?:[.,]0+)?(?!\w|[.,]\d)
    | [\[(]\s{0,5}0(?:\.0+)?\s{0,5}[,;]\s{0,5}1(?:\.0+)?\s{0,5}[\])]""",
    _FLAGS,
)
_NOT_ONE = r"(?!1(?:\.0+)?\b|0)\d+"
OTHER_SCALE = re.compile(
    rf"""\b(?:scale|range)\b\W{{0,9}}(?:of|from|is)?\s{{0,5}}[01](?:\.0+)?\s{{0,5}}(?:to|and|[-–])\s{{0,5}}{_NOT_ONE}
    | \bscale\s(?:of|is)\s{_NOT_ONE}
    | \b(?:5|10|100|five|ten|hundred)[-\ ]point\b
    | \((?:out\ of|of|/)\s{{0,5}}{_NOT_ONE}\s{{0,5}}\)
    | [(\[]\s{{0,5}}[01]\s{{0,5}}(?:to|[-–])\s{{0,5}}{_NOT_ONE}\s{{0,5}}[)\]]""",
    _FLAGS,
)
LISTING = re.compile(r"^\s{0,20}2[.)]\s", re.MULTILINE)  # behind a "1." that was the first of a list
