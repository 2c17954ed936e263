"""Nothing that a service imports tells anybody about this machine."""

from core.telemetry import SWITCHES, switch_off_telemetry


def test_telemetry_is_off_unless_its_variable_was_set() -> None:
    environ = {"DO_NOT_TRACK": "0"}
    switch_off_telemetry(environ)
    assert environ == {**SWITCHES, "DO_NOT_TRACK": "0"}
