"""Prompts, answers, fusion, smoothing and the scorers."""
