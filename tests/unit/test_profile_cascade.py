"""A cascade is part of what a scorer is, and profiles without one are what they always were."""

import hashlib
import json

import pytest
from pydantic import ValidationError

from anyanomaly_core.profile import PIXELS, REFERENCE, Profile, builtin_profiles, load_profile

LATER = ["system_prompt", "repetition_penalty", "compression"]
REVISIONS = {"encoder": "e", "lvlm": "l"}


def cascaded(profile: Profile, **cascade: float | None) -> Profile:
    return Profile.model_validate(
        {**profile.model_dump(), "scoring": {**profile.scoring.model_dump(), "cascade": cascade}}
    )


def test_no_built_in_profile_has_a_cascade_and_their_digests_do_not_know_the_word() -> None:
    served = {"batch_size", "path", "concurrency", "base_url", "max_visual_tokens"}
    left_out = {"encoder": {"batch_size", "path"}, "lvlm": served}
    for name in builtin_profiles():
        profile = load_profile(name)
        assert profile.scoring.cascade is None
        body = profile.model_dump(mode="json", exclude={"description", "notice"})
        if body["lavida"] is None:
            del body["lavida"]
        else:
            del body["lavida"]["path"]
        for part, names in left_out.items():
            body[part] = {key: value for key, value in body[part].items() if key not in names}
        # written before there were cascades and the paper's own options, the profile has no such keys
        for part, later in {"scoring": ["cascade", "answers"], "lvlm": LATER}.items():
            for key in later:
                del body[part][key]
        for part, key in (("sampling", "segment_s"), ("scoring", "smoothing_s")):
            if body[part][key] is None:
                del body[part][key]
        body |= {"revisions": REVISIONS, "pixels": PIXELS}
        if name == "paper":  # exact since it has these
            body |= {"reference": REFERENCE}
            body["lvlm"] |= {"system_prompt": profile.lvlm.system_prompt, "repetition_penalty": 1.05}
        else:
            del body["contexts"]["class_list"], body["contexts"]["templates"]
        old = hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
        assert profile.digest(REVISIONS) == old


def test_every_part_of_a_cascade_makes_another_scorer_with_the_same_answers() -> None:
    demo = load_profile("demo")
    profiles = [demo, cascaded(demo), cascaded(demo, share=0.3), cascaded(demo, audit=0.1), cascaded(demo, motion=None)]
    assert len({profile.digest(REVISIONS) for profile in profiles}) == len(profiles)
    assert {profile.answers_digest(REVISIONS) for profile in profiles} == {demo.answers_digest(REVISIONS)}
    other = demo.model_copy(update={"scoring": demo.scoring.model_copy(update={"prompt_variant": 1})})
    assert other.answers_digest(REVISIONS) != demo.answers_digest(REVISIONS)


@pytest.mark.parametrize(
    ("cascade", "message"),
    [
        ({"share": 0}, "share"),
        ({"share": 1}, "share"),
        ({"audit": 0}, "audit"),
        ({"motion": 0}, "motion"),
        ({"a": 1}, "a"),
    ],
)
def test_a_cascade_that_makes_no_sense_is_refused(cascade: dict[str, float], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        cascaded(load_profile("demo"), **cascade)


@pytest.mark.parametrize("scorer", ["clip", "baseline"])
def test_a_cascade_needs_both_models(scorer: str) -> None:
    demo = load_profile("demo").model_dump()
    with pytest.raises(ValidationError, match="a cascade needs the scorer anyanomaly"):
        Profile.model_validate({**demo, "scoring": {**demo["scoring"], "scorer": scorer, "cascade": {}}})
