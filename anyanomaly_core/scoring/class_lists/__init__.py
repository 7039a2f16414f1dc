"""Classes of the published benchmarks, one a line, in files beside this one.

``c-avenue`` and ``c-shanghaitech`` are what AnyAnomaly's class adaption compares windows with; the other five are the
words that LAVIDA is prompted with. They are each benchmark's own taxonomy: a figure reached with them had help.
"""

from importlib import resources

from anyanomaly_core.errors import ConfigurationError, did_you_mean

DATA_SET = "data-set"  # the list of whatever is evaluated


def class_lists() -> list[str]:
    """Names of the lists."""
    files = resources.files(__name__).iterdir()
    return sorted(file.name.removesuffix(".txt") for file in files if file.name.endswith(".txt"))


def class_list(name: str) -> tuple[str, ...]:
    """The classes of a benchmark, in its authors' order and spelling.

    Raises:
        ConfigurationError: when there is no such list.
    """
    if name not in class_lists():
        known = did_you_mean(name, [DATA_SET, *class_lists()])
        raise ConfigurationError(f"contexts.class_list: there is no list {name!r}; {known}")
    return tuple(resources.files(__name__).joinpath(f"{name}.txt").read_text(encoding="utf-8").splitlines())
