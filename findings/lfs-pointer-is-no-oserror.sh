#!/bin/sh
# A weights file that is a Git LFS pointer makes safetensors raise an error that no handler of OSError or ValueError catches.
# Version: safetensors 0.8.0, numpy 2.4.6. Source: SafetensorError derives from Exception alone; the pointer's first eight bytes are read as a length.
# Behaviour: the message speaks of a header that is too large and names neither the file nor LFS.
# Output seen 2026-11-28: SafetensorError, bases ['Exception'], names the file: False
. "$(dirname "$0")/lib.sh"
need safetensors==0.8.0 numpy==2.4.6
py <<'E'
from safetensors import SafetensorError, safe_open
with open("model.safetensors", "w") as file:
    file.write("version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 12345678\n")
try:
    safe_open("model.safetensors", "np")
    found = "nothing raised"
except SafetensorError as error:
    found = f"SafetensorError, bases {[b.__name__ for b in type(error).__bases__]}, names the file: {'model' in str(error)}"
print(found)
assert found == "SafetensorError, bases ['Exception'], names the file: False"
E
