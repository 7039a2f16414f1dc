"""Complete people doing something, alone or with a thing, in world coordinates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anyanomaly_core.demo.world import gait
from anyanomaly_core.demo.world.body import (
    FOREARM,
    SHIN,
    THIGH,
    UPPER_ARM,
    Appearance,
    Pose,
    Skeleton,
    dress,
    pose_skeleton,
    reach,
)
from anyanomaly_core.demo.world.shapes import Capsules, Face, Mesh, Parts
from anyanomaly_core.demo.world.things import board, cycle_mesh, pram, umbrella
from anyanomaly_core.demo.world.types import Floats


@dataclass(frozen=True)
class Motion:
    """Where something is at one moment: ground position, heading, metres travelled, seconds."""

    x: float
    y: float
    heading: float
    travelled: float
    t: float
    speed: float = 0.0


def _stand(look: Appearance, pose: Pose, at: Motion, hop: float = 0.0) -> Capsules:
    caps = dress(pose_skeleton(pose), look).grounded().placed(at.x, at.y, at.heading, look.scale)
    lift = np.array([0, 0, hop], np.float32)
    return Capsules(caps.a + lift, caps.b + lift, caps.ra, caps.rb, caps.colour)


def pedestrian(look: Appearance, seed: int, at: Motion, carries: str = "") -> Parts:
    """Walking when in motion, else standing; may carry a "bag" or an "umbrella" in hand."""
    pose = gait.walk(at.travelled / gait.WALK_STRIDE) if at.speed > 0.05 else gait.stand(seed, at.t)
    if carries == "umbrella":
        pose = Pose(
            pose.lean, pose.hip, pose.knee, pose.spread, (pose.shoulder[0], 0.75), (pose.elbow[0], 1.7), pose.lift
        )
    bones = pose_skeleton(pose)
    sets, canopy = [dress(bones, look)], None
    if carries == "bag":
        sets.append(_handbag(bones, seed))
    if carries == "umbrella":
        stick, canopy = umbrella(bones.wrists[1], bones.head, seed)
        sets.append(stick)
    caps = Capsules.join(sets)
    standing = caps.grounded()
    person = Parts(standing.placed(at.x, at.y, at.heading, look.scale))
    if canopy is not None:
        up = np.array([0, 0, standing.a[0, 2] - caps.a[0, 2]], np.float32)
        raised = Mesh([Face(f.points + up, f.colour, two_sided=True) for f in canopy.faces])
        person.meshes.append(raised.placed(at.x, at.y, at.heading, look.scale))
    return person


def _handbag(bones: Skeleton, seed: int) -> Capsules:
    grip = bones.wrists[seed % 2]
    x, y, z = float(grip[0]), float(grip[1]), float(grip[2])
    tone = ((0.2, 0.16, 0.13), (0.45, 0.3, 0.22), (0.5, 0.5, 0.48), (0.15, 0.18, 0.26))[seed % 4]
    return Capsules.of(
        [((x - 0.08, y, z - 0.28), (x + 0.1, y, z - 0.28), 0.1, 0.1, tone),
         ((x, y, z - 0.05), (x, y, z - 0.2), 0.015, 0.015, tone)]
    )  # fmt: skip


def runner(look: Appearance, at: Motion) -> Parts:
    """Somebody running."""
    cycle = at.travelled / gait.RUN_STRIDE
    hop = 0.07 * abs(np.sin(2 * np.pi * cycle))
    return Parts(_stand(look, gait.run(cycle), at, hop))


def lying(look: Appearance, seed: int, at: Motion) -> Parts:
    """Somebody lying on the ground: on the back, the front or a side."""
    rng = np.random.default_rng(seed)
    roll = float(rng.choice([0.0, np.pi, np.pi / 2, -np.pi / 2])) + float(rng.uniform(-0.25, 0.25))
    caps = dress(pose_skeleton(gait.lie(seed)), look)
    spin = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]], np.float32)
    flat = np.array([[0, 0, 1], [0, 1, 0], [-1, 0, 0]], np.float32)
    down = caps.rotated(flat @ spin)
    # Arms and legs that would hang in the air or under the ground are pressed flat onto it.
    centre = float(np.median(down.a[:, 2]))
    for ends in (down.a, down.b):
        ends[:, 2] = 0.1 + np.clip((ends[:, 2] - centre) * 0.45, -0.06, 0.3)
    low = np.minimum(down.a[:, 2] - down.ra, down.b[:, 2] - down.rb)
    lift = np.maximum(-low, 0)
    down.a[:, 2] += lift
    down.b[:, 2] += lift
    return Parts(down.placed(at.x, at.y, at.heading, look.scale))


def fighters(looks: tuple[Appearance, Appearance], seed: int, at: Motion) -> Parts:
    """Two people at each other's throats."""
    rng = np.random.default_rng(seed)
    gap = 0.36 + 0.06 * float(rng.random()) + 0.05 * np.sin(at.t * 2.3)
    turn = at.heading + 0.3 * np.sin(at.t * 0.8 + seed)
    caps = []
    for role, (look, sign) in enumerate(zip(looks, (-1, 1), strict=True)):
        dx, dy = np.cos(turn) * gap * sign, np.sin(turn) * gap * sign
        facing = turn if sign < 0 else turn + np.pi
        spot = Motion(at.x + dx, at.y + dy, facing, 0.0, at.t)
        caps.append(_stand(look, gait.fight(seed, at.t, role), spot))
    return Parts(Capsules.join(caps))


