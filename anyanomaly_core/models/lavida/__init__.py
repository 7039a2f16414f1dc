"""LAVIDA (arXiv 2602.19248): a score for each frame and each pixel of a clip, for a list of words, in one pass.

A language model reads the clip and the words and answers with one token, <SEG>. A projector turns that token's hidden
state, together with the words and each frame's features, into a prompt for SAM 2's mask decoder. Its object logit is
the frame's score, its mask the pixels'. ``model.py`` is the whole of it, ``projector.py`` the part that is new.
Worthless untrained.
"""
