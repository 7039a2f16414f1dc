import importlib.util

import pytest

if importlib.util.find_spec("celery") is None:
    pytest.skip(
        "needs Celery and s3fs: `make test` runs these tests in .local/distributed (.ci/distributed.py)",
        allow_module_level=True,
    )