def cyclist(look: Appearance, seed: int, at: Motion) -> Parts:
    """Somebody riding a bicycle."""
    crank = at.travelled / 0.34 * 0.42
    saddle = np.array([-0.22, 0, 0.98], np.float32)
    bones = pose_skeleton(Pose(lean=0.62 if seed % 3 else 0.4, head=-0.35))
    for joints in (bones.hips, bones.shoulders):
        joints[:] = [joint + saddle for joint in joints]
    bones.pelvis, bones.chest, bones.head = bones.pelvis + saddle, bones.chest + saddle, bones.head + saddle
    for side, sign in ((0, 1.0), (1, -1.0)):
        angle = crank + (np.pi if side else 0.0)
        pedal = np.array([0.02 - 0.17 * np.sin(angle), 0.1 * sign, 0.34 + 0.17 * np.cos(angle)], np.float32)
        bones.ankles[side] = pedal + np.array([-0.04, 0, 0.07], np.float32)
        bones.toes[side] = pedal + np.array([0.1, 0, 0.03], np.float32)
        bones.knees[side] = reach(bones.hips[side], bones.ankles[side], THIGH, SHIN, 1.0)
        bones.wrists[side] = np.array([0.42, 0.24 * sign, 1.06], np.float32)
        bones.elbows[side] = reach(bones.shoulders[side], bones.wrists[side], UPPER_ARM, FOREARM, -1.0)
    near, far = _sides(dress(bones, look))
    mesh, frame = cycle_mesh(seed, crank)
    caps = Capsules.join([near, far, frame]).placed(at.x, at.y, at.heading)
    return Parts(caps, [mesh.placed(at.x, at.y, at.heading)])


def _sides(caps: Capsules) -> tuple[Capsules, Capsules]:
    left = (caps.a + caps.b)[:, 1] >= 0
    return _subset(caps, left), _subset(caps, ~left)


def _subset(caps: Capsules, keep: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Capsules:
    return Capsules(caps.a[keep], caps.b[keep], caps.ra[keep], caps.rb[keep], caps.colour[keep])


def skater(look: Appearance, seed: int, at: Motion) -> Parts:
    """Somebody riding a skateboard, standing side-on."""
    side = np.pi / 2 if seed % 2 else -np.pi / 2
    body = dress(pose_skeleton(gait.skate(seed, at.t)), look).grounded()
    shift: Floats = np.array([-float(body.a[:, 0].mean()) * 0.5, 0, 0.16 / look.scale], np.float32)
    raised = Capsules(body.a + shift, body.b + shift, body.ra, body.rb, body.colour)
    deck, wheels = board(seed)
    caps = Capsules.join([raised.placed(at.x, at.y, at.heading + side, look.scale),
                          wheels.placed(at.x, at.y, at.heading)])  # fmt: skip
    return Parts(caps, [deck.placed(at.x, at.y, at.heading)])


def pram_pusher(look: Appearance, seed: int, at: Motion) -> Parts:
    """Somebody walking behind a pram."""
    person = _stand(look, gait.push(at.travelled / gait.WALK_STRIDE), at)
    ahead = 0.98 * look.scale
    x, y = at.x + ahead * np.cos(at.heading), at.y + ahead * np.sin(at.heading)
    caps, mesh = pram(seed)
    return Parts(Capsules.join([person, caps.placed(x, y, at.heading)]), [mesh.placed(x, y, at.heading)])
