# ruff: noqa: E501  # rows of a table
"""What models and servers have been seen to write, or may write, and the score each of it states, worked out by hand.

``None``: there is no certain score, and an answer that says so is the only right one.
"""

SCORES: dict[float | None, list[str]] = {
    0.8: [
        # the asked form, and its neighbours
        "0.8", "0.8.", " 0.8\n", "0.80", "0.8, a man", "0.8; a man", "0.8: a man", "0.8 - a man", "0.8 – a man", "0.8—a man",
        "0.8 (a man)", "0.8(a man)", "0.8\n\nA man.", "0.8\nReason: a man", "0.8 a man", "0.8 because a man falls", "0.8! A man",
        "0.8. 2 men fight.", "0.8 - 2 men", "0.8\n1. A man\n2. A dog", "0.8. 70% of the picture is dark.", "0.8 😀", "+0.8",
        ".8", ".8 a man", "8e-1", "8E-1", "0.8e0",
        # decimal comma, other digits, other marks
        "0,8", "0,8.", "0,8 - une voiture", "0,80", "０．８", "0．8", "０，８", "٠٫٨", "٠.٨", "۰٫۸", "०.८", "০.৮", "๐.๘", "𝟎.𝟖", "0٫8",
        "\u200f٠٫٨", "\u200b0.8\u200b", "\ufeff0.8", "0\u200b.8", "0.8。一个人", "０．８。一个人", "0.8，一个人在跑", "0.8、人", "0.8分", "0.8です。", "0.8점",
        # decoration
        "**0.8**", "__0.8__", "*0.8*", "`0.8`", "```\n0.8\n```", "```text\n0.8\n```", '"0.8"', "'0.8'", "“0.8”", "«0,8»", "「0.8」", "(0.8)",
        "[0.8]", "{0.8}", "# 0.8", "* 0.8", "• 0.8", "**0.8** – a man", "| 0.8 | A man |", "| Score | Reason |\n|---|---|\n| 0.8 | A man |",
        "≈0.8", "~0.8", ": 0.8", "= 0.8", "-> 0.8", "→ 0.8", "<b>0.8</b>", "0.8<br>", "0.8<|im_end|>", "0.8</s>",
        # called a score
        "Score: 0.8", "score=0.8", "SCORE 0.8", "Score - 0.8", "Score – 0.8", "Score -> 0.8", "**Score:** 0.8", "**Score**: **0.8**",
        "Score: `0.8`", "Score (0-1): 0.8", "Score (0 to 1): 0.8", "Score [0, 1]: 0.8", "The score is 0.8.", "Final score: 0.8",
        "I see 2 dogs and 1 cat. Score: 0.8", "1. Score: 0.8", "Score: 0.8/1", "Score: 0.8 / 1.0", "Score: 0.8 out of 1",
        "Score: 0.8\nConfidence: 0.9", "Score: 0.8, not 0.2", "Score: 0.8. Score: 0.8", "Answer: 0.8", "Rating: 0.8", "Likelihood = 0.8",
        "The probability is 0.8", r"\boxed{0.8}", r"$\boxed{0.8}$", "<score>0.8</score>", "<answer>0.8</answer>", "0.8. Score: 0.8",
        "Puntuación: 0,8", "Pontuação: 0,8", "Bewertung: 0,8", "Punteggio: 0,8", "Note : 0,8", "Оценка: 0,8", "评分：0.8", "得分：０．８",
        "分数为0.8", "スコア：0.8", "スコアは0.8です。", "점수: 0.8", "النتيجة: ٠٫٨", "स्कोर: ०.८", "Die Wahrscheinlichkeit ist 0,8.", "La puntuación es 0,8",
        # JSON
        '{"score": 0.8}', '{"score": "0.8"}', "{'score': 0.8}", '{"score":.8}', '{"score": 0.8, "reason": "a man"}', '{"rating": 0.8}',
        '{\n  "score": 0.8,\n  "reason": "1 man"\n}', '```json\n{"score": 0.8}\n```', '{"anomaly_score": 0.8, "confidence": 0.9}', "[0.8]",
        '{"value": 0.8}', '{"result": {"presence": 0.8}}', '{"scores": [0.8]}',
        # stated in a sentence
        "I see a man. I say 0.8", "I would say 0.8.", "I'd rate this image a 0.8.", "I give it 0.8 because of the man", "So 0.8.",
        "Score: about 0.8", "Estimated score ~0.8", "score ≈ 0.8", "I would rate the presence of a man as 0.8", "I rate it at 0.8",
        "Sure! 0.8", "Here is my answer:\n\n0.8", "Based on the image, I would rate it 0.8 out of 1.0.", "Frame 1: 0.8", "0,8 : une voiture",
        "I see a man. 0.8", "Yes, 0.8", "Yes - 0.8", "It's 0.8", "On a scale from 0.0 to 1.0, I say 0.8", "Clearly present: 0.8",
        "The probability that the image shows a man is 0.8.", "I'd estimate it at about 0.8.", "No dog here. 0.8", "High (0.8)",
        # thoughts
        "<think>1 man, so 0.3?</think>0.8", "<thinking>0.3</thinking>\n0.8", "I say 0.3</think> 0.8", "[THINK]0.3[/THINK]0.8", "◁think▷0.3◁/think▷0.8",
        "<seed:think>0.3</seed:think>0.8", "<|begin_of_thought|>0.3<|end_of_thought|>0.8", "<reasoning>0.3</reasoning><answer>0.8</answer>",
        "<|channel|>analysis<|message|>0.3<|end|><|start|>assistant<|channel|>final<|message|>0.8", "<answer>0.8</answer><reasoning>1 man</reasoning>",
        # of one
        "0.8/1", "0.8/1.0", "0.8 / 1", "0.8 out of 1", "0.8 out of 1.0: a man", "0,8/1,0",
    ],
    1.0: [
        "1. A man falls. Confidence 0.9", "1. A man at 0.5 m.",
        "1", "1.0", "1.00", "1,0", "1.", "１", "１．０", "١", "1. A man falls", "1\nA man falls", "1: a man", "1 - a man", "1, a man", "1 (a man)",
        "1 because a man falls", "**1**", "1/1", "1.0/1.0", "Score: 1", "Score: 1.", "Score: 1. A man", '{"score": 1}',
        '{"score": 1, "reason": "a man"}', "The answer is 1.", "<score>1</score>", "得分：1", "1。一个人", "<think>0.2</think>1", "1.0!", "100e-2",
    ],
    0.0: [
        "0", "0.0", "0,0", "0.00", "０", "٠", "0. No man.", "0\nNo man", "0: no man", "0 - no man", "0, no man", "0 (nobody)", "Score: 0", "**0**",
        "Score: 0. No man is there.", '{"score": 0}', '{"score": 0, "reason": "no man"}', '{"score":0,"reason":"no man"}', "0/1", "<score>0</score>",
        "0。没有人", "Answer: 0", "0.0 no man", "0.0. There is no man.", "0 because nobody is there", "| 0 | no man |",
    ],
    0.1: ["1e-1", "0.1. No dog.", "No dog is visible. Score: 0.1", "Not present: 0.1", "There is no dog, 0.1"],
    None: [
        # a number that may count sentences, and a decimal as the last of them
        "0. The person walks. 0.9", "1. The person runs. 0.9", "1. The person runs.\n**0.9**", "0. Nobody falls! 0.4.",
        # blanks and line breaks inside the number
        "0. 8", "0 .8", "0 . 8", "0, 8", "0 ,8", "0\n8", "0.\n8", "0\n.8", "Score: 0. 8", "Score: 0 .8", "Score: 0 .", "0 8", "0\u00a0.8", "0.\u20098",
        "I say 0 .8", "1 .0.", "0.8 5",
        # half a number, or one whose end is unknown
        "0.", "0,", "0..", "0...", "0…", "0. ", "Score: 0.", '{"score": 0.', "**0.**", "0?", "0.8?", "0.8…", "0.8...", "0-", "0-8", "0_8", "0:8", "0;8",
        "0'8", "0`8", "0·8", "0・8", "0。8", "0•8", "0*8", "0**.8**", "0|8", "0/8", "0\\8", "0&#46;8", "0\x008", "0\x1b8", "00", "00.8", "08", "0.8.1", "0.7x",
        "0.8f", "0.8-ish", "0.8+", "0.8=", "0.8/", "0x0.8", "v0.8", "O.8", "0.O8", "0.x", "0.eight", "0. eight", "0 point eight", "0 point 8", "zero point eight",
        "0.8 to", "..8", "...8", "!0.8", "^0.8", "0^8", "0.No man", "0) no", "0 . No", "++0.8", "1e", "0<b>.8</b>", "0.8\\n",
        # numbers that are no decimal digits
        "零点八", "0点8", "0.八", "0. 八", "〇.八", "〇.8", "0.⁸", "⁰·⁸", "0⁸", "0.8²", "0.₈", "0½", "½", "⅘", "0.①", "Ⅷ", "0.Ⅷ", "0️⃣.8️⃣", "0̶.8̶", "8×10⁻¹",
        # outside 0..1, negative
        "8", "10", "1.1", "1.5", "80", "100", "8.", "Score: 8", "Score: 1.2", "5. A man", "-0.8", "−0.8", "－０．８", "- 0.8", "-0", "-0.0", "Score: -0.8", "Score: - 0.8",
        "minus 0.8", "1e9", "1e1", "9" * 5000, "1,000", "1,000 people", "NaN", "inf", "Score: NaN",
        # percentages, fractions, other scales
        "80%", "0.8%", "0.8 %", "80 %", "８０％", "٨٠٪", "0,8\u00a0%", "0.8‰", "1%", "0%", "1 percent", "0.8 percent", "0.8 per cent", "0,8 Prozent", "8/10", "8 / 10",
        "8 out of 10", "1/10", "1 / 10", "1 out of 10", "1 out of ten", "0.8/10", "0.8 / 10", "0.8 out of 10", "0.8 out of ten", "8 of 10", "0/10", "4/5", "8⁄10",
        "0.8 of the image", "8:10", "1:10", "Score: 8/10", "Score: 1/10", "Score: 80%", "8 on a scale of 0-10", "0.8 (scale of 1 to 10)", "Score (out of 10): 0.8",
        "On a ten-point scale: 0.8", "0.8 (0 to 10)", "Score (1-5): 1", "Score [1-10]: 1", "1 (0-10)", "0.8 on 0-10", "1 in 10", "0.5/100", "1 of 5 stars",
        # several numbers, ranges, bounds, denials
        "0.2-0.4", "0.2 - 0.4", "0.2–0.4", "0.2 to 0.4", "0.2 or 0.8", "0.2 bis 0,4", "0.2...0.4", "0.2 .. 0.4", "0.2 0.8", "0.2, 0.8", "0.2\n0.8", "0.2/0.8", "[0.2, 0.8]",
        "0.8 & 0.9", "0.8 (0.9)", "0.8 [0.9]", "0.8, or 0.9", "0.8 vs 0.9", "0.8; 0.9", "0.8-0.9", "0.8 → 0.9", "0.8 - 1.0", "I'd say 0.8, maybe 0.9",
        "0.8 ± 0.1", "0.8±0.1", "0.8 +/- 0.1", "~~0.2~~ 0.8", "Score: 0.2. No, score: 0.8", "Score: 0.2 or 0.8", "0.8. Final score: 0.2", "Between 0.2 and 0.4",
        '{"dog": 0.8, "cat": 0.1}', '{"scores": [0.2, 0.8]}', "| 0.2 | 0.8 |", "1, 2, 3", "I say 0.2. Or 0.8.", "0.8 or higher", "0.8 or so",
        "<0.8", "< 0.8", ">0.8", "> 0.8", "≤0.8", "≥ 0.8", "Score: <0.8", "Score > 0.8", "at least 0.8", "less than 0.8", "more than 0.8", "below 0.8", "up to 0.8",
        "Score: less than 0.8", "0.8 max", "not 0.8", "Not 0.8.", "It is not 0.8", "I would not say 0.8", "This is not a score of 0.8", "It isn't 0.8", "nicht 0,8",
        "Score: not 0.8", "the score is never 0.8", "0.0 means absent.", "1.0 means clearly present, 0.0 means absent",
        # counts, lists, quantities, other things that are numbers
        "1 person", "There is 1 person.", "0 people", "Answer: 1 person", "Score: 1 person is seen", "1 人がいます", "1 man and 1 dog", "1st", "1. There is no man.\n2. The street is empty.",
        "1) nobody\n2) a dog", "5. 0.7", "1. 0.7", "0.8 m", "0.8 seconds", "some 0.5 m away, say 0.8", "a man 0.8 m tall", "0.8 km away", "version 0.8", "$0.8", "0.8 times", "No. 1",
        "0.8 confidence that nobody is there", "0.9 sure", "0.8$", "0.8 €", "0.8°C", "Confidence: 0.8", '{"present": false, "confidence": 0.9}', "I am 0.9 confident", "threshold: 0.5", "the man at 0.8", "window 0.8", "Person 1: walking", "ISO 0.8",
        # no number, no answer
        "", " ", "no", "high", "maybe", "Score:", "Score: high", "between 0.0 and 1.0", "0 to 1", "0-1", "[0, 1]", "<think>I see 0.8", "<THINK>0.8</THINK>", "[THINK]0.8",
        "<|channel|>analysis<|message|>0.8", "analysisI'd say 0.9.assistantfinal0.2", "I cannot help with that.",
        "Rate from 0.0 to 1.0 whether this image includes a dog. 1.0 means clearly present, 0.0 means absent, and values between say how well.",
    ],
}  # fmt: skip

# An answer that was stopped by its length: only what it begins with, and what words follow, is certain.
CUT: dict[float | None, list[str]] = {
    0.7: ["0.7. A man", "0.7: a man walks along the", "Score: 0.7. A man", "**0.7** A", '{"score": 0.7, "reason": "a man', "The score is 0.7 because"],
    1.0: ["1. A man walks along", '{"score": 1, "reason": "a'],
    0.0: ["0. There is no", "0.0. No man"],
    None: [
        "0", "1", "0.", "0.7", "0.7.", "0.7 ", "Score: 0", "Score: 0.7", '{"score": 0.7', "I see a man. 0.7. He", "At first I see a score of 0.2, but", "1 p",
        "I see a man. Score: 0.7. He",
    ],
}  # fmt: skip
