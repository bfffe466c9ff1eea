"""The program that a tool runs in: shuts every door it can, then does what it was asked. Not imported, but started.

    python -I -S jail.py        one JSON line on stdin: {"tool", "text", "memory_bytes", "cpu_s"}

It knows only the standard library. What it prints is the result. Exit codes: 0 done, 1 what was asked failed (the last
line printed says how), 3 this system cannot wall a program in, so that it was not run.

Doors, none of which needs root (Linux; `man 7 landlock`, `man 2 seccomp`, `man 2 setrlimit`):

    memory, CPU, files    setrlimit
    no new rights         PR_SET_NO_NEW_PRIVS, and the kernel kills it when its parent dies
    no network            a network namespace of its own, Landlock's TCP rules, and seccomp refuses to make a socket
    no files              Landlock: only the libraries of Python can be read, nothing can be written
    no other processes    seccomp refuses fork, exec, signals and looking into others
"""

from __future__ import annotations

import ctypes
import io
import json
import os
import platform
import struct
import sys
import sysconfig
import traceback
from typing import Any

REFUSED = 3
_SYS_LANDLOCK = (444, 445, 446)  # create_ruleset, add_rule, restrict_self: the same on every architecture
_READ = (1 << 0) | (1 << 2) | (1 << 3)  # execute (to map libraries), read file, read folder
_FILE_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1}
_FILE_RIGHTS_NOW = (1 << 16) - 1  # since version 5
_SYSTEM = ("/usr/lib", "/lib", "/lib64", "/usr/share/zoneinfo")
_TCP_RIGHTS = 3  # bind and connect, since version 4
# System calls that are refused, by architecture: its AUDIT_ARCH, and the numbers of
#   socket, clone, fork, vfork, execve, kill, ptrace, tkill, tgkill, rt_sigqueueinfo, rt_tgsigqueueinfo, unshare, setns,
#   process_vm_readv and _writev, bpf, execveat, pidfd_send_signal, io_uring_setup, pidfd_open, clone3, pidfd_getfd,
#   and what changes limits, priority or places of other processes.
_CALLS = {
    "x86_64": (
        0xC000003E,
        (41, 56, 57, 58, 59, 62, 101, 200, 234, 129, 297, 272, 308, 310, 311, 321, 322, 424, 425, 434, 435, 438)
        + (302, 141, 144, 203, 314, 251, 256, 279),
    ),
    "aarch64": (
        0xC00000B7,
        (198, 220, 221, 129, 117, 130, 131, 138, 240, 97, 268, 270, 271, 280, 281, 424, 425, 434, 435, 438)
        + (261, 140, 119, 122, 274, 30, 238, 239),
    ),
}


class Unwalled(Exception):
    """This system offers no wall around files; the text says what is missing."""


def limit(memory_bytes: int, cpu_s: int) -> None:
    """Bound memory, CPU time, files and their size."""
    import resource

    for what, most in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 32),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(what)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (most, most))


def wall_in() -> None:
    """Close everything else. Raises `Unwalled` if files or sockets would stay open."""
    if sys.platform != "linux" or platform.machine() not in _CALLS:
        raise Unwalled(f"expected Linux on x86_64 or aarch64, got {sys.platform} on {platform.machine()}")
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(1, 9, 0, 0, 0)  # PR_SET_PDEATHSIG, SIGKILL
    if libc.prctl(38, 1, 0, 0, 0) != 0:  # PR_SET_NO_NEW_PRIVS
        raise Unwalled("expected a kernel that can refuse new rights")
    libc.unshare(0x10000000 | 0x40000000)  # a user and a network of its own: may be forbidden, the rest holds without
    _landlock(libc)
    _seccomp(libc)


def _landlock(libc: Any) -> None:
    version = libc.syscall(_SYS_LANDLOCK[0], None, 0, 1)
    if version < 1:
        raise Unwalled("expected a kernel with Landlock (5.13 or newer, enabled), got none")
    rights = _FILE_RIGHTS.get(version, _FILE_RIGHTS_NOW)
    ruleset = struct.pack("=QQQ", rights, _TCP_RIGHTS if version >= 4 else 0, 3 if version >= 6 else 0)
    size = 8 if version < 4 else 16 if version < 6 else 24
    handle = libc.syscall(_SYS_LANDLOCK[0], ruleset[:size], ctypes.c_size_t(size), 0)
    if handle < 0:
        raise Unwalled(f"expected Landlock to take its rules, got: {os.strerror(ctypes.get_errno())}")
    for folder in _libraries():
        opened = os.open(folder, os.O_PATH | os.O_CLOEXEC)
        rule = struct.pack("=Qi", _READ, opened)
        libc.syscall(_SYS_LANDLOCK[1], handle, 1, rule, 0)
        os.close(opened)
    if libc.syscall(_SYS_LANDLOCK[2], handle, 0) != 0:
        raise Unwalled(f"expected Landlock to close, got: {os.strerror(ctypes.get_errno())}")
    os.close(handle)


