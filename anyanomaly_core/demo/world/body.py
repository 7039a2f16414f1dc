"""The human body: joints from a pose, capsules around the joints, clothes as colours and radii."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anyanomaly_core.demo.world.palette import CLOTHES, HAIR, LEGWEAR, SHOES, SKIN, pick
from anyanomaly_core.demo.world.shapes import Capsules, Colour, Point
from anyanomaly_core.demo.world.types import Floats, Reals

THIGH, SHIN, TORSO, UPPER_ARM, FOREARM = 0.43, 0.43, 0.50, 0.29, 0.25


@dataclass(frozen=True)
class Appearance:
    """One person's size and clothes."""

    scale: float
    girth: float
    skin: Colour
    hair: Colour
    top: Colour
    legs: Colour
    shoes: Colour
    long_sleeves: bool
    coat: bool
    shorts: bool
    long_hair: bool
    hat: bool


def draw_appearance(rng: np.random.Generator) -> Appearance:
    """Draw somebody."""
    coat = bool(rng.random() < 0.25)
    return Appearance(
        scale=float(rng.uniform(0.93, 1.07)),
        girth=float(rng.uniform(0.92, 1.22)),
        skin=pick(rng, SKIN, 0.03),
        hair=pick(rng, HAIR, 0.02),
        top=pick(rng, CLOTHES),
        legs=pick(rng, LEGWEAR),
        shoes=pick(rng, SHOES),
        long_sleeves=bool(rng.random() < 0.65) or coat,
        coat=coat,
        shorts=bool(rng.random() < 0.15) and not coat,
        long_hair=bool(rng.random() < 0.35),
        hat=bool(rng.random() < 0.15),
    )


@dataclass(frozen=True)
class Pose:
    """Angles in radians; pairs are (left, right). Zero: standing straight, arms hanging."""

    lean: float = 0.0
    hip: tuple[float, float] = (0.0, 0.0)  # thigh forward
    knee: tuple[float, float] = (0.0, 0.0)  # bend
    spread: tuple[float, float] = (0.03, 0.03)  # leg outward
    shoulder: tuple[float, float] = (0.0, 0.0)  # upper arm forward
    elbow: tuple[float, float] = (0.15, 0.15)  # bend
    lift: tuple[float, float] = (0.1, 0.1)  # arm outward
    head: float = 0.0  # nod forward
    twist: float = 0.0  # shoulders against hips


@dataclass
class Skeleton:
    """Joint positions in local axes: x forward, y left, z up; pairs are [left, right]."""

    pelvis: Floats
    chest: Floats
    head: Floats
    hips: list[Floats]
    knees: list[Floats]
    ankles: list[Floats]
    toes: list[Floats]
    shoulders: list[Floats]
    elbows: list[Floats]
    wrists: list[Floats]


def _swing(forward: float, outward: float, side: float) -> Floats:
    """Unit vector that hangs down, swung forward and outward."""
    co = np.cos(outward)
    return np.array([np.sin(forward) * co, side * np.sin(outward), -np.cos(forward) * co], np.float32)


def pose_skeleton(pose: Pose) -> Skeleton:
    """Forward kinematics with the pelvis at the origin."""
    up = np.array([np.sin(pose.lean), 0, np.cos(pose.lean)], np.float32)
    nod = pose.lean + pose.head
    chest = up * TORSO
    head = chest + np.array([np.sin(nod), 0, np.cos(nod)], np.float32) * 0.23
    bones = Skeleton(np.zeros(3, np.float32), chest, head, [], [], [], [], [], [], [])
    for index, side in enumerate((1.0, -1.0)):
        hip = np.array([0, 0.09 * side, 0], np.float32)
        knee = hip + THIGH * _swing(pose.hip[index], pose.spread[index], side)
        shin = pose.hip[index] - pose.knee[index]
        ankle = knee + SHIN * _swing(shin, pose.spread[index] * 0.6, side)
        flat = shin * 0.6
        toe = ankle + np.array([np.cos(flat) * 0.17, side * 0.03, np.sin(flat) * 0.17 - 0.02], np.float32)
        ct, st = np.cos(pose.twist), np.sin(pose.twist)
        shoulder = chest + np.array([-side * 0.18 * st, side * 0.18 * ct, -0.03], np.float32)
        elbow = shoulder + UPPER_ARM * _swing(pose.shoulder[index], pose.lift[index], side)
        bend = pose.shoulder[index] + pose.elbow[index]
        wrist = elbow + FOREARM * _swing(bend, pose.lift[index] * 0.3, side)
        bones.hips.append(hip)
        bones.knees.append(knee)
        bones.ankles.append(ankle)
        bones.toes.append(toe)
        bones.shoulders.append(shoulder)
        bones.elbows.append(elbow)
        bones.wrists.append(wrist)
    return bones


