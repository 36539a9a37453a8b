"""Jobs and containers of endpoints as forks of one interpreter that has imported their packages, on Linux.

`starter` (in the server) starts `zygote`, which imports packages and forks a `room` for each container. The room gives
the container its /opt/ml, runs its command, and forks itself for each `python3` of the command (`stub`, the python3 on
its PATH, asks for it); the fork is turned into that Python by `become`. Whatever a fork cannot stand for exactly
(`call` decides) is a new Python, as everything is where there is no zygote. Only `starter` is imported by the server.
"""
