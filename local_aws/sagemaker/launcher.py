"""Runs one command with a private /opt/ml; started by `container.py` as `python -I -S launcher.py`, never imported.

Stdin begins with the length of what follows in 8 bytes, then, marshalled, a dictionary: argv, env, cwd, opt_ml (folder
to show at /opt/ml, or None to show nothing) and mount_point (an empty folder). Stdin then stays open: when the server
goes away it ends, and everything started here is killed. Exit code: the command's own, or 128 + signal, as a shell
reports it. Standard library only, and few modules of it, because this start-up is paid for each job.
"""

# Importing pathlib, json and signal, for their enumerations and patterns, would double the start-up time.
# ruff: noqa: PTH102, PTH115, PTH123, PTH211

import _signal as signal  # type: ignore[import-not-found]
import marshal
import os
import sys

CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 1 << 18


def main() -> None:
    length = int.from_bytes(sys.stdin.buffer.read(8), "big")
    spec = marshal.loads(sys.stdin.buffer.read(length))  # noqa: S302 - written by container.py
    if spec["opt_ml"] is not None:
        show_at_opt_ml(spec["opt_ml"], spec["mount_point"])
    if not spec["argv"]:
        return
    child = fork_command()
    if child == 0:
        execute(spec)
    kill_group_at_end_of_stdin()
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else 128 - code)


def fork_command() -> int:
    """`os.fork`; from then on SIGTERM ends the child alone: a stop goes to the whole group, and the command decides how
    to end. It is held back meanwhile, since the command may be ready, and be stopped, before the parent goes on."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    child = os.fork()
    signal.signal(signal.SIGTERM, signal.SIG_DFL if child == 0 else signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    return child


def execute(spec: dict) -> None:  # type: ignore[type-arg]
    try:
        devnull = os.open(os.devnull, os.O_RDONLY)
        os.dup2(devnull, 0)
        os.chdir(spec["cwd"])
        os.execvpe(spec["argv"][0], spec["argv"], spec["env"])  # noqa: S606 - running it is the purpose
    except OSError as error:
        print(f"{spec['argv'][0]}: {error.strerror}", file=sys.stderr, flush=True)
        # The codes a shell gives: 127 not found, 126 found but not runnable.
        os._exit(127 if isinstance(error, FileNotFoundError) else 126)


def kill_group_at_end_of_stdin() -> None:
    import threading

    def watch() -> None:
        while os.read(0, 4096):
            pass
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


def show_at_opt_ml(folder: str, mount_point: str) -> None:
    """Give this process its own view of /opt, in which /opt/ml is `folder` and everything else is as before."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)

    def checked(result: int, what: str) -> None:
        if result != 0:
            raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")

    def mount(source: str, target: str, kind: bytes | None, flags: int) -> None:
        code = libc.mount(source.encode(), target.encode(), kind, ctypes.c_ulong(flags), None)
        checked(code, f"mount {target}")

    uid, gid = os.getuid(), os.getgid()
    checked(libc.unshare(CLONE_NEWUSER | CLONE_NEWNS), "unshare")
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    mount("tmpfs", mount_point, b"tmpfs", 0)
    for entry in os.scandir("/opt"):
        target = f"{mount_point}/{entry.name}"
        if entry.name == "ml":
            continue
        if entry.is_symlink():
            os.symlink(os.readlink(entry.path), target)
            continue
        if entry.is_dir():
            os.mkdir(target)
        else:
            os.close(os.open(target, os.O_CREAT))
        mount(entry.path, target, None, MS_BIND | MS_REC)
    os.mkdir(f"{mount_point}/ml")
    mount(folder, f"{mount_point}/ml", None, MS_BIND | MS_REC)
    mount(mount_point, "/opt", None, MS_BIND | MS_REC)


if __name__ == "__main__":
    main()
