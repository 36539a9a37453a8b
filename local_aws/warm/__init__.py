"""Jobs, containers of endpoints and functions as forks of interpreters that have imported their packages, on Linux.

`starter` (in the server) starts `zygote`, which imports packages and forks a `room` for each container. The room gives
the container its /opt/ml, runs its command, and forks itself for each `python3` of the command (`stub`, the python3 on
its PATH, asks for it); the fork is turned into that Python by `become`. A Lambda `function` is one fork without a room,
which `process` shows to ministack as a `Popen`. Whatever a fork cannot stand for exactly (`call` decides) is a new
Python, as everything is where there is no zygote. Only `starter` and `process` are imported by the server.
"""
