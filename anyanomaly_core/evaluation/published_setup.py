"""What the authors set by data set, for profiles that ask for it (``contexts.class_list: data-set``).

The classes of the class adaption; the whole frame as the largest window on Avenue; and class names as the label files
spell them ("too_close"), which is what their encoder and language model are given.
"""

from dataclasses import replace

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.evaluation.labels.ground_truth import LabelledArchive, readable_name
from anyanomaly_core.profile import Profile
from anyanomaly_core.scoring.class_lists import DATA_SET, class_lists

LISTS = {  # name of an archive, as the readers of labels give it -> its class list
    "avenue": "c-avenue",
    "Avenue": "c-avenue",
    "shtech": "c-shanghaitech",
    "UCF-Crime": "ucf-crime",
    "XD-Violence": "xd-violence",
    "UCSD": "ucsd",
    "UCSDped1": "ucsd",
    "UCSDped2": "ucsd",
}
_LARGE = {"c-avenue": {120: 240}}  # windows of a list that are other than the profile's


def apply_published_setup(archive: LabelledArchive, profile: Profile) -> tuple[LabelledArchive, Profile]:
    """Archive and profile as the authors would run them; both as they are unless the profile asks for it.

    Raises:
        ConfigurationError: when it asks for a data set's classes and they are not known.
    """
    if profile.contexts.class_list != DATA_SET:
        return archive, profile
    name = LISTS.get(archive.name)
    if name is None:
        raise ConfigurationError(
            f"Profile {profile.name} takes its classes from the data set (contexts.class_list), and none are known for "
            f"{archive.name}. Copy the profile and set class_list to one of {', '.join(class_lists())}, or take it out."
        )
    sizes = tuple(_LARGE.get(name, {}).get(size, size) for size in profile.contexts.window_sizes)
    contexts = profile.contexts.model_copy(update={"class_list": name, "window_sizes": sizes})
    texts = {label: _texts_from_label(label, own) for label, own in archive.texts.items()}
    return replace(archive, texts=texts), profile.model_copy(update={"contexts": contexts})


def _texts_from_label(label: str, texts: tuple[str, ...]) -> tuple[str, ...]:
    """``throwing-too_close`` -> throwing, too_close, where nobody has given the class other texts."""
    parts = tuple(label.split("-"))
    return parts if tuple(map(readable_name, parts)) == texts else texts
