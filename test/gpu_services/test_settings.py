"""What a service is told from outside."""

import pytest

from core.settings import Settings, read_settings


def test_nothing_told_leaves_everything_open() -> None:
    assert read_settings({}) == Settings()


def test_the_supervisors_variables_are_read() -> None:
    settings = read_settings(
        {
            "ROUNDHOUSE_SOCKET": "/run/m.sock",
            "ROUNDHOUSE_BOOT_ID": "boot-1",
            "ROUNDHOUSE_MODEL": "smollm2",
            "ROUNDHOUSE_ARGS": '{"n_ctx": 512}',
            "ROUNDHOUSE_EVENTS_FD": "3",
        }
    )
    assert settings == Settings("/run/m.sock", None, "boot-1", "smollm2", {"n_ctx": 512}, 3)


def test_options_win_over_variables() -> None:
    environ = {"ROUNDHOUSE_SOCKET": "/run/m.sock", "ROUNDHOUSE_SERVICE_PORT": "1", "ROUNDHOUSE_ARGS": "{}"}
    settings = read_settings(environ, ["--port", "8001", "--args", '{"a": 1}'])
    assert (settings.socket_path, settings.port, settings.args) == (None, 8001, {"a": 1})
    assert read_settings(environ, ["--socket", "/tmp/s"]).socket_path == "/tmp/s"


@pytest.mark.parametrize(
    ("environ", "argv", "message"),
    [
        ({"ROUNDHOUSE_ARGS": "{"}, [], "args is not JSON"),
        ({"ROUNDHOUSE_ARGS": "[1]"}, [], "args must be a JSON object"),
        ({"ROUNDHOUSE_SERVICE_PORT": "x"}, [], "ROUNDHOUSE_SERVICE_PORT must be a whole number, not 'x'"),
        ({}, ["--port", "x"], "argument --port: invalid int value: 'x'"),
        ({}, ["--port", "1", "--socket", "/s"], "not allowed with argument --port"),
    ],
)
def test_a_wrong_one_is_named(
    environ: dict[str, str], argv: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        read_settings(environ, argv)
    assert message in capsys.readouterr().err


def test_the_supervisor_says_whether_a_model_is_to_sleep() -> None:
    assert read_settings({"ROUNDHOUSE_SLEEP": "1"}).sleep is True
    assert read_settings({}).sleep is False
