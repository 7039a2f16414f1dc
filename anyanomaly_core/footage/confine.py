"""Locks the process it runs in: no network, no files, no privileges, bounded resources. Linux only.

This file is run as a script by :mod:`anyanomaly_core.footage.sandbox` (``python -I -S confine.py PLAN PROGRAM ...``)
in the child that then becomes ffmpeg, and imported by the probing child. It therefore uses the standard library only
and imports nothing of this package. What each layer stops is written down in ``docs/footage.md``.
"""

import ctypes
import json
import os
import platform
import resource
import signal
import struct
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)

# Numbers from the kernel's headers, for prctl,
_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 1, 22, 24, 38
# for unshare,
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
# and for Landlock, which libc does not wrap.
_LANDLOCK_CREATE_RULESET, _LANDLOCK_ADD_RULE, _LANDLOCK_RESTRICT_SELF = 444, 445, 446
_FS_EXECUTE, _FS_READ_FILE, _FS_READ_DIR = 1 << 0, 1 << 2, 1 << 3
# What a dynamic loader needs; everything else in the file system is out of reach.
LIBRARY_PATHS = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache")

# System calls refused with EACCES, per machine: (audit architecture, numbers). io_uring can open sockets too.
_REFUSED_CALLS = {
    # socket, socketpair, connect, bind, listen, ptrace, mount, io_uring_setup, process_vm_readv/writev, bpf, keyctl
    "x86_64": (0xC000003E, (41, 53, 42, 49, 50, 101, 165, 425, 310, 311, 321, 250)),
    "aarch64": (0xC00000B7, (198, 199, 203, 200, 201, 117, 40, 425, 270, 271, 280, 219)),
}
_X32_BIT = 0x40000000  # the second numbering of system calls on x86_64


def _call(result: int, what: str) -> None:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")


def limit_resources(limits: dict[str, int]) -> None:
    """Set resource limits by name (``{"AS": bytes, "CPU": seconds, ...}``), never above the present hard limit."""
    for name, value in limits.items():
        number = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(number)[1]
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(number, (bound, bound))


def leave_network() -> None:
    """Move into a network namespace that has no interface (needs unprivileged user namespaces, or root)."""
    _call(_LIBC.unshare(_CLONE_NEWUSER | _CLONE_NEWNET), "unshare")


def drop_capabilities() -> None:
    """Give up every capability, and the way back to them over an exec, root or not."""
    last = int(Path("/proc/sys/kernel/cap_last_cap").read_text(encoding="ascii"))
    for capability in range(last + 1):
        if _LIBC.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) < 0 and os.geteuid() == 0:
            _call(-1, "prctl(PR_CAPBSET_DROP)")  # an ordinary user may not, and needs not: it has none to give up
    nobody = struct.pack("=Ii", 0x20080522, 0)  # the third version of the call, this process
    _call(_LIBC.capset(nobody, bytes(24)), "capset")


def restrict_files(executables: Sequence[str]) -> None:
    """Allow reading the system's libraries and running ``executables``; no other path can be opened (Landlock)."""
    abi = _LIBC.syscall(_LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), 1)
    _call(abi, "landlock_create_ruleset")
    bits = {1: 13, 2: 14, 3: 15, 4: 15}.get(abi, 16)  # file access rights this kernel knows
    net = 0b11 if abi >= 4 else 0  # bind and connect TCP  # noqa: PLR2004
    scoped = 0b11 if abi >= 6 else 0  # abstract UNIX sockets and signals to outside  # noqa: PLR2004
    attributes = struct.pack("=QQQ", (1 << bits) - 1, net, scoped)
    size = 8 if abi < 4 else 16 if abi < 6 else 24  # noqa: PLR2004
    ruleset = _LIBC.syscall(_LANDLOCK_CREATE_RULESET, attributes, ctypes.c_size_t(size), 0)
    _call(ruleset, "landlock_create_ruleset")
    for path in (*LIBRARY_PATHS, *executables):
        if not Path(path).exists():
            continue
        rights = _FS_EXECUTE | _FS_READ_FILE | (_FS_READ_DIR if Path(path).is_dir() else 0)
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
        rule = struct.pack("=Qi", rights, handle)
        _call(_LIBC.syscall(_LANDLOCK_ADD_RULE, ruleset, 1, rule, 0), f"landlock_add_rule {path}")
        os.close(handle)
    _call(_LIBC.syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0), "landlock_restrict_self")
    os.close(ruleset)


def refuse_system_calls() -> None:
    """Refuse sockets, tracing, mounting and io_uring with a seccomp filter."""
    machine = platform.machine()
    if machine not in _REFUSED_CALLS:
        raise OSError(f"no seccomp filter for {machine}")
    architecture, numbers = _REFUSED_CALLS[machine]
    load, equal, at_least, give = 0x20, 0x15, 0x35, 0x06  # BPF: LD abs, JEQ, JGE, RET
    allow, refuse, kill = 0x7FFF0000, 0x00050000 | 13, 0x80000000  # ALLOW, ERRNO(EACCES), KILL_PROCESS
    program = [
        (load, 0, 0, 4),  # architecture of the call
        (equal, 1, 0, architecture),
        (give, 0, 0, kill),
        (load, 0, 0, 0),  # its number
        (at_least, len(numbers) + 1, 0, _X32_BIT),
    ]
    program += [(equal, len(numbers) - at, 0, number) for at, number in enumerate(numbers)]
    # The comparisons above jump here: first "allow" for no match, then "refuse".
    program += [(give, 0, 0, allow), (give, 0, 0, refuse)]
    packed = b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
    code = ctypes.create_string_buffer(packed, len(packed))
    header = ctypes.create_string_buffer(struct.pack("@HP", len(program), ctypes.addressof(code)))
    _call(_LIBC.prctl(_PR_SET_SECCOMP, 2, header, 0, 0), "prctl(PR_SET_SECCOMP)")


def confine(limits: dict[str, int], executables: Sequence[str]) -> dict[str, str]:
    """Apply every layer to this process.

    Args:
        limits: resource limits, see :func:`limit_resources`.
        executables: files that may still be run.

    Returns:
        Layer name to why the kernel would not give it; empty when all are in force. Resource limits and
        ``no_new_privs`` are always available: their failure raises OSError.
    """
    limit_resources(limits)
    missing: dict[str, str] = {}
    layers: tuple[tuple[str, Callable[[], None]], ...] = (
        ("network namespace", leave_network),
        ("capabilities", drop_capabilities),
        ("landlock", lambda: restrict_files(executables)),
        ("seccomp", refuse_system_calls),
    )
    _call(_LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl(PR_SET_NO_NEW_PRIVS)")
    for name, apply in layers:
        try:
            apply()
        except OSError as error:
            missing[name] = str(error)
    # The child does not outlive the process that reads from it.
    _call(_LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl(PR_SET_PDEATHSIG)")
    return missing


def main() -> None:
    """``confine.py PLAN PROGRAM ARGUMENT ...``: confine this process and become PROGRAM."""
    plan, program, arguments = sys.argv[1], sys.argv[2], sys.argv[2:]
    missing = confine(json.loads(plan), [program])
    if os.environ.get("CONFINE_REPORT"):
        os.write(1, json.dumps(missing).encode())
        return
    os.execv(program, arguments)  # noqa: S606


if __name__ == "__main__":
    main()
