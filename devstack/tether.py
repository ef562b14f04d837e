"""Become another program: `python -IS tether.py PARENT UID GID PROGRAM [ARGUMENT...]`.

The program dies with the process PARENT, or outlives every process when that is 0. This stands
between fork and exec as a program of its own: `preexec_fn` is unsafe where the parent has threads.
It changes the user itself: a change of user forgets the parent-death signal, and that user may not
be able to reach this interpreter. Standard library only.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(parent: str, uid: str, gid: str, *command: str) -> None:
    """Take on the user, tie this process to its parent, and become the program."""
    if int(uid) != os.getuid():
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
    if int(parent):
        tie_to_parent(signal.SIGKILL)
        if os.getppid() != int(parent):  # it died before the line above
            return
    os.execv(command[0], command)  # noqa: S606 - no shell, on purpose


def tie_to_parent(signum: signal.Signals) -> None:
    """Have the kernel send this process a signal when its parent dies."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signum))


if __name__ == "__main__":
    main(*sys.argv[1:])
