"""What a serving stack calls its switch, for the command line too, which does without the CDK."""

RUNNING, ASKED = "Running", "RunningAsked"
"""The stack parameters: "on" or "off", and when or by what that was asked for."""
NOW = "RunningNow"
"""The output that tells what the last operation deployed."""
ON, OFF = "on", "off"