def _libraries() -> list[str]:
    """Folders that importing the standard library reads."""
    own = {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}
    return [
        folder
        for folder in sorted({*own, "/usr/lib", "/lib", "/lib64", "/usr/share/zoneinfo"})
        if os.path.isdir(folder)
    ]


def _seccomp(libc: Any) -> None:
    """A filter of the classic Berkeley kind: another architecture dies, the calls of `_CALLS` are not permitted."""
    arch, numbers = _CALLS[platform.machine()]
    load, equal, above, ret = 0x20, 0x15, 0x35, 0x06
    allow, forbid, kill = 0x7FFF0000, 0x00050001, 0x80000000  # forbid: errno 1, EPERM
    program = [(load, 0, 0, 4), (equal, 1, 0, arch), (ret, 0, 0, kill), (load, 0, 0, 0)]
    program += [(above, 0, 1, 0x40000000), (ret, 0, 0, kill)]  # the x32 way around
    for number in numbers:
        program += [(equal, 0, 1, number), (ret, 0, 0, forbid)]
    program += [(ret, 0, 0, allow)]
    packed = b"".join(struct.pack("=HBBI", *step) for step in program)
    code = ctypes.create_string_buffer(packed, len(packed))
    header = struct.pack("@HxxxxxxP" if struct.calcsize("P") == 8 else "@HxxP", len(program), ctypes.addressof(code))
    if libc.prctl(22, 2, ctypes.create_string_buffer(header, len(header)), 0, 0) != 0:  # PR_SET_SECCOMP, FILTER
        raise Unwalled(f"expected a kernel with seccomp, got: {os.strerror(ctypes.get_errno())}")


def calculate(text: str) -> None:
    """Print the value of an arithmetic expression: numbers, operators and functions of `math`, nothing else."""
    import ast
    import math

    known: dict[str, Any] = {name: value for name, value in vars(math).items() if not name.startswith("_")}
    known |= {function.__name__: function for function in (abs, round, min, max, sum, pow, int, float)}
    tree = ast.parse(text.strip(), mode="eval")
    fine = (
        ast.Expression, ast.BinOp, ast.UnaryOp, ast.Constant, ast.Call, ast.Name, ast.Load, ast.List, ast.Tuple,
        ast.operator, ast.unaryop, ast.Compare, ast.cmpop,
    )  # fmt: skip
    for node in ast.walk(tree):
        if not isinstance(node, fine) or (isinstance(node, ast.Constant) and not isinstance(node.value, int | float)):
            raise ValueError(f"expected arithmetic, got {type(node).__name__}")
        if isinstance(node, ast.Call) and not (isinstance(node.func, ast.Name) and not node.keywords):
            raise ValueError("expected functions of math by their names")
    print(eval(compile(tree, "expression", "eval"), {"__builtins__": {}}, known))


def python(text: str) -> None:
    """Run a program; the value of its last line is printed if it is an expression, as at a prompt."""
    import ast

    tree = ast.parse(text)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    scope: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(tree, "program", "exec"), scope)
    if isinstance(last, ast.Expr):
        value = eval(compile(ast.Expression(last.value), "program", "eval"), scope)
        if value is not None:
            print(value if isinstance(value, str) else repr(value))


def main() -> int:
    """Do what stdin asks for, walled in; returns the exit code."""
    asked = json.loads(sys.stdin.readline())
    sys.stdin = io.StringIO()
    try:
        limit(asked["memory_bytes"], asked["cpu_s"])
        wall_in()
    except (Unwalled, ImportError, OSError) as error:
        print(f"not run: {error}")
        return REFUSED
    try:
        {"calculate": calculate, "python": python}[asked["tool"]](asked["text"])
    except BaseException as error:
        print("".join(traceback.format_exception_only(error)).strip())
        return 1
    finally:
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)
