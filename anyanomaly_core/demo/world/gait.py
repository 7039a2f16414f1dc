"""Poses over time: walking, running, standing, pushing, skating, fighting, lying."""

from __future__ import annotations

import numpy as np

from anyanomaly_core.demo.world.body import Pose

WALK_STRIDE, RUN_STRIDE = 1.45, 2.7  # metres per full cycle


def walk(cycle: float, vigour: float = 1.0) -> Pose:
    """One moment of walking; cycle counts full strides."""
    a = 2 * np.pi * cycle
    s, c = np.sin(a), np.cos(a)
    amp = 0.46 * vigour
    return Pose(
        lean=0.05,
        hip=(amp * s + 0.05, -amp * s + 0.05),
        knee=(0.12 + 0.85 * vigour * max(c, 0.0), 0.12 + 0.85 * vigour * max(-c, 0.0)),
        shoulder=(-0.42 * vigour * s, 0.42 * vigour * s),
        elbow=(0.3 + 0.12 * max(-s, 0), 0.3 + 0.12 * max(s, 0)),
        lift=(0.1, 0.1),
        twist=-0.1 * s,
    )


def run(cycle: float) -> Pose:
    """One moment of running: long strides, heels up, arms bent, body forward."""
    a = 2 * np.pi * cycle
    s, c = np.sin(a), np.cos(a)
    return Pose(
        lean=0.3,
        hip=(0.95 * s + 0.28, -0.95 * s + 0.28),
        knee=(0.3 + 1.45 * max(c + 0.15, 0.0), 0.3 + 1.45 * max(-c + 0.15, 0.0)),
        shoulder=(-0.95 * s, 0.95 * s),
        elbow=(1.55, 1.55),
        lift=(0.2, 0.2),
        head=-0.15,
        twist=-0.25 * s,
    )


def stand(seed: int, t: float) -> Pose:
    """Standing about: shifting weight, perhaps looking at a phone."""
    rng = np.random.default_rng(seed)
    sway = 0.03 * np.sin(t * 0.9 + seed)
    if rng.random() < 0.12:
        return _crouch(sway)
    phone = bool(rng.random() < 0.3)
    out = float(rng.uniform(0.02, 0.1))
    right = (0.55, 1.6) if phone else (float(rng.uniform(-0.1, 0.15)), float(rng.uniform(0.1, 0.5)))
    return Pose(
        lean=0.02 + sway,
        hip=(0.03 + sway, -0.03 - sway),
        knee=(0.04, 0.1),
        spread=(out, out),
        shoulder=(float(rng.uniform(-0.1, 0.15)) + sway, right[0]),
        elbow=(float(rng.uniform(0.1, 0.4)), right[1]),
        head=0.35 if phone else 0.05 * np.sin(t * 0.5),
    )


def _crouch(sway: float) -> Pose:
    """Down on the heels, tying a shoe."""
    return Pose(
        0.55 + sway, (1.75, 1.2), (2.2, 2.0), (0.12, 0.12), (0.75, 0.7), (0.5, 0.6), (0.1, 0.1), 0.35,
    )  # fmt: skip


def push(cycle: float) -> Pose:
    """Walking with both hands on a handle in front."""
    legs = walk(cycle, 0.85)
    return Pose(0.14, legs.hip, legs.knee, legs.spread, (0.62, 0.62), (0.65, 0.65), (0.08, 0.08), 0.08)


def skate(seed: int, t: float) -> Pose:
    """Side-on on a board: knees bent, feet apart, arms out for balance."""
    style = np.random.default_rng(seed)
    crouch = float(style.uniform(0.35, 0.7)) + 0.08 * np.sin(t * 2.1 + seed)
    arms = float(style.uniform(0.7, 1.25))
    balance = 0.18 * np.sin(t * 3.0 + seed)
    return Pose(
        lean=0.16 + crouch * 0.25,
        hip=(crouch, crouch),
        knee=(crouch * 1.75, crouch * 1.75),
        spread=(0.34, 0.34),
        shoulder=(0.25 + balance, 0.15 - balance),
        elbow=(0.35, 0.35),
        lift=(arms + balance, arms - balance),
        head=-0.1,
    )


def fight(seed: int, t: float, role: int) -> Pose:
    """Punching, grappling or kicking; role 0 and 1 face each other."""
    rng = np.random.default_rng(seed)
    style = int(rng.integers(3))
    phase = t * 2 * np.pi * float(rng.uniform(1.1, 1.7)) + role * 1.9
    hit, back = np.maximum(np.sin(phase), 0.0), np.maximum(np.sin(phase + np.pi), 0.0)
    stance = 0.5 + 0.12 * np.sin(phase * 0.5)
    if style == 0:  # grappling, heads together
        pull = 0.18 * np.sin(phase)
        return Pose(
            0.42 + pull * 0.5, (stance, -stance * 0.8), (0.5, 0.4), (0.15, 0.15),
            (1.35 + pull, 1.2 - pull), (0.45, 0.6), (0.25, 0.3), -0.1, pull,
        )  # fmt: skip
    if style == 1 and role == 0:  # kicking
        kick = 0.3 + 1.1 * hit
        return Pose(
            -0.12 * hit, (-0.1, kick), (0.25, 0.9 - 0.7 * hit), (0.08, 0.08),
            (0.9, 0.4), (1.3, 1.2), (0.5, 0.6), 0.1, 0.3,
        )  # fmt: skip
    struck = -0.25 * hit if role else 0.22
    return Pose(
        struck + 0.1, (stance, -stance), (0.55, 0.45), (0.16, 0.16),
        (0.95 + 0.6 * hit, 0.95 + 0.6 * back), (1.9 - 1.8 * hit, 1.9 - 1.8 * back), (0.25, 0.25),
        0.1, 0.4 * (hit - back),
    )  # fmt: skip


def lie(seed: int) -> Pose:
    """Limbs of somebody on the ground; the caller turns the whole body over."""
    rng = np.random.default_rng(seed)
    h = rng.uniform(-0.05, 0.75, 2)
    return Pose(
        lean=float(rng.uniform(-0.05, 0.15)),
        hip=(float(h[0]), float(h[1])),
        knee=(float(h[0] * rng.uniform(0.8, 1.7)), float(h[1] * rng.uniform(0.8, 1.7))),
        spread=(float(rng.uniform(0.05, 0.35)), float(rng.uniform(0.05, 0.35))),
        shoulder=(float(rng.uniform(-0.3, 0.6)), float(rng.uniform(-0.3, 0.6))),
        elbow=(float(rng.uniform(0.1, 1.2)), float(rng.uniform(0.1, 1.2))),
        lift=(float(rng.uniform(0.2, 1.5)), float(rng.uniform(0.2, 1.5))),
    )
