#!/bin/sh
# huggingface_hub 2 raises errors of httpx2 when the hub is out of reach: no OSError, and none of requests or httpx.
# Version: huggingface_hub==2.4.0. Source: huggingface_hub's dependency httpx2; up to 0.x these were requests' errors, which are OSErrors.
# Behaviour: handlers of OSError, requests.ConnectionError or httpx.TransportError around HfApi().model_info() catch nothing.
# Output seen 2026-11-28: httpx2.ConnectError, an OSError: False
. "$(dirname "$0")/lib.sh"
need huggingface_hub==2.4.0
HF_ENDPOINT=http://127.0.0.1:9 NO_PROXY='*' py <<'P'
from huggingface_hub import HfApi
try:
    HfApi().model_info("owner/model")
except Exception as error:
    kind = type(error)
    found = f"{kind.__module__}.{kind.__name__}, an OSError: {isinstance(error, OSError)}"
print(found)
assert found == "httpx2.ConnectError, an OSError: False"
P