def reach(root: Floats, target: Floats, upper: float, lower: float, forward: float) -> Floats:
    """The middle joint of a two-bone limb from root to target, bent toward +x (forward 1) or -x."""
    gap = target - root
    length = min(float(np.sqrt(gap @ gap)), upper + lower - 1e-3)
    unit = gap / max(float(np.sqrt(gap @ gap)), 1e-6)
    along = (upper**2 - lower**2 + length**2) / (2 * length)
    off = np.sqrt(max(upper**2 - along**2, 0.0))
    side = np.array([-unit[2], 0, unit[0]], np.float32)
    side = side * np.sign(side[0] * forward or 1.0) / max(float(np.sqrt(side @ side)), 1e-6)
    return np.asarray(root + unit * along + side * off, np.float32)


def dress(bones: Skeleton, look: Appearance) -> Capsules:
    """Capsules around the joints."""
    g = look.girth
    sleeve = look.top if look.long_sleeves else look.skin
    calf = look.skin if look.shorts else look.legs
    rows: list[tuple[Point, Point, float, float, Colour]] = []

    def add(a: Reals, b: Reals, ra: float, rb: float, colour: Colour) -> None:
        rows.append((_point(a), _point(b), ra, rb, colour))

    spine = bones.chest - bones.pelvis
    add(bones.pelvis + spine * 0.05, bones.chest - spine * 0.1, 0.125 * g, 0.13 * g, look.top)
    if look.coat:
        low = bones.pelvis + ((bones.knees[0] + bones.knees[1]) / 2 - bones.pelvis) * 0.75
        add(bones.pelvis + spine * 0.1, low, 0.125 * g, 0.13 * g, look.top)
    for side in (0, 1):
        hip, shoulder = bones.hips[side], bones.shoulders[side]
        inner = bones.chest + (shoulder - bones.chest) * 0.5 - spine * 0.06
        add(hip * 0.85, inner, 0.115 * g, 0.125 * g, look.top)
        add(hip + spine * 0.02, bones.knees[side], 0.1 * g, 0.068, look.legs)
        add(bones.knees[side], bones.ankles[side], 0.066, 0.045, calf)
        add(bones.ankles[side], bones.toes[side], 0.05, 0.04, look.shoes)
        add(shoulder, bones.elbows[side], 0.068 * g, 0.052, look.top)
        add(bones.elbows[side], bones.wrists[side], 0.052, 0.04, sleeve)
        hand = bones.wrists[side] + (bones.wrists[side] - bones.elbows[side]) * 0.22
        add(bones.wrists[side], hand, 0.04, 0.042, look.skin)
        if look.coat:
            # Cloth hangs between the legs' mean and this leg, so that it does not balloon in a stride.
            middle = (bones.knees[0] + bones.knees[1]) / 2
            hem = bones.pelvis + (bones.knees[side] * 0.45 + middle * 0.55 - bones.pelvis) * 0.8
            add(hip * 0.8 + spine * 0.1, hem, 0.12 * g, 0.125 * g, look.top)
    add(bones.shoulders[0], bones.shoulders[1], 0.08 * g, 0.08 * g, _dim(look.top, 1.04))
    neck = bones.chest + (bones.head - bones.chest) * 0.3
    add(neck, bones.head, 0.055, 0.06, look.skin)
    face = np.array([0.035, 0, -0.02], np.float32)
    add(bones.head + face, bones.head + face * 0.2, 0.095, 0.1, look.skin)
    crown = (bones.head - bones.chest) * 0.22
    cover = look.top if look.hat else look.hair
    add(bones.head + crown * 0.9 - face * 0.8, bones.head + crown * 0.35 - face * 1.9, 0.102, 0.1, cover)
    if look.long_hair:
        add(bones.head - face * 1.6, bones.head - crown * 2.2 - face * 2.2, 0.1, 0.075, look.hair)
    return Capsules.of(rows)


def _point(vector: Floats) -> Point:
    return (float(vector[0]), float(vector[1]), float(vector[2]))


def _dim(colour: Colour, factor: float) -> Colour:
    return (colour[0] * factor, colour[1] * factor, colour[2] * factor)
